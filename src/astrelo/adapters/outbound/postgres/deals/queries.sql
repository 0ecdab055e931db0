-- name: archive_deals
-- Archive deals that are live.
update deals
set archived_at = :at, synced_at = :at
where user_id = :user_id and external_source = :source and external_provider_id = any (:record_ids::text[])
  and archived_at is null

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
delete from deals where user_id = :user_id and external_source = :source

-- name: upsert_deals
-- Insert or update deals; an older copy never overwrites. Texts arrive as columns of the batch, each joined
-- by the separator (see encoding.py).
insert into deals as stored (
    user_id, external_source, synced_at, id, external_provider_id, source_updated_at, content_hash, name,
    amount, currency, amount_usd, amount_rate_date, pipeline_id, pipeline_label, stage_id, stage_label,
    probability, is_closed, is_won, close_date, owner_provider_id, provider_company_id, company_id,
    company_association, company_match, unlinked_reason, provider_contact_ids, crm_rep_id
)
select :user_id, :source, :at, incoming.id, incoming.record_id, finite_timestamp(incoming.source_updated_at), incoming.content_hash,
    incoming.name, incoming.amount, incoming.currency, incoming.amount_usd, incoming.amount_rate_date, incoming.pipeline_id,
    incoming.pipeline_label, incoming.stage_id, incoming.stage_label, incoming.probability, incoming.is_closed, incoming.is_won,
    finite_timestamp(incoming.close_date), incoming.owner_id, incoming.provider_company_id, incoming.company_id,
    incoming.company_association, incoming.company_match, incoming.unlinked_reason, incoming.contact_ids::text[], rep.id
from unnest(
    :id::uuid[], string_to_array(:record_id, :separator, ''), :source_updated_at::timestamptz[], :content_hash::bytea[], string_to_array(:name, :separator, ''),
    string_to_array(:amount, :separator, '')::numeric[], string_to_array(:currency, :separator, ''),
    string_to_array(:amount_usd, :separator, '')::numeric[], string_to_array(:amount_rate_date, :separator, '')::date[],
    string_to_array(:pipeline_id, :separator, ''), string_to_array(:pipeline_label, :separator, ''), string_to_array(:stage_id, :separator, ''),
    string_to_array(:stage_label, :separator, ''), string_to_array(:probability, :separator, '')::numeric[], :is_closed::boolean[], :is_won::boolean[],
    :close_date::timestamptz[], string_to_array(:owner_provider_id, :separator, ''), string_to_array(:provider_company_id, :separator, ''), :company_id::uuid[],
    string_to_array(:company_association, :separator, ''), string_to_array(:company_match, :separator, ''), string_to_array(:unlinked_reason, :separator, ''),
    string_to_array(:provider_contact_ids, :separator, '')
) as incoming (
    id, record_id, source_updated_at, content_hash, name, amount, currency, amount_usd, amount_rate_date,
    pipeline_id, pipeline_label, stage_id, stage_label, probability, is_closed, is_won, close_date, owner_id,
    provider_company_id, company_id, company_association, company_match, unlinked_reason, contact_ids
)
left join crm_owners as rep
    on rep.user_id = :user_id and rep.external_source = :source
    and rep.external_provider_id = incoming.owner_id
on conflict (user_id, external_source, external_provider_id) do update
set source_updated_at = excluded.source_updated_at, content_hash = excluded.content_hash,
    synced_at = excluded.synced_at, archived_at = null, name = excluded.name, amount = excluded.amount,
    currency = excluded.currency, amount_usd = excluded.amount_usd,
    amount_rate_date = excluded.amount_rate_date, pipeline_id = excluded.pipeline_id,
    pipeline_label = excluded.pipeline_label, stage_id = excluded.stage_id,
    stage_label = excluded.stage_label, probability = excluded.probability,
    is_closed = excluded.is_closed, is_won = excluded.is_won, close_date = excluded.close_date,
    owner_provider_id = excluded.owner_provider_id, provider_company_id = excluded.provider_company_id,
    company_id = excluded.company_id, company_association = excluded.company_association,
    company_match = excluded.company_match, unlinked_reason = excluded.unlinked_reason,
    provider_contact_ids = excluded.provider_contact_ids, crm_rep_id = excluded.crm_rep_id
where stored.source_updated_at <= excluded.source_updated_at
returning external_provider_id as record_id, xmax = 0 as was_insert

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

-- name: read_deal
-- One deal with the contacts that have arrived, archived or not.
select d.id, d.name, d.amount::text as amount, d.currency, d.amount_usd::text as amount_usd,
    d.amount_rate_date, d.pipeline_id, d.pipeline_label, d.stage_id,
    d.stage_label, d.probability::float8 as probability, d.is_closed, d.is_won, d.close_date, d.crm_rep_id,
    d.company_id, d.company_match, d.unlinked_reason,
    array(select c.id from unnest(d.provider_contact_ids) as named (id)
          join contacts c on c.user_id = d.user_id and c.external_source = d.external_source
              and c.external_provider_id = named.id and c.archived_at is null
          order by c.id) as contact_ids,
    d.external_source, d.external_provider_id, d.source_updated_at, d.synced_at, d.archived_at
from deals d
where d.user_id = :user_id and d.id = :deal_id

-- name: read_deals
-- A page of a user's deals with the contacts that have arrived, in order of id. Null narrows nothing;
-- pipeline and stage are an id or a label. A merged company's id finds the deals of the one that it was
-- merged into.
select d.id, d.name, d.amount::text as amount, d.currency, d.amount_usd::text as amount_usd,
    d.amount_rate_date, d.pipeline_id, d.pipeline_label, d.stage_id,
    d.stage_label, d.probability::float8 as probability, d.is_closed, d.is_won, d.close_date, d.crm_rep_id,
    d.company_id, d.company_match, d.unlinked_reason,
    array(select c.id from unnest(d.provider_contact_ids) as named (id)
          join contacts c on c.user_id = d.user_id and c.external_source = d.external_source
              and c.external_provider_id = named.id and c.archived_at is null
          order by c.id) as contact_ids,
    d.external_source, d.external_provider_id, d.source_updated_at, d.synced_at, d.archived_at
from deals d
where d.user_id = :user_id
  and (:after::uuid is null or d.id > :after)
  and (:company_id::uuid is null or d.company_id = coalesce(
      (select a.company_id from company_aliases a where a.user_id = :user_id and a.alias_id = :company_id),
      :company_id))
  and (:pipeline::text is null or :pipeline in (d.pipeline_id, d.pipeline_label))
  and (:stage::text is null or :stage in (d.stage_id, d.stage_label))
  and (:is_closed::boolean is null or d.is_closed = :is_closed)
  and (:is_won::boolean is null or d.is_won = :is_won)
  and (:updated_since::timestamptz is null or d.synced_at >= :updated_since)
  and (:include_archived::boolean or d.archived_at is null)
order by d.id
limit :limit
