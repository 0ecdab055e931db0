-- A source's live records that a run has not received. user_id, source, run_id, object_type
select stored.external_provider_id as record_id
from deals as stored
where stored.user_id = $1 and stored.external_source = $2 and stored.archived_at is null
  and not exists (
      select
      from sync_seen as batch
      cross join unnest(batch.ids) as seen (id)
      where batch.user_id = $1 and batch.run_id = $3 and batch.object_type = $4
        and seen.id = stored.external_provider_id
  )
