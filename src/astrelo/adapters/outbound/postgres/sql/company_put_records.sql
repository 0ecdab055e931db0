-- Insert or update company records; an older copy never overwrites. user_id, source, then per record:
-- company_id, source_updated_at, content_hash, then (see columns.py) the separator and, joined: id, name,
-- folded name, domain, identity_domain, industry, naics, sic, employee_count, annual_revenue,
-- annual_revenue_currency, annual_revenue_usd, annual_revenue_rate_date, revenue_range, hq_country,
-- hq_region, hq_city, description, phone, linkedin_url, lifecycle_stage, owner id, additional domains (each
-- record's as an array's text)
insert into crm_companies as stored (
    user_id, external_source, external_provider_id, company_id, source_updated_at, content_hash,
    company_name, company_name_folded, domain, identity_domain, industry, naics, sic, employee_count,
    annual_revenue, annual_revenue_currency, annual_revenue_usd, annual_revenue_rate_date, revenue_range,
    hq_country, hq_region, hq_city, description, phone, linkedin_url, lifecycle_stage, owner_provider_id,
    additional_domains
)
select $1, $2, told.record_id, told.company_id, finite_timestamp(told.source_updated_at), told.content_hash,
    told.company_name, told.company_name_folded, told.domain, told.identity_domain, told.industry,
    told.naics, told.sic, told.employee_count, told.annual_revenue, told.annual_revenue_currency,
    told.annual_revenue_usd, told.annual_revenue_rate_date, told.revenue_range, told.hq_country,
    told.hq_region, told.hq_city, told.description, told.phone, told.linkedin_url, told.lifecycle_stage,
    told.owner_id, told.additional_domains::text[]
from unnest(
    string_to_array($7, $6, ''), $3::uuid[], $4::timestamptz[], $5::bytea[], string_to_array($8, $6, ''),
    string_to_array($9, $6, ''), string_to_array($10, $6, ''), string_to_array($11, $6, ''),
    string_to_array($12, $6, ''), string_to_array($13, $6, ''), string_to_array($14, $6, ''),
    string_to_array($15, $6, '')::bigint[], string_to_array($16, $6, '')::numeric[],
    string_to_array($17, $6, ''), string_to_array($18, $6, '')::numeric[],
    string_to_array($19, $6, '')::date[], string_to_array($20, $6, ''), string_to_array($21, $6, ''),
    string_to_array($22, $6, ''), string_to_array($23, $6, ''), string_to_array($24, $6, ''),
    string_to_array($25, $6, ''), string_to_array($26, $6, ''), string_to_array($27, $6, ''),
    string_to_array($28, $6, ''), string_to_array($29, $6, '')
) as told (
    record_id, company_id, source_updated_at, content_hash, company_name, company_name_folded, domain,
    identity_domain, industry, naics, sic, employee_count, annual_revenue, annual_revenue_currency,
    annual_revenue_usd, annual_revenue_rate_date, revenue_range, hq_country, hq_region, hq_city, description,
    phone, linkedin_url, lifecycle_stage, owner_id, additional_domains
)
on conflict (user_id, external_source, external_provider_id) do update
set company_id = excluded.company_id, source_updated_at = excluded.source_updated_at,
    content_hash = excluded.content_hash, archived_at = null, company_name = excluded.company_name,
    company_name_folded = excluded.company_name_folded, domain = excluded.domain,
    identity_domain = excluded.identity_domain, industry = excluded.industry, naics = excluded.naics,
    sic = excluded.sic, employee_count = excluded.employee_count, annual_revenue = excluded.annual_revenue,
    annual_revenue_currency = excluded.annual_revenue_currency,
    annual_revenue_usd = excluded.annual_revenue_usd,
    annual_revenue_rate_date = excluded.annual_revenue_rate_date, revenue_range = excluded.revenue_range,
    hq_country = excluded.hq_country, hq_region = excluded.hq_region, hq_city = excluded.hq_city,
    description = excluded.description, phone = excluded.phone, linkedin_url = excluded.linkedin_url,
    lifecycle_stage = excluded.lifecycle_stage, owner_provider_id = excluded.owner_provider_id,
    additional_domains = excluded.additional_domains
where stored.source_updated_at <= excluded.source_updated_at
returning external_provider_id as record_id, xmax = 0 as was_insert
