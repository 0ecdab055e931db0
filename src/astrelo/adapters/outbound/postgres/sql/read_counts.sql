-- Live records of one CRM, as stored now, in one JSON text.
-- Parameters: 1 user_id, 2 provider.
select jsonb_build_object(
    'companies', (
        select jsonb_build_object('records', count(*), 'entities', count(distinct company_id))
        from crm_companies
        where user_id = $1 and external_source = $2 and archived_at is null),
    'contacts', (
        select jsonb_build_object(
            'total', count(*),
            'linked', jsonb_build_object(
                'provider_id', count(*) filter (where company_match = 'provider_id'),
                'email_domain', count(*) filter (where company_match = 'email_domain')),
            'unlinked', jsonb_build_object(
                'no_email', count(*) filter (where unlinked_reason = 'no_email'),
                'invalid_email', count(*) filter (where unlinked_reason = 'invalid_email'),
                'free_mail', count(*) filter (where unlinked_reason = 'free_mail'),
                'no_company', count(*) filter (where unlinked_reason = 'no_company'),
                'person_account', count(*) filter (where unlinked_reason = 'person_account')))
        from contacts
        where user_id = $1 and external_source = $2 and archived_at is null),
    'deals', (
        select jsonb_build_object(
            'total', count(*), 'linked', count(company_id), 'unlinked', count(*) - count(company_id))
        from deals
        where user_id = $1 and external_source = $2 and archived_at is null),
    'owners', (select count(*) from crm_owners where user_id = $1 and external_source = $2)
)::text
