-- Update a run.
-- user_id, id, status, reason, started_at, finished_at, parked_until, attempts, owners_status, owners_reason
update sync_runs
set status = $3, reason = $4, started_at = $5, finished_at = $6, parked_until = $7, attempts = $8,
    owners_status = $9, owners_reason = $10
where user_id = $1 and id = $2
