-- The records that make up a company, the freshest first; its archived ones where it is archived itself.
-- Parameters: 1 user_id, 2 company id.
select record.external_source, record.external_provider_id, record.source_updated_at, record.company_name,
    record.domain, record.identity_domain, record.industry, record.naics, record.sic, record.employee_count,
    record.annual_revenue, record.annual_revenue_currency, record.annual_revenue_usd,
    record.annual_revenue_rate_date, record.revenue_range, record.hq_country, record.hq_region,
    record.hq_city, record.description, record.phone, record.linkedin_url, record.lifecycle_stage,
    record.owner_provider_id,
    (select rep.id
     from crm_owners as rep
     where rep.user_id = $1 and rep.external_source = record.external_source
       and rep.external_provider_id = record.owner_provider_id) as crm_rep_id
from companies as company
join crm_companies as record
    on record.user_id = $1 and record.company_id = company.id
    and (record.archived_at is null) = (company.archived_at is null)
where company.user_id = $1 and company.id = $2
  and not exists (select from company_aliases a where a.user_id = $1 and a.alias_id = company.id)
