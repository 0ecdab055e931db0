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
    update contacts as contact set company_id = fallen.survivor, revision = :revision
    from fallen where contact.user_id = :user_id and contact.company_id = fallen.id
    returning contact.id
),
opportunities as (
    update deals as deal set company_id = fallen.survivor, revision = :revision
    from fallen where deal.user_id = :user_id and deal.company_id = fallen.id
    returning deal.id
),
former as (
    update company_aliases as alias set company_id = fallen.survivor
    from fallen where alias.user_id = :user_id and alias.company_id = fallen.id
),
<<upserted contacts: people>>,
<<upserted deals: opportunities>>,
<<merged companies: fallen>>
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
with emptied as (
    update companies
    set archived_at = :at, revision = :revision, domain = null
    where user_id = :user_id and id = any (:company_ids::uuid[]) and archived_at is null
    returning id
),
<<upserted companies: emptied>>
select count(*) from emptied

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
with purged as (
    delete from companies where user_id = :user_id and id = any (:company_ids::uuid[]) returning id
),
<<deleted companies as purged: purged>>
select count(*) from purged

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
-- Insert or update company records; an older copy never overwrites. Each parameter but the user and the
-- source is a column of the batch (see session/columns.py).
insert into crm_companies as stored (
    user_id, external_source,
    <<company_columns: {name}>>
)
select :user_id, :source,
    <<company_columns: {value}>>
from unnest(
    <<company_columns: {array}>>
) as incoming (
    <<company_columns: {name}>>
)
on conflict (user_id, external_source, external_provider_id) do update
set archived_at = null,
    <<company_updated: {name} = excluded.{name}>>
where stored.source_updated_at <= excluded.source_updated_at
returning external_provider_id as record_id, xmax = 0 as was_insert

-- name: refresh_companies
-- Make companies show the golden record of their live records: each field group from the freshest record
-- that has it, among equals the smallest key, unless a pin names another that has it; from the freshest
-- record where none has it. Archived companies show the same of their archived records. The rule is
-- golden_record's in the domain. Written even where it stays the same: what calls for it changed a record
-- of the company, and a company shows which records it has.
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
        <<company_groups: ('{name}', {condition})>>,
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
        <<company_groups: (array_agg(record) filter (where field_group = '{name}'))[1] as by_{name}>>,
        (array_agg(rep_id) filter (where field_group = 'rep'))[1] as rep_id
    from winner
    group by company_id
),
golden as (
    select freshest.company_id, freshest.record,
        <<company_groups: coalesce(by_{name}, freshest.record) as by_{name}>>,
        coalesce(blended.rep_id, freshest.rep_id) as rep_id
    from ranked as freshest
    left join blended on blended.company_id = freshest.company_id
    where freshest.place = 1
),
shown as (
    insert into companies as company (
        user_id, id, domain, crm_rep_id, external_source, external_provider_id, source_updated_at,
        created_at, revision, archived_at,
        <<company_golden: {name}>>
    )
    select :user_id, company_id, case when not :archived then (record).identity_domain end, rep_id,
        (record).external_source, (record).external_provider_id, (record).source_updated_at,
        :at::timestamptz, :revision, case when :archived then :at end,
        <<company_golden: (by_{group}).{name}>>
    from golden
    on conflict (user_id, id) do update
    set domain = excluded.domain, crm_rep_id = excluded.crm_rep_id,
        external_source = excluded.external_source, external_provider_id = excluded.external_provider_id,
        source_updated_at = excluded.source_updated_at, revision = excluded.revision,
        archived_at = case when excluded.archived_at is not null then company.archived_at end,
        <<company_golden: {name} = excluded.{name}>>
    returning id
),
<<upserted companies: shown>>
select count(*) from shown

-- name: release_domains
-- Take the domain from every company that loses it, before another gets it: a unique index allows no swap
-- within one statement.
with released as (
    update companies as company
    set domain = null, revision = :revision
    from unnest(:company_ids::uuid[], :domains::text[]) as coming (id, domain)
    where company.user_id = :user_id and company.id = coming.id
      and company.domain is not null and company.domain is distinct from coming.domain
    returning company.id
),
<<upserted companies: released>>
select count(*) from released

-- name: unlink_companies
-- Take contacts and deals off companies that are about to go.
with people as (
    update contacts
    set company_id = null, company_match = null, unlinked_reason = 'no_company', revision = :revision
    where user_id = :user_id and company_id = any (:company_ids::uuid[])
    returning id
),
opportunities as (
    update deals
    set company_id = null, company_match = null, unlinked_reason = 'no_company', revision = :revision
    where user_id = :user_id and company_id = any (:company_ids::uuid[])
    returning id
),
<<upserted contacts: people>>,
<<upserted deals: opportunities>>
select count(*) from people

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
-- A page of a user's companies, in order of id or as `sort` says; those without what it sorts by are the rows of
-- another call, with `keyless`. Null narrows nothing. Texts that begin alike are a range, whose operators stay
-- usable to an index under row-level security. A stored range of NAICS sectors ('44-45') holds each of its sectors;
-- naics_from and naics_to bound the prefixes for the index.
select entity.id, entity.domain, entity.crm_rep_id, entity.external_source, entity.external_provider_id,
    entity.source_updated_at, revision.committed_at as synced_at, entity.archived_at,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = :user_id) as accounts,
    <<company_shown: {shown}>>,
    -- of each CRM's records the freshest 20, before a domain that was typed into thousands fills the page
    (select coalesce(jsonb_agg(jsonb_build_object(
            'external_source', s.external_source,
            'external_provider_id', s.external_provider_id,
            'source_updated_at', s.source_updated_at
        ) order by s.external_source collate "C", s.place), '[]')::text
     from (select r.external_source, r.external_provider_id, r.source_updated_at,
               row_number() over (partition by r.external_source collate "C"  -- no index of all records has this order
                   order by r.source_updated_at desc, r.external_provider_id collate "C") as place
           from crm_companies r
           where r.user_id = :user_id and r.company_id = entity.id and r.archived_at is null) s
     where s.place <= 20) as sources
from companies entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = :user_id
  and length(entity.external_source) <> 0  -- opens the indexes of lists, which have the same condition
  and (:after::uuid is null or entity.id > :after)
  and (:until::uuid is null or entity.id <= :until)
  and (:ids::uuid[] is null or entity.id = any (:ids))
  and (:name_from::text is null or entity.company_name_folded ~>=~ :name_from)
  and (:name_to::text is null or entity.company_name_folded ~<~ :name_to)
  and (:domain::text is null or entity.domain = :domain)
  and (:industry::text is null or entity.industry_key = :industry)
  and (:naics_from::text is null or entity.naics ~>=~ :naics_from)
  and (:naics_to::text is null or entity.naics ~<~ :naics_to)
  and (:naics_prefixes::text[] is null or exists (
      select from unnest(:naics_prefixes) as prefix
      where starts_with(entity.naics, prefix)
         or (entity.naics like '__-__' and length(prefix) = 2
             and prefix between left(entity.naics, 2) and right(entity.naics, 2))))
  and (:country::text is null or entity.hq_country = :country)
  and (:region::text is null or entity.hq_region = :region)
  and (:revenue_range::text is null or entity.revenue_range = :revenue_range)
  and (:employees_min::bigint is null or entity.employee_count >= :employees_min)
  and (:employees_max::bigint is null or entity.employee_count <= :employees_max)
  and (:external_id::text is null or entity.id = any (array(
      select r.company_id from crm_companies r
      where r.user_id = :user_id and r.external_source = any (:sources::text[]) and r.external_provider_id = :external_id
        and (:include_archived::boolean or r.archived_at is null))))
  and (:updated_since::timestamptz is null or revision.committed_at >= :updated_since)
  and (:include_archived::boolean or entity.archived_at is null)
  -- not exists(): that may be answered by hashing all records of the CRM for each page
  and (:source::text is null or (
      select true
      from crm_companies r
      where r.user_id = :user_id and r.company_id = entity.id and r.external_source = :source
        and (:include_archived::boolean or r.archived_at is null)
      limit 1))
  -- each criterion of the profile by itself, so that an index may answer the rarest
  and (:fits_icp::boolean is not true or (
      (:icp_industries::text[] is null
          or entity.industry_key = any (:icp_industries))
      -- for an index only where nothing rarer is asked for: a quarter of all companies may share a range
      and (:icp_revenue_ranges::text[] is null or :icp_industries::text[] is not null
          or :icp_countries::text[] is not null or :icp_naics_from::text is not null
          or entity.revenue_range = any (:icp_revenue_ranges))
      and (:icp_revenue_ranges::text[] is null
          or coalesce(entity.revenue_range, '') = any (:icp_revenue_ranges))
      and (:icp_countries::text[] is null or entity.hq_country = any (:icp_countries))
      and (:icp_employee_min::bigint is null or entity.employee_count >= :icp_employee_min)
      and (:icp_employee_max::bigint is null or entity.employee_count <= :icp_employee_max)
      and (:icp_naics_from::text is null or entity.naics ~>=~ :icp_naics_from)
      and (:icp_naics_to::text is null or entity.naics ~<~ :icp_naics_to)
      and (:icp_naics::text[] is null or exists (
          select from unnest(:icp_naics) as prefix
          where starts_with(entity.naics, prefix)
             or (entity.naics like '__-__' and length(prefix) = 2
                 and prefix between left(entity.naics, 2) and right(entity.naics, 2))))))
  and (:fits_icp::boolean is not false or not (
      coalesce(:icp_industries::text[] is null or entity.industry = any (:icp_industries), false)
      and coalesce(
          :icp_revenue_ranges::text[] is null or entity.revenue_range = any (:icp_revenue_ranges), false)
      and coalesce(:icp_countries::text[] is null or entity.hq_country = any (:icp_countries), false)
      and coalesce(:icp_employee_min::bigint is null or entity.employee_count >= :icp_employee_min, false)
      and coalesce(:icp_employee_max::bigint is null or entity.employee_count <= :icp_employee_max, false)
      and (:icp_naics::text[] is null or exists (
          select from unnest(:icp_naics) as prefix
          where starts_with(entity.naics, prefix)
             or (entity.naics like '__-__' and length(prefix) = 2
                 and prefix between left(entity.naics, 2) and right(entity.naics, 2))))))
  and (:sort::text is distinct from 'name' or entity.company_name_folded is not null)
  and (:keyless::text is distinct from 'name' or entity.company_name_folded is null)
  and (:after_name::text is null or (entity.company_name_folded ~>=~ :after_name
      and (entity.company_name_folded ~>~ :after_name or entity.id > :after_id)))
  and (:after_freshness::timestamptz is null or (entity.source_updated_at <= :after_freshness
      and (entity.source_updated_at < :after_freshness or entity.id > :after_id)))
  and (:sort::text is distinct from 'revenue' or entity.annual_revenue_usd is not null)
  and (:keyless::text is distinct from 'revenue' or entity.annual_revenue_usd is null)
  and (:after_revenue::numeric is null or (entity.annual_revenue_usd <= :after_revenue
      and (entity.annual_revenue_usd < :after_revenue or entity.id > :after_id)))
order by case when :sort = 'name' then entity.company_name_folded end using ~<~,
    case when :sort = 'freshness' then entity.source_updated_at end desc,
    case when :sort = 'revenue' then entity.annual_revenue_usd end desc,
    case when :sort is distinct from 'none' then entity.id end
limit :limit

-- name: read_company_ids_of_source
-- A page of the ids of companies that a CRM has a live record of, in order.
select distinct company_id
from crm_companies
where user_id = :user_id and external_source = :source and archived_at is null
  and length(external_source) <> 0
  and (:after::uuid is null or company_id > :after)
order by company_id
limit :limit

-- name: read_company_page_end
-- The id of the record 3,000 places behind another, in order of id; none where fewer follow.
select id
from companies
where user_id = :user_id and (:after::uuid is null or id > :after)
order by id
offset 2999
limit 1

-- name: read_company_sort_keys
-- What a company is sorted by.
select company_name_folded as name, source_updated_at as freshness, annual_revenue_usd as revenue
from companies
where user_id = :user_id and id = :id

-- name: read_companies_by_id
-- Companies, archived or not, but for those that were merged into another: that one is read by its own id.
select entity.revision, entity.id, entity.domain, entity.crm_rep_id, entity.external_source,
    entity.external_provider_id, entity.source_updated_at, revision.committed_at as synced_at,
    entity.archived_at,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = :user_id) as accounts,
    <<company_shown: {shown}>>,
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
           where r.user_id = :user_id and r.company_id = entity.id and r.archived_at is null) s
     where s.place <= 20) as sources
from companies entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = :user_id and entity.id = any (:ids::uuid[])
  and not exists (select from company_aliases a where a.user_id = :user_id and a.alias_id = entity.id)

-- name: read_company_alias
-- The company into which another was merged.
select company_id from company_aliases where user_id = :user_id and alias_id = :alias_id

-- name: read_company_summary
-- How many live companies a user has, and how many of them several CRMs know, as last counted.
select companies, with_two_sources, counted_at from company_counts where user_id = :user_id
