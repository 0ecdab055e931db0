-- Insert or update company records; an older copy never overwrites. user_id, source, then per record:
-- id, company_id, source_updated_at, content_hash, name, domain, identity_domain, industry, naics, sic,
-- employee_count, annual_revenue, annual_revenue_currency, revenue_range, hq_country, hq_region, hq_city,
-- description, phone, linkedin_url, lifecycle_stage, owner id
insert into crm_companies as stored (
    user_id, external_source, external_provider_id, company_id, source_updated_at, content_hash,
    company_name, domain, identity_domain, industry, naics, sic, employee_count, annual_revenue,
    annual_revenue_currency, revenue_range, hq_country, hq_region, hq_city, description, phone,
    linkedin_url, lifecycle_stage, owner_provider_id
)
select $1, $2, told.*
from unnest(
    $3::text[], $4::uuid[], $5::timestamptz[], $6::bytea[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::bigint[], $14::numeric[], $15::text[], $16::text[],
    $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[], $24::text[]
) as told
on conflict (user_id, external_source, external_provider_id) do update
set company_id = excluded.company_id, source_updated_at = excluded.source_updated_at,
    content_hash = excluded.content_hash, archived_at = null, company_name = excluded.company_name,
    domain = excluded.domain, identity_domain = excluded.identity_domain, industry = excluded.industry,
    naics = excluded.naics, sic = excluded.sic, employee_count = excluded.employee_count,
    annual_revenue = excluded.annual_revenue,
    annual_revenue_currency = excluded.annual_revenue_currency, revenue_range = excluded.revenue_range,
    hq_country = excluded.hq_country, hq_region = excluded.hq_region, hq_city = excluded.hq_city,
    description = excluded.description, phone = excluded.phone, linkedin_url = excluded.linkedin_url,
    lifecycle_stage = excluded.lifecycle_stage, owner_provider_id = excluded.owner_provider_id
where stored.source_updated_at <= excluded.source_updated_at
returning external_provider_id as record_id, xmax = 0 as was_insert
