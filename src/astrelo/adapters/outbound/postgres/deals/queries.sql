-- name: archive_deals
-- Archive deals that are live.
with gone as (
    update deals
    set archived_at = :at, revision = :revision
    where user_id = :user_id and external_source = :source
      and external_provider_id = any (:record_ids::text[]) and archived_at is null
    returning id
),
<<upserted deals: gone>>
select count(*) from gone

-- name: get_known_deals
-- What is stored of deals.
select external_provider_id as record_id, id as entity_id, content_hash, source_updated_at,
       archived_at
from deals
where user_id = :user_id and external_source = :source
  and external_provider_id = any (string_to_array(:record_ids, :separator))

-- name: count_live_deals
-- How many live records a source has.
select count(*) from deals where user_id = :user_id and external_source = :source and archived_at is null

-- name: lock_deals
-- Hold alone, until the transaction ends, the right to write a source's deals beside others who share the
-- links.
select pg_advisory_xact_lock(hashtextextended(:user_id::uuid::text || :source::text, 7274))

-- name: delete_deals
-- Delete a source's deals.
with purged as (
    delete from deals where user_id = :user_id and external_source = :source returning id
),
<<deleted deals as purged: purged>>
select count(*) from purged

-- name: upsert_deals
-- Insert or update deals, with the contacts that have arrived; an older copy never overwrites. Each
-- parameter but the user, the source and the revision is a column of the batch (see session/columns.py).
with written as (
    insert into deals as stored (
        user_id, external_source, revision, crm_rep_id, contact_ids,
        <<deal_columns: {name}>>
    )
    select :user_id, :source, :revision, rep.id,
        array(select arrived.id
              from unnest(incoming.provider_contact_ids::text[]) as named (id)
              cross join lateral (
                  select contact.id
                  from contacts as contact
                  where contact.user_id = :user_id and contact.external_source = :source
                    and contact.external_provider_id = named.id and contact.archived_at is null
                  offset 0
              ) as arrived
              order by arrived.id),
        <<deal_columns: {value}>>
    from unnest(
        <<deal_columns: {array}>>
    ) as incoming (
        <<deal_columns: {name}>>
    )
    left join crm_owners as rep
        on rep.user_id = :user_id and rep.external_source = :source
        and rep.external_provider_id = incoming.owner_provider_id
    on conflict (user_id, external_source, external_provider_id) do update
    set archived_at = null, revision = excluded.revision, crm_rep_id = excluded.crm_rep_id,
        contact_ids = excluded.contact_ids,
        <<deal_updated: {name} = excluded.{name}>>
    where stored.source_updated_at <= excluded.source_updated_at
    returning id, external_provider_id, xmax = 0 as was_insert
),
<<upserted deals: written>>
select external_provider_id as record_id, was_insert from written

-- name: list_unseen_deals
-- A source's live records that a run has not received. A set difference, which is hashed or sorted: an
-- anti-join becomes a loop over a loop where the tables have no statistics yet, and minutes for twenty
-- thousand records.
select external_provider_id as record_id
from deals
where user_id = :user_id and external_source = :source and archived_at is null
except
select unnest(ids)
from sync_seen
where user_id = :user_id and run_id = :run_id and object_type = :object_type

-- name: read_deals_by_id
-- Deals with the contacts that have arrived, archived or not.
select entity.revision, entity.crm_rep_id, entity.external_source, revision.committed_at as synced_at,
    entity.archived_at, entity.contact_ids,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = :user_id) as accounts,
    <<deal_shown: {shown}>>
from deals entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = :user_id and entity.id = any (:ids::uuid[])

-- name: read_deals
-- A page of a user's deals with the contacts that have arrived, in order of id or as `sort` says (see
-- read_companies). Null narrows nothing; pipeline and stage are an id or a label. A merged company's id finds the
-- deals of the one that it was merged into. A contact's deals are found by the place that it has in their list.
select entity.crm_rep_id, entity.external_source, revision.committed_at as synced_at, entity.archived_at,
    entity.contact_ids,
    (select jsonb_object_agg(account.provider, jsonb_build_array(account.account_id, account.app_url))::text
     from crm_connections as account
     where account.user_id = :user_id) as accounts,
    <<deal_shown: {shown}>>
from deals entity
left join feed_revisions revision
    on revision.user_id = entity.user_id and revision.revision = entity.revision
where entity.user_id = :user_id
  and length(entity.external_source) <> 0  -- opens the indexes of lists, which have the same condition
  and (:after::uuid is null or entity.id > :after)
  and (:until::uuid is null or entity.id <= :until)
  and (:ids::uuid[] is null or entity.id = any (:ids))
  -- A page by facets, in order of id: of the combinations that fit those with the lowest ids, then as much of each as
  -- fills the page. In the order of the index of facets, so that without sorting there is no other plan.
  and (:page_of::text is distinct from 'facets' or entity.id = any (array(
      with lowest as (
          select found.facets_hash, found.id
          from unnest(:facets::bigint[]) as fitting (facets_hash)
          cross join lateral (
              select e.facets_hash, e.id
              from deals e
              where e.user_id = :user_id and length(e.external_source) <> 0
                and (e.facets_hash, e.id) > (fitting.facets_hash, coalesce(
                    :after, '00000000-0000-0000-0000-000000000000'))
                and e.facets_hash <= fitting.facets_hash
              order by e.facets_hash, e.id
              limit 1) as found
          order by found.id
          limit :limit
      )
      select found.id
      from lowest
      cross join lateral (
          select e.id
          from deals e
          where e.user_id = :user_id and length(e.external_source) <> 0
            and (e.facets_hash, e.id) >= (lowest.facets_hash, lowest.id) and e.facets_hash <= lowest.facets_hash
          order by e.facets_hash, e.id
          limit :limit) as found
      order by found.id
      limit :limit)))
  and (:page_of::text = 'facets' or :facets::bigint[] is null or entity.facets_hash = any (:facets))
  -- A page of a company's, likewise.
  and (:page_of::text is distinct from 'company' or entity.id = any (array(
      with company as (
          select coalesce(
              (select a.company_id from company_aliases a where a.user_id = :user_id and a.alias_id = :company_id),
              :company_id) as id
      )
      select found.id
      from company
      cross join lateral (
          select e.id
          from deals e
          where e.user_id = :user_id and e.company_id is not null
            and (e.company_id, e.id) > (company.id, coalesce(:after, '00000000-0000-0000-0000-000000000000'))
            and e.company_id <= company.id
            and (:include_archived::boolean or e.archived_at is null)
          order by e.company_id, e.id
          limit :limit) as found)))
  and (:page_of::text = 'company' or :company_id::uuid is null or entity.company_id = coalesce(
      (select a.company_id from company_aliases a where a.user_id = :user_id and a.alias_id = :company_id),
      :company_id))
  and (:linked::boolean is not true or entity.company_id is not null)
  and (:linked::boolean is not false or entity.company_id is null)
  and (:contact_id::uuid is null or entity.id = any (array(
      with named as (
          select c.external_source, c.external_provider_id
          from contacts c
          where c.user_id = :user_id and c.id = :contact_id
      )
      select d.id from named join deals d on d.user_id = :user_id and d.provider_contact_ids[1] is not null
          and d.provider_contact_ids[1] = named.external_provider_id
          and d.external_source is not distinct from named.external_source
      union all
      select d.id from named join deals d on d.user_id = :user_id and d.provider_contact_ids[2] is not null
          and d.provider_contact_ids[2] = named.external_provider_id
          and d.external_source is not distinct from named.external_source
      union all
      select d.id from named join deals d on d.user_id = :user_id and d.provider_contact_ids[3] is not null
          and d.provider_contact_ids[3] = named.external_provider_id
          and d.external_source is not distinct from named.external_source
      union all
      select d.id from named join deals d on d.user_id = :user_id and d.provider_contact_ids[4] is not null
          and d.provider_contact_ids[4] = named.external_provider_id
          and d.external_source is not distinct from named.external_source
      union all
      select d.id from named join deals d on d.user_id = :user_id and d.provider_contact_ids[5] is not null
          and named.external_provider_id = any (d.provider_contact_ids[5:])
          and d.external_source is not distinct from named.external_source)))
  and (:external_id::text is null or (
      entity.external_provider_id = :external_id and entity.external_source = any (:sources::text[])))
  and (:updated_since::timestamptz is null or revision.committed_at >= :updated_since)
  and (:include_archived::boolean or entity.archived_at is null)
  and (:after_freshness::timestamptz is null or (entity.source_updated_at <= :after_freshness
      and (entity.source_updated_at < :after_freshness or entity.id > :after_id)))
  and (:sort::text is distinct from 'amount' or entity.amount_usd is not null)
  and (:keyless::text is distinct from 'amount' or entity.amount_usd is null)
  and (:after_amount::numeric is null or (entity.amount_usd <= :after_amount
      and (entity.amount_usd < :after_amount or entity.id > :after_id)))
order by case when :sort = 'freshness' then entity.source_updated_at end desc,
    case when :sort = 'amount' then entity.amount_usd end desc,
    case when :sort is distinct from 'none' then entity.id end
limit :limit

-- name: read_deal_page_end
-- The id of the record 3,000 places behind another, in order of id; none where fewer follow.
select id
from deals
where user_id = :user_id and (:after::uuid is null or id > :after)
order by id
offset 2999
limit 1

-- name: read_deal_sort_keys
-- What a deal is sorted by.
select source_updated_at as freshness, amount_usd as amount
from deals
where user_id = :user_id and id = :id

-- name: list_deal_facets
-- The combinations of facets that a user's deals have and that fit, by their hashes. Null narrows nothing. Takes one
-- look into the index for each combination: behind its entries begins the next.
with recursive combination as (
    select (-9223372036854775808)::bigint as facets_hash, null::text as external_source,
        null::boolean as is_closed, null::boolean as is_won, null::text as pipeline_id,
        null::text as pipeline_label, null::text as stage_id, null::text as stage_label,
        null::uuid as crm_rep_id, null::boolean as is_linked, null::boolean as is_archived
    union all
    select following.*
    from combination
    cross join lateral (
        select e.facets_hash, e.external_source, e.is_closed, e.is_won, e.pipeline_id, e.pipeline_label, e.stage_id,
            e.stage_label, e.crm_rep_id, e.company_id is not null, e.archived_at is not null
        from deals e
        where e.user_id = :user_id and length(e.external_source) <> 0
          and (e.facets_hash, e.id) > (combination.facets_hash, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        order by e.facets_hash, e.id
        limit 1) as following
)
select facets_hash
from combination
where external_source is not null
  and (:include_archived::boolean or not is_archived)
  and (:linked::boolean is null or is_linked = :linked)
  and (:pipeline::text is null or :pipeline in (pipeline_id, pipeline_label))
  and (:stage::text is null or :stage in (stage_id, stage_label))
  and (:is_closed::boolean is null or is_closed = :is_closed)
  and (:is_won::boolean is null or is_won = :is_won)
  and (:rep::uuid is null or crm_rep_id = :rep)
  and (:source::text is null or external_source = :source)
