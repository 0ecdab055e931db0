-- Decide every deal's company and rep anew: by the CRM's primary company only. user_id, now
update deals as deal
set company_id = decided.company_id, crm_rep_id = decided.crm_rep_id, synced_at = $2
from (
    select sale.id, told.company_id, rep.id as crm_rep_id
    from deals as sale
    left join crm_companies as told
        on told.user_id = $1 and told.external_source = sale.external_source
        and told.external_provider_id = sale.provider_company_id and told.archived_at is null
    left join crm_owners as rep
        on rep.user_id = $1 and rep.external_source = sale.external_source
        and rep.external_provider_id = sale.owner_provider_id
    where sale.user_id = $1
) as decided
where deal.user_id = $1 and deal.id = decided.id
  and (deal.company_id, deal.crm_rep_id) is distinct from (decided.company_id, decided.crm_rep_id)
