-- Decide every contact's company and rep anew; the rule is link_contact's in the domain. user_id, now
update contacts as contact
set company_id = decided.company_id, company_match = decided.company_match,
    unlinked_reason = decided.unlinked_reason, crm_rep_id = decided.crm_rep_id, synced_at = $2
from (
    select person.id, rep.id as crm_rep_id,
           coalesce(told.company_id, by_host.id, by_registrable.id) as company_id,
           case
               when told.company_id is not null then 'provider_id'
               when coalesce(by_host.id, by_registrable.id) is not null then 'email_domain'
           end as company_match,
           case
               when coalesce(told.company_id, by_host.id, by_registrable.id) is not null then null
               when person.email_kind = 'missing' then 'no_email'
               when person.email_kind = 'invalid' then 'invalid_email'
               when person.email_kind = 'free_mail' then 'free_mail'
               else 'no_company'
           end as unlinked_reason
    from contacts as person
    left join crm_companies as told
        on told.user_id = $1 and told.external_source = person.external_source
        and told.external_provider_id = person.provider_company_id and told.archived_at is null
    left join companies as by_host
        on by_host.user_id = $1 and by_host.domain = person.email_host
    left join companies as by_registrable
        on by_registrable.user_id = $1 and by_registrable.domain = person.email_registrable_domain
    left join crm_owners as rep
        on rep.user_id = $1 and rep.external_source = person.external_source
        and rep.external_provider_id = person.owner_provider_id
    where person.user_id = $1
) as decided
where contact.user_id = $1 and contact.id = decided.id
  and (contact.company_id, contact.company_match, contact.unlinked_reason, contact.crm_rep_id)
    is distinct from
      (decided.company_id, decided.company_match, decided.unlinked_reason, decided.crm_rep_id)
