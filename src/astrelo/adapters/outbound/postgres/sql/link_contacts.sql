-- Decide every contact's company and rep anew; the rule is link_contact's in the domain. user_id, now
with further as (
    -- additional domains that records of one company only name, and that are no company's own
    select named.domain, min(record.company_id::text)::uuid as id
    from company_domains as named
    join crm_companies as record
        on record.user_id = $1 and record.external_source = named.external_source
        and record.external_provider_id = named.external_provider_id and record.archived_at is null
    left join companies as own on own.user_id = $1 and own.domain = named.domain
    where named.user_id = $1 and own.id is null
    group by named.domain
    having count(distinct record.company_id) = 1
),
by_additional_email as (
    select distinct on (person.id) person.id as contact_id, coalesce(own.id, further.id) as company_id
    from contacts as person
    cross join lateral unnest(person.additional_email_domains) with ordinality as email (domain, place)
    left join companies as own on own.user_id = $1 and own.domain = email.domain
    left join further on further.domain = email.domain
    where person.user_id = $1 and person.additional_email_domains is not null
      and coalesce(own.id, further.id) is not null
    order by person.id, email.place
),
found as (
    select person.id, person.is_person_account, person.email_kind, person.additional_email_domains,
        rep.id as crm_rep_id,
        case when not person.is_person_account then told.company_id end as by_record,
        case when not person.is_person_account then
            coalesce(by_host.id, further_host.id, by_registrable.id, further_registrable.id,
                by_additional_email.company_id)
        end as by_domain
    from contacts as person
    left join crm_companies as told
        on told.user_id = $1 and told.external_source = person.external_source
        and told.external_provider_id = person.provider_company_id and told.archived_at is null
    left join companies as by_host
        on by_host.user_id = $1 and by_host.domain = person.email_host
    left join further as further_host on further_host.domain = person.email_host
    left join companies as by_registrable
        on by_registrable.user_id = $1 and by_registrable.domain = person.email_registrable_domain
    left join further as further_registrable on further_registrable.domain = person.email_registrable_domain
    left join by_additional_email on by_additional_email.contact_id = person.id
    left join crm_owners as rep
        on rep.user_id = $1 and rep.external_source = person.external_source
        and rep.external_provider_id = person.owner_provider_id
    where person.user_id = $1
),
decided as (
    select id, crm_rep_id,
        coalesce(by_record, by_domain) as company_id,
        case
            when by_record is not null then 'provider_id'
            when by_domain is not null then 'email_domain'
        end as company_match,
        case
            when coalesce(by_record, by_domain) is not null then null
            when is_person_account then 'person_account'
            when additional_email_domains is not null then 'no_company'
            when email_kind = 'missing' then 'no_email'
            when email_kind = 'invalid' then 'invalid_email'
            when email_kind = 'free_mail' then 'free_mail'
            else 'no_company'
        end as unlinked_reason
    from found
)
update contacts as contact
set company_id = decided.company_id, company_match = decided.company_match,
    unlinked_reason = decided.unlinked_reason, crm_rep_id = decided.crm_rep_id, synced_at = $2
from decided
where contact.user_id = $1 and contact.id = decided.id
  and (contact.company_id, contact.company_match, contact.unlinked_reason, contact.crm_rep_id)
    is distinct from
      (decided.company_id, decided.company_match, decided.unlinked_reason, decided.crm_rep_id)
