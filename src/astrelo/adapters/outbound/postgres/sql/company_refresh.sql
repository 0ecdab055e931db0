-- Make companies show their leading record: the freshest live one, among equals the smallest key. Archived
-- companies show the freshest of their archived records.
-- user_id, company ids, now, whether the companies are archived
insert into companies as company (
    user_id, id, domain, company_name, industry, naics, sic, employee_count, annual_revenue,
    annual_revenue_currency, revenue_range, hq_country, hq_region, hq_city, description, phone,
    linkedin_url, lifecycle_stage, crm_rep_id, external_source, external_provider_id, source_updated_at,
    created_at, synced_at
)
select distinct on (record.company_id)
    $1, record.company_id, case when not $4 then record.identity_domain end, record.company_name, record.industry, record.naics,
    record.sic, record.employee_count, record.annual_revenue, record.annual_revenue_currency,
    record.revenue_range, record.hq_country, record.hq_region, record.hq_city, record.description,
    record.phone, record.linkedin_url, record.lifecycle_stage,
    -- not a join: without statistics that becomes a scan of all owners for each record
    (select rep.id
     from crm_owners as rep
     where rep.user_id = $1 and rep.external_source = record.external_source
       and rep.external_provider_id = record.owner_provider_id),
    record.external_source, record.external_provider_id, record.source_updated_at, $3::timestamptz,
    $3::timestamptz
from crm_companies as record
where record.user_id = $1 and record.company_id = any ($2::uuid[])
  and (record.archived_at is not null) = $4::boolean
order by record.company_id, record.source_updated_at desc, record.external_source collate "C",
    record.external_provider_id collate "C"
on conflict (user_id, id) do update
set domain = excluded.domain, company_name = excluded.company_name, industry = excluded.industry,
    naics = excluded.naics, sic = excluded.sic, employee_count = excluded.employee_count,
    annual_revenue = excluded.annual_revenue,
    annual_revenue_currency = excluded.annual_revenue_currency, revenue_range = excluded.revenue_range,
    hq_country = excluded.hq_country, hq_region = excluded.hq_region, hq_city = excluded.hq_city,
    description = excluded.description, phone = excluded.phone, linkedin_url = excluded.linkedin_url,
    lifecycle_stage = excluded.lifecycle_stage, crm_rep_id = excluded.crm_rep_id,
    external_source = excluded.external_source, external_provider_id = excluded.external_provider_id,
    source_updated_at = excluded.source_updated_at, synced_at = excluded.synced_at,
    archived_at = case when $4 then company.archived_at end
where (company.archived_at is not null and not $4) or (
    company.domain, company.company_name, company.industry, company.naics, company.sic,
    company.employee_count, company.annual_revenue, company.annual_revenue_currency,
    company.revenue_range, company.hq_country, company.hq_region, company.hq_city, company.description,
    company.phone, company.linkedin_url, company.lifecycle_stage, company.crm_rep_id,
    company.external_source, company.external_provider_id, company.source_updated_at
) is distinct from (
    excluded.domain, excluded.company_name, excluded.industry, excluded.naics, excluded.sic,
    excluded.employee_count, excluded.annual_revenue, excluded.annual_revenue_currency,
    excluded.revenue_range, excluded.hq_country, excluded.hq_region, excluded.hq_city,
    excluded.description, excluded.phone, excluded.linkedin_url, excluded.lifecycle_stage,
    excluded.crm_rep_id, excluded.external_source, excluded.external_provider_id,
    excluded.source_updated_at
)
