-- One company, archived or not, unless it was merged into another: that one is then read by its own id.
-- Parameters: 1 user_id, 2 id.
select c.id, c.company_name, c.domain, c.industry, c.naics, c.sic, c.employee_count,
    c.annual_revenue::text as annual_revenue, c.annual_revenue_currency,
    c.annual_revenue_usd::text as annual_revenue_usd, c.annual_revenue_rate_date, c.revenue_range, c.hq_country,
    c.hq_region, c.hq_city, c.description, c.phone, c.linkedin_url, c.lifecycle_stage, c.crm_rep_id,
    c.external_source, c.external_provider_id, c.source_updated_at, c.synced_at, c.archived_at,
    -- of each CRM's records the freshest 20, before a domain that was typed into thousands fills the page
    (select coalesce(jsonb_agg(jsonb_build_object(
            'external_source', s.external_source,
            'external_provider_id', s.external_provider_id,
            'source_updated_at', s.source_updated_at
        ) order by s.external_source, s.place), '[]')::text
     from (select r.external_source, r.external_provider_id, r.source_updated_at,
               row_number() over (partition by r.external_source
                   order by r.source_updated_at desc, r.external_provider_id collate "C") as place
           from crm_companies r
           where r.user_id = c.user_id and r.company_id = c.id and r.archived_at is null) s
     where s.place <= 20) as sources
from companies c
where c.user_id = $1 and c.id = $2
  and not exists (select from company_aliases a where a.user_id = $1 and a.alias_id = c.id)
