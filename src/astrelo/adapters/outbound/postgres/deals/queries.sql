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
  and (:ids::uuid[] is null or entity.id = any (:ids))
  and (:company_id::uuid is null or entity.company_id = coalesce(
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
      select d.id from named join deals d on d.user_id = :user_id
          and d.provider_contact_ids[1] is not null
          and d.provider_contact_ids[1] = named.external_provider_id
          and d.external_source = named.external_source
      union all
      select d.id from named join deals d on d.user_id = :user_id and d.provider_contact_ids[2] is not null
          and d.provider_contact_ids[2] = named.external_provider_id
          and d.external_source = named.external_source
      union all
      select d.id from named join deals d on d.user_id = :user_id and d.provider_contact_ids[3] is not null
          and named.external_provider_id = any (d.provider_contact_ids[3:])
          and d.external_source = named.external_source)))
  and (:pipeline::text is null or entity.pipeline_id_key = left(:pipeline, 101)
      or entity.pipeline_label_key = left(:pipeline, 101))
  and (length(:pipeline::text) <= 100 or :pipeline in (entity.pipeline_id, entity.pipeline_label)
      or :pipeline is null)
  and (:stage::text is null or entity.stage_id_key = left(:stage, 101)
      or entity.stage_label_key = left(:stage, 101))
  and (length(:stage::text) <= 100 or :stage in (entity.stage_id, entity.stage_label) or :stage is null)
  and (:is_closed::boolean is null or entity.is_closed = :is_closed)
  and (:is_won::boolean is null or entity.is_won = :is_won)
  and (:rep::uuid is null or entity.crm_rep_id = :rep)
  and (:source::text is null or entity.external_source = :source)
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
    entity.id
limit :limit

-- name: read_deal_sort_keys
-- What a deal is sorted by.
select source_updated_at as freshness, amount_usd as amount
from deals
where user_id = :user_id and id = :id
