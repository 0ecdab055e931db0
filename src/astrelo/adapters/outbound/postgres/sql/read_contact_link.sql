-- What a contact's link rests on.
-- Parameters: 1 user_id, 2 id.
select id, external_source, company_id, company_match, unlinked_reason, provider_company_id,
    company_association, is_person_account, email_kind, email, email_host, email_registrable_domain,
    coalesce(additional_email_domains, '{}') as additional_email_domains
from contacts
where user_id = $1 and id = $2
