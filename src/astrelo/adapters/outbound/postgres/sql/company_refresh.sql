-- Make companies show the golden record of their live records: each field group from the freshest record that
-- has it, among equals the smallest key, unless a pin names another that has it; from the freshest record where
-- none has it. Archived companies show the same of their archived records. The rule is golden_record's in the domain.
-- user_id, company ids, now, whether the companies are archived
with ranked as (
    select record, record.company_id,
        -- not a join: without statistics that becomes a scan of all owners for each record
        (select rep.id
         from crm_owners as rep
         where rep.user_id = $1 and rep.external_source = record.external_source
           and rep.external_provider_id = record.owner_provider_id) as rep_id,
        row_number() over (
            partition by record.company_id
            order by record.source_updated_at desc, record.external_source collate "C",
                record.external_provider_id collate "C"
        ) as place,
        count(*) over (partition by record.company_id) as records
    from crm_companies as record
    where record.user_id = $1 and record.company_id = any ($2::uuid[])
      and (record.archived_at is not null) = $4::boolean
),
winner as (
    select distinct on (ranked.company_id, field_group.name)
        ranked.company_id, field_group.name as field_group, ranked.record, ranked.rep_id
    from ranked
    cross join lateral (values
        ('name', (ranked.record).company_name is not null),
        ('industry', (ranked.record).industry is not null),
        ('employee_count', (ranked.record).employee_count is not null),
        ('revenue', (ranked.record).annual_revenue is not null),
        ('place', coalesce(
            (ranked.record).hq_country, (ranked.record).hq_region, (ranked.record).hq_city) is not null),
        ('description', (ranked.record).description is not null),
        ('phone', (ranked.record).phone is not null),
        ('linkedin_url', (ranked.record).linkedin_url is not null),
        ('lifecycle_stage', (ranked.record).lifecycle_stage is not null),
        ('rep', ranked.rep_id is not null)
    ) as field_group (name, is_present)
    left join company_pins as pin
        on pin.user_id = $1 and pin.external_source = (ranked.record).external_source
        and pin.external_provider_id = (ranked.record).external_provider_id
        and pin.field_group = field_group.name
    where ranked.records > 1 and field_group.is_present
    order by ranked.company_id, field_group.name, pin.pinned_at desc nulls last, ranked.place
),
blended as (
    select company_id,
        (array_agg(record) filter (where field_group = 'name'))[1] as by_name,
        (array_agg(record) filter (where field_group = 'industry'))[1] as by_industry,
        (array_agg(record) filter (where field_group = 'employee_count'))[1] as by_employee_count,
        (array_agg(record) filter (where field_group = 'revenue'))[1] as by_revenue,
        (array_agg(record) filter (where field_group = 'place'))[1] as by_place,
        (array_agg(record) filter (where field_group = 'description'))[1] as by_description,
        (array_agg(record) filter (where field_group = 'phone'))[1] as by_phone,
        (array_agg(record) filter (where field_group = 'linkedin_url'))[1] as by_linkedin_url,
        (array_agg(record) filter (where field_group = 'lifecycle_stage'))[1] as by_lifecycle_stage,
        (array_agg(rep_id) filter (where field_group = 'rep'))[1] as rep_id
    from winner
    group by company_id
),
golden as (
    select freshest.company_id, freshest.record,
        coalesce(by_name, freshest.record) as by_name,
        coalesce(by_industry, freshest.record) as by_industry,
        coalesce(by_employee_count, freshest.record) as by_employee_count,
        coalesce(by_revenue, freshest.record) as by_revenue,
        coalesce(by_place, freshest.record) as by_place,
        coalesce(by_description, freshest.record) as by_description,
        coalesce(by_phone, freshest.record) as by_phone,
        coalesce(by_linkedin_url, freshest.record) as by_linkedin_url,
        coalesce(by_lifecycle_stage, freshest.record) as by_lifecycle_stage,
        coalesce(blended.rep_id, freshest.rep_id) as rep_id
    from ranked as freshest
    left join blended on blended.company_id = freshest.company_id
    where freshest.place = 1
)
insert into companies as company (
    user_id, id, domain, company_name, company_name_folded, industry, naics, sic, employee_count,
    annual_revenue, annual_revenue_currency, annual_revenue_usd, annual_revenue_rate_date, revenue_range,
    hq_country, hq_region, hq_city, description, phone, linkedin_url, lifecycle_stage, crm_rep_id,
    external_source, external_provider_id, source_updated_at, created_at, synced_at
)
select $1, company_id, case when not $4 then (record).identity_domain end,
    (by_name).company_name, (by_name).company_name_folded,
    (by_industry).industry, (by_industry).naics, (by_industry).sic,
    (by_employee_count).employee_count,
    (by_revenue).annual_revenue, (by_revenue).annual_revenue_currency, (by_revenue).annual_revenue_usd,
    (by_revenue).annual_revenue_rate_date, (by_revenue).revenue_range,
    (by_place).hq_country, (by_place).hq_region, (by_place).hq_city,
    (by_description).description, (by_phone).phone, (by_linkedin_url).linkedin_url,
    (by_lifecycle_stage).lifecycle_stage, rep_id,
    (record).external_source, (record).external_provider_id, (record).source_updated_at,
    $3::timestamptz, $3::timestamptz
from golden
on conflict (user_id, id) do update
set domain = excluded.domain, company_name = excluded.company_name,
    company_name_folded = excluded.company_name_folded, industry = excluded.industry,
    naics = excluded.naics, sic = excluded.sic, employee_count = excluded.employee_count,
    annual_revenue = excluded.annual_revenue,
    annual_revenue_currency = excluded.annual_revenue_currency,
    annual_revenue_usd = excluded.annual_revenue_usd,
    annual_revenue_rate_date = excluded.annual_revenue_rate_date, revenue_range = excluded.revenue_range,
    hq_country = excluded.hq_country, hq_region = excluded.hq_region, hq_city = excluded.hq_city,
    description = excluded.description, phone = excluded.phone, linkedin_url = excluded.linkedin_url,
    lifecycle_stage = excluded.lifecycle_stage, crm_rep_id = excluded.crm_rep_id,
    external_source = excluded.external_source, external_provider_id = excluded.external_provider_id,
    source_updated_at = excluded.source_updated_at, synced_at = excluded.synced_at,
    archived_at = case when $4 then company.archived_at end
where (company.archived_at is not null and not $4) or (
    company.domain, company.company_name, company.company_name_folded, company.industry, company.naics,
    company.sic, company.employee_count, company.annual_revenue, company.annual_revenue_currency,
    company.annual_revenue_usd, company.annual_revenue_rate_date, company.revenue_range,
    company.hq_country, company.hq_region, company.hq_city, company.description, company.phone,
    company.linkedin_url, company.lifecycle_stage, company.crm_rep_id, company.external_source,
    company.external_provider_id, company.source_updated_at
) is distinct from (
    excluded.domain, excluded.company_name, excluded.company_name_folded, excluded.industry,
    excluded.naics, excluded.sic, excluded.employee_count, excluded.annual_revenue,
    excluded.annual_revenue_currency, excluded.annual_revenue_usd, excluded.annual_revenue_rate_date,
    excluded.revenue_range, excluded.hq_country, excluded.hq_region, excluded.hq_city,
    excluded.description, excluded.phone, excluded.linkedin_url, excluded.lifecycle_stage,
    excluded.crm_rep_id, excluded.external_source, excluded.external_provider_id,
    excluded.source_updated_at
)
