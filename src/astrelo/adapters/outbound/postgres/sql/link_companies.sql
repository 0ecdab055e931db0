-- Decide every company's rep anew: the owner of the freshest of its records that has a known one, unless a pin
-- names another that has. user_id, now
update companies as company
set crm_rep_id = decided.crm_rep_id, synced_at = $2
from (
    select distinct on (record.company_id) record.company_id, rep.id as crm_rep_id
    from crm_companies as record
    join companies as company
        on company.user_id = $1 and company.id = record.company_id
        and (company.archived_at is null) = (record.archived_at is null)
    left join crm_owners as rep
        on rep.user_id = $1 and rep.external_source = record.external_source
        and rep.external_provider_id = record.owner_provider_id
    left join company_pins as pin
        on pin.user_id = $1 and pin.external_source = record.external_source
        and pin.external_provider_id = record.external_provider_id and pin.field_group = 'rep'
    where record.user_id = $1
    order by record.company_id, rep.id is null, pin.pinned_at desc nulls last, record.source_updated_at desc,
        record.external_source collate "C", record.external_provider_id collate "C"
) as decided
where company.user_id = $1 and company.id = decided.company_id
  and company.crm_rep_id is distinct from decided.crm_rep_id
