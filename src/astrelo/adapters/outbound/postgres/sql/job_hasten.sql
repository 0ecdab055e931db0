-- Let a job that waits be done earlier; one that is due by then, or under way, stays as it is.
-- dedupe_key, delay from now
update pgqueuer set execute_after = now() + $2::interval
where dedupe_key = $1 and status = 'queued' and execute_after > now() + $2::interval
