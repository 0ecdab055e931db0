-- Decide every deal's company and rep anew: by the company that the CRM associates, and by nothing else; the
-- rule is link_deal's in the domain. user_id, now
update deals as deal
set company_id = decided.company_id, company_match = decided.company_match,
    unlinked_reason = decided.unlinked_reason, crm_rep_id = decided.crm_rep_id, synced_at = $2
from (
    select sale.id, told.company_id, rep.id as crm_rep_id,
        case when told.company_id is not null then 'provider_id' end as company_match,
        case
            when told.company_id is not null then null
            when sale.provider_company_id is not null then 'no_company'
            when sale.company_association = 'ambiguous' then 'ambiguous'
            else 'not_associated'
        end as unlinked_reason
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
  and (deal.company_id, deal.company_match, deal.unlinked_reason, deal.crm_rep_id)
    is distinct from
      (decided.company_id, decided.company_match, decided.unlinked_reason, decided.crm_rep_id)
