-- Open runs of all users that no job is under way for; parked ones once their time has come.
-- A job's key is the run's id and its attempt (see jobs.py). No parameters.
select run.user_id, run.id
from sync_runs as run
where (run.status in ('queued', 'running') or (run.status = 'parked' and run.parked_until <= now()))
  and not exists (
      select from pgqueuer as job
      where job.entrypoint = 'sync' and starts_with(job.dedupe_key, run.id::text || '/')
  )
order by run.requested_at
limit 1000
