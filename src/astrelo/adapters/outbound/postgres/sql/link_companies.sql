-- Decide every company's rep anew: its leading record's owner. user_id, now
update companies as company
set crm_rep_id = decided.crm_rep_id, synced_at = $2
from (
    select company.id, rep.id as crm_rep_id
    from companies as company
    join crm_companies as record
        on record.user_id = $1 and record.external_source = company.external_source
        and record.external_provider_id = company.external_provider_id
    left join crm_owners as rep
        on rep.user_id = $1 and rep.external_source = record.external_source
        and rep.external_provider_id = record.owner_provider_id
    where company.user_id = $1
) as decided
where company.user_id = $1 and company.id = decided.id
  and company.crm_rep_id is distinct from decided.crm_rep_id
