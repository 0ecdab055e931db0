-- Ids of a batch that earlier batches of the run had. Only batches whose range overlaps are opened.
-- user_id, run_id, object_type, first id, last id, separator, joined ids
select distinct seen.id
from sync_seen as batch
cross join unnest(batch.ids) as seen (id)
where batch.user_id = $1 and batch.run_id = $2 and batch.object_type = $3
  and batch.first_id <= $5 and batch.last_id >= $4
  and seen.id = any (string_to_array($7, $6))
