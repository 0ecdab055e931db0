-- Drop the ids that a run has seen. user_id, run_id
delete from sync_seen where user_id = $1 and run_id = $2
