-- The columns that each CRM's latest run found hidden from the user who connected.
-- Parameters: 1 user_id, 2 object type.
select distinct on (run.provider) run.provider,
    array(select jsonb_object_keys(step.hidden)) as hidden
from sync_runs as run
join sync_steps as step
    on step.user_id = $1 and step.run_id = run.id and step.object_type = $2 and step.received > 0
where run.user_id = $1
order by run.provider, run.id desc
