-- name: absorb_companies
-- Point everything at the companies that absorb others, and keep the absorbed ids as aliases.
with fallen (id, survivor) as (
    select * from unnest(:absorbed_ids::uuid[], :surviving_ids::uuid[])
),
records as (
    update crm_companies as record set company_id = fallen.survivor
    from fallen where record.user_id = :user_id and record.company_id = fallen.id
),
people as (
    update contacts as contact set company_id = fallen.survivor
    from fallen where contact.user_id = :user_id and contact.company_id = fallen.id
),
opportunities as (
    update deals as deal set company_id = fallen.survivor
    from fallen where deal.user_id = :user_id and deal.company_id = fallen.id
),
former as (
    update company_aliases as alias set company_id = fallen.survivor
    from fallen where alias.user_id = :user_id and alias.company_id = fallen.id
)
insert into company_aliases (user_id, alias_id, company_id)
select :user_id, fallen.id, fallen.survivor
from fallen

-- name: index_additional_domains
-- Enter company records into the index of additional domains.
insert into company_domains (user_id, domain, external_source, external_provider_id)
select user_id, unnest(additional_domains), external_source, external_provider_id
from crm_companies
where user_id = :user_id and external_source = :source and external_provider_id = any (:record_ids::text[])

-- name: list_affected_companies
-- The companies that moves come from, and those that now have the domains.
select company.id, company.created_at, company.domain,
       exists (
           select
           from crm_companies as record
           where record.user_id = :user_id and record.company_id = company.id and record.archived_at is null
             and (record.external_source <> :source
                 or record.external_provider_id <> all (string_to_array(:record_ids, :separator)))
       ) as has_other_records
from companies as company
where company.user_id = :user_id and company.id in (
    select id from unnest(:company_ids::uuid[]) as origin (id)
    union
    select id from companies where user_id = :user_id and domain = any (string_to_array(:domains, :separator))
)

-- name: archive_companies
-- Archive companies without live records; their domain is free again.
update companies
set archived_at = :at, synced_at = :at, domain = null
where user_id = :user_id and id = any (:company_ids::uuid[]) and archived_at is null

-- name: archive_company_records
-- Archive company records.
update crm_companies
set archived_at = :at
where user_id = :user_id and external_source = :source and external_provider_id = any (:record_ids::text[])
  and archived_at is null

-- name: find_companies_by_domain
-- The live companies with these domains: a firm's own domain (an archived one has none), else the
-- additional domain of records of one company only. One look-up for each domain (offset 0 keeps it so):
-- without statistics the planner would rather read all of the user's companies, in every batch of a first
-- sync.
select wanted.domain, coalesce(own.id, further.id) as company_id, own.id is null as is_additional
from unnest(string_to_array(:domains, :separator)) as wanted (domain)
left join lateral (
    select id from companies where user_id = :user_id and domain = wanted.domain offset 0
) as own on true
left join lateral (
    select min(record.company_id::text)::uuid as id
    from company_domains as further
    join crm_companies as record
        on record.user_id = :user_id and record.external_source = further.external_source
        and record.external_provider_id = further.external_provider_id and record.archived_at is null
    where own.id is null and further.user_id = :user_id and further.domain = wanted.domain
    having count(distinct record.company_id) = 1
    offset 0
) as further on true
where coalesce(own.id, further.id) is not null

-- name: find_companies_by_record
-- The live companies behind record ids.
select external_provider_id as record_id, company_id
from crm_companies
where user_id = :user_id and external_source = :source
  and external_provider_id = any (string_to_array(:record_ids, :separator))
  and archived_at is null

-- name: delete_companies
-- Delete companies to which nothing points any more.
delete from companies where user_id = :user_id and id = any (:company_ids::uuid[])

-- name: delete_company_records
-- Delete a source's company records.
delete from crm_companies where user_id = :user_id and external_source = :source

-- name: unindex_additional_domains
-- Take company records out of the index of additional domains.
delete from company_domains
where user_id = :user_id and external_source = :source and external_provider_id = any (:record_ids::text[])

-- name: is_company_live
-- Whether a live company has this id.
select exists (select from companies where user_id = :user_id and id = :company_id and archived_at is null)

-- name: get_known_company_records
-- What is stored of company records.
select external_provider_id as record_id, company_id as entity_id, content_hash, source_updated_at,
       archived_at, identity_domain, additional_domains is not null as has_additional_domains
from crm_companies
where user_id = :user_id and external_source = :source
  and external_provider_id = any (string_to_array(:record_ids, :separator))

-- name: count_live_company_records
-- How many live records a source has.
select count(*)
from crm_companies
where user_id = :user_id and external_source = :source and archived_at is null

-- name: lock_companies
-- Hold, until the transaction ends, the user's right to change companies.
select pg_advisory_xact_lock(hashtextextended(:user_id::uuid::text, 7271))

-- name: move_pins
-- Let pins follow company records that were merged away; of two that meet the latest stands.
with merged (old_id, new_id) as (
    select * from unnest(:old_ids::text[], :new_ids::text[])
),
moved as (
    delete from company_pins as pin using merged
    where pin.user_id = :user_id and pin.external_source = :source
      and pin.external_provider_id = merged.old_id
    returning merged.new_id, pin.field_group, pin.pinned_at
)
insert into company_pins as pin (user_id, external_source, external_provider_id, field_group, pinned_at)
select :user_id, :source, new_id, field_group, max(pinned_at)
from moved
where exists (
    select from crm_companies as record
    where record.user_id = :user_id and record.external_source = :source
      and record.external_provider_id = moved.new_id
)
group by new_id, field_group
on conflict (user_id, external_source, external_provider_id, field_group) do update
set pinned_at = greatest(pin.pinned_at, excluded.pinned_at)

-- name: get_company_of_record
-- The company of a live record.
select company_id
from crm_companies
where user_id = :user_id and external_source = :source and external_provider_id = :record_id
  and archived_at is null

-- name: list_companies_of_source
-- The companies that a source has records of.
select distinct company_id from crm_companies where user_id = :user_id and external_source = :source

-- name: pin_field_group
-- Pin a field group to a record.
insert into company_pins as pin (user_id, external_source, external_provider_id, field_group, pinned_at)
values (:user_id, :source, :record_id, :field_group, :at)
on conflict (user_id, external_source, external_provider_id, field_group) do update
set pinned_at = excluded.pinned_at

-- name: upsert_company_records
-- Insert or update company records; an older copy never overwrites. Each parameter from record_id on is a
-- column of the batch, joined by the separator (see encoding.py).
insert into crm_companies as stored (
    user_id, external_source, external_provider_id, company_id, source_updated_at, content_hash,
    company_name, company_name_folded, domain, identity_domain, industry, naics, sic, employee_count,
    annual_revenue, annual_revenue_currency, annual_revenue_usd, annual_revenue_rate_date, revenue_range,
    hq_country, hq_region, hq_city, description, phone, linkedin_url, lifecycle_stage, owner_provider_id,
    additional_domains
)
select :user_id, :source, incoming.record_id, incoming.company_id, finite_timestamp(incoming.source_updated_at), incoming.content_hash,
    incoming.company_name, incoming.company_name_folded, incoming.domain, incoming.identity_domain, incoming.industry,
    incoming.naics, incoming.sic, incoming.employee_count, incoming.annual_revenue, incoming.annual_revenue_currency,
    incoming.annual_revenue_usd, incoming.annual_revenue_rate_date, incoming.revenue_range, incoming.hq_country,
    incoming.hq_region, incoming.hq_city, incoming.description, incoming.phone, incoming.linkedin_url, incoming.lifecycle_stage,
    incoming.owner_id, incoming.additional_domains::text[]
from unnest(
    string_to_array(:record_id, :separator, ''), :company_id::uuid[], :source_updated_at::timestamptz[], :content_hash::bytea[], string_to_array(:company_name, :separator, ''),
    string_to_array(:company_name_folded, :separator, ''), string_to_array(:domain, :separator, ''), string_to_array(:identity_domain, :separator, ''),
    string_to_array(:industry, :separator, ''), string_to_array(:naics, :separator, ''), string_to_array(:sic, :separator, ''),
    string_to_array(:employee_count, :separator, '')::bigint[], string_to_array(:annual_revenue, :separator, '')::numeric[],
    string_to_array(:annual_revenue_currency, :separator, ''), string_to_array(:annual_revenue_usd, :separator, '')::numeric[],
    string_to_array(:annual_revenue_rate_date, :separator, '')::date[], string_to_array(:revenue_range, :separator, ''), string_to_array(:hq_country, :separator, ''),
    string_to_array(:hq_region, :separator, ''), string_to_array(:hq_city, :separator, ''), string_to_array(:description, :separator, ''),
    string_to_array(:phone, :separator, ''), string_to_array(:linkedin_url, :separator, ''), string_to_array(:lifecycle_stage, :separator, ''),
    string_to_array(:owner_provider_id, :separator, ''), string_to_array(:additional_domains, :separator, '')
) as incoming (
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

-- name: refresh_companies
-- Make companies show the golden record of their live records: each field group from the freshest record
-- that has it, among equals the smallest key, unless a pin names another that has it; from the freshest
-- record where none has it. Archived companies show the same of their archived records. The rule is
-- golden_record's in the domain.
with ranked as (
    select record, record.company_id,
        -- not a join: without statistics that becomes a scan of all owners for each record
        (select rep.id
         from crm_owners as rep
         where rep.user_id = :user_id and rep.external_source = record.external_source
           and rep.external_provider_id = record.owner_provider_id) as rep_id,
        row_number() over (
            partition by record.company_id
            order by record.source_updated_at desc, record.external_source collate "C",
                record.external_provider_id collate "C"
        ) as place,
        count(*) over (partition by record.company_id) as records
    from crm_companies as record
    where record.user_id = :user_id and record.company_id = any (:company_ids::uuid[])
      and (record.archived_at is not null) = :archived::boolean
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
        on pin.user_id = :user_id and pin.external_source = (ranked.record).external_source
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
select :user_id, company_id, case when not :archived then (record).identity_domain end,
    (by_name).company_name, (by_name).company_name_folded,
    (by_industry).industry, (by_industry).naics, (by_industry).sic,
    (by_employee_count).employee_count,
    (by_revenue).annual_revenue, (by_revenue).annual_revenue_currency, (by_revenue).annual_revenue_usd,
    (by_revenue).annual_revenue_rate_date, (by_revenue).revenue_range,
    (by_place).hq_country, (by_place).hq_region, (by_place).hq_city,
    (by_description).description, (by_phone).phone, (by_linkedin_url).linkedin_url,
    (by_lifecycle_stage).lifecycle_stage, rep_id,
    (record).external_source, (record).external_provider_id, (record).source_updated_at,
    :at::timestamptz, :at::timestamptz
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
    archived_at = case when :archived then company.archived_at end
where (company.archived_at is not null and not :archived) or (
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

-- name: release_domains
-- Take the domain from every company that loses it, before another gets it: a unique index allows no swap
-- within one statement.
update companies as company
set domain = null
from unnest(:company_ids::uuid[], :domains::text[]) as coming (id, domain)
where company.user_id = :user_id and company.id = coming.id
  and company.domain is not null and company.domain is distinct from coming.domain

-- name: unlink_companies
-- Take contacts and deals off companies that are about to go.
with people as (
    update contacts set company_id = null, company_match = null, unlinked_reason = 'no_company'
    where user_id = :user_id and company_id = any (:company_ids::uuid[])
)
update deals set company_id = null, company_match = null, unlinked_reason = 'no_company'
where user_id = :user_id and company_id = any (:company_ids::uuid[])

-- name: unpin_field_group
-- Forget the pins of a field group on a company's records.
delete from company_pins as pin
using crm_companies as record
where pin.user_id = :user_id and pin.field_group = :field_group and record.user_id = :user_id
  and record.external_source = pin.external_source
  and record.external_provider_id = pin.external_provider_id and record.company_id = :company_id

-- name: list_unseen_company_records
-- A source's live records that a run has not received. A set difference, which is hashed or sorted: an
-- anti-join becomes a loop over a loop where the tables have no statistics yet, and minutes for twenty
-- thousand records.
select external_provider_id as record_id
from crm_companies
where user_id = :user_id and external_source = :source and archived_at is null
except
select unnest(ids)
from sync_seen
where user_id = :user_id and run_id = :run_id and object_type = :object_type

-- name: list_companies_without_live_records
-- Which of these companies have archived records only.
select company.id
from companies as company
where company.user_id = :user_id and company.id = any (:company_ids::uuid[]) and exists (
    select from crm_companies as record
    where record.user_id = :user_id and record.company_id = company.id
) and not exists (
    select from crm_companies as record
    where record.user_id = :user_id and record.company_id = company.id and record.archived_at is null
)

-- name: list_companies_without_records
-- Companies that show a record of a source and have no records, such as those that were merged away.
select company.id
from companies as company
where company.user_id = :user_id and company.external_source = :source and not exists (
    select from crm_companies as record
    where record.user_id = :user_id and record.company_id = company.id
)

-- name: read_companies
-- A page of a user's companies, in order of id. Null narrows nothing; name_pattern is folded and LIKE-
-- escaped, with % at its end. A stored range of sectors ('44-45') holds each of its sectors.
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
where c.user_id = :user_id
  and (:after::uuid is null or c.id > :after)
  and (:name_pattern::text is null or c.company_name_folded like :name_pattern)
  and (:domain::text is null or c.domain = :domain)
  and (:industry::text is null or c.industry = :industry)
  and (:naics_prefixes::text[] is null or exists (
      select from unnest(:naics_prefixes) as prefix
      where starts_with(c.naics, prefix)
         or (c.naics like '__-__' and length(prefix) = 2
             and prefix between left(c.naics, 2) and right(c.naics, 2))))
  and (:country::text is null or c.hq_country = :country)
  and (:region::text is null or c.hq_region = :region)
  and (:revenue_range::text is null or c.revenue_range = :revenue_range)
  and (:updated_since::timestamptz is null or c.synced_at >= :updated_since)
  and (:include_archived::boolean or c.archived_at is null)
  -- not exists(): that may be answered by hashing all records of the CRM for each page
  and (:source::text is null or (
      select true
      from crm_companies r
      where r.user_id = :user_id and r.company_id = c.id and r.external_source = :source
        and (:include_archived::boolean or r.archived_at is null)
      limit 1))
order by c.id
limit :limit

-- name: read_company
-- One company, archived or not, unless it was merged into another: that one is then read by its own id.
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
where c.user_id = :user_id and c.id = :company_id
  and not exists (select from company_aliases a where a.user_id = :user_id and a.alias_id = c.id)

-- name: read_company_alias
-- The company into which another was merged.
select company_id from company_aliases where user_id = :user_id and alias_id = :alias_id

-- name: read_company_summary
-- How many live companies a user has, and how many of them live records of several CRMs make up.
select count(*) as companies, count(*) filter (where first_source <> last_source) as with_two_sources
from (
    select min(external_source) as first_source, max(external_source) as last_source
    from crm_companies
    where user_id = :user_id and archived_at is null
    group by company_id
) as company
