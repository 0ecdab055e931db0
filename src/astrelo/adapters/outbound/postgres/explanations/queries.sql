-- name: read_company_pins
-- The pins on records of a company, archived ones too, the latest first.
select pin.field_group, pin.external_source, pin.external_provider_id, pin.pinned_at
from company_pins as pin
join crm_companies as record
    on record.user_id = :user_id and record.external_source = pin.external_source
    and record.external_provider_id = pin.external_provider_id
where pin.user_id = :user_id and record.company_id = :company_id
order by pin.pinned_at desc, pin.external_source, pin.external_provider_id, pin.field_group

-- name: read_company_records
-- The records that make up a company, the freshest first; its archived ones where it is archived itself.
select record.external_source,
    <<company_columns: record.{name}>>,
    (select rep.id
     from crm_owners as rep
     where rep.user_id = :user_id and rep.external_source = record.external_source
       and rep.external_provider_id = record.owner_provider_id) as crm_rep_id
from companies as company
join crm_companies as record
    on record.user_id = :user_id and record.company_id = company.id
    and (record.archived_at is null) = (company.archived_at is null)
where company.user_id = :user_id and company.id = :company_id
  and not exists (select from company_aliases a where a.user_id = :user_id and a.alias_id = company.id)

-- name: read_hidden_fields
-- The columns that each CRM's latest run found hidden from the user who connected.
select distinct on (run.provider) run.provider,
    array(select jsonb_object_keys(step.hidden)) as hidden
from sync_runs as run
join sync_steps as step
    on step.user_id = :user_id and step.run_id = run.id and step.object_type = :object_type
    and step.received > 0
where run.user_id = :user_id
order by run.provider, run.id desc

-- name: read_contact_link
-- What a contact's link rests on.
select id, external_source, company_id, company_match, unlinked_reason, provider_company_id,
    company_association, is_person_account, email_kind, email, email_host, email_registrable_domain,
    coalesce(additional_email_domains, '{}') as additional_email_domains
from contacts
where user_id = :user_id and id = :contact_id

-- name: read_deal_link
-- What a deal's link rests on.
select id, external_source, company_id, company_match, unlinked_reason, provider_company_id,
    company_association
from deals
where user_id = :user_id and id = :deal_id

-- name: read_company_profile_values
-- What of a company the ideal customer profile is about.
select industry, naics, employee_count, revenue_range, hq_country
from companies
where user_id = :user_id and id = :company_id
