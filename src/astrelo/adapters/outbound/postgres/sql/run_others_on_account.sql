-- Which of queued and running the other runs of a CRM account are in, whoever's they are.
-- provider, account_id, run_id or null
select distinct status
from sync_runs
where provider = $1 and account_id = $2 and status in ('queued', 'running')
  and ($3::uuid is null or id <> $3)
