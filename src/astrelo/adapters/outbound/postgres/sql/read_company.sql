-- One company, archived or not, unless it was merged into another: that one is then read by its own id.
-- Parameters: 1 user_id, 2 id.
select c.id, c.company_name, c.domain, c.industry, c.naics, c.sic, c.employee_count,
    c.annual_revenue::text as annual_revenue, c.annual_revenue_currency, c.revenue_range, c.hq_country,
    c.hq_region, c.hq_city, c.description, c.phone, c.linkedin_url, c.lifecycle_stage, c.crm_rep_id,
    c.external_source, c.external_provider_id, c.source_updated_at, c.synced_at, c.archived_at
from companies c
where c.user_id = $1 and c.id = $2
  and not exists (select from company_aliases a where a.user_id = $1 and a.alias_id = c.id)
