-- A source's live records that a run has not received. user_id, source, run_id, object_type
-- A set difference, which is hashed or sorted: an anti-join becomes a loop over a loop where the tables
-- have no statistics yet, and minutes for twenty thousand records.
select external_provider_id as record_id
from crm_companies
where user_id = $1 and external_source = $2 and archived_at is null
except
select unnest(ids)
from sync_seen
where user_id = $1 and run_id = $3 and object_type = $4
