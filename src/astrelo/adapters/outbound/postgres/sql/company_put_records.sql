-- Insert or update company records; an older copy never overwrites. user_id, source, then per record:
-- company_id, source_updated_at, content_hash, then (see columns.py) the separator and, joined: id, name,
-- domain, identity_domain, industry, naics, sic, employee_count, annual_revenue, annual_revenue_currency,
-- revenue_range, hq_country, hq_region, hq_city, description, phone, linkedin_url, lifecycle_stage, owner id
insert into crm_companies as stored (
    user_id, external_source, external_provider_id, company_id, source_updated_at, content_hash,
    company_name, domain, identity_domain, industry, naics, sic, employee_count, annual_revenue,
    annual_revenue_currency, revenue_range, hq_country, hq_region, hq_city, description, phone,
    linkedin_url, lifecycle_stage, owner_provider_id
)
select $1, $2, told.*
from unnest(
    string_to_array($7, $6, ''), $3::uuid[], $4::timestamptz[], $5::bytea[], string_to_array($8, $6, ''),
    string_to_array($9, $6, ''), string_to_array($10, $6, ''), string_to_array($11, $6, ''),
    string_to_array($12, $6, ''), string_to_array($13, $6, ''), string_to_array($14, $6, '')::bigint[],
    string_to_array($15, $6, '')::numeric[], string_to_array($16, $6, ''), string_to_array($17, $6, ''),
    string_to_array($18, $6, ''), string_to_array($19, $6, ''), string_to_array($20, $6, ''),
    string_to_array($21, $6, ''), string_to_array($22, $6, ''), string_to_array($23, $6, ''),
    string_to_array($24, $6, ''), string_to_array($25, $6, '')
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
