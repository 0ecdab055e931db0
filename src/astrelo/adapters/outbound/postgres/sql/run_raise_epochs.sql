-- Raise a run's epochs, never lower them. user_id, run_id, object types, epochs
update sync_steps as step
set epoch = told.epoch
from unnest($3::text[], $4::bigint[]) as told (object_type, epoch)
where step.user_id = $1 and step.run_id = $2 and step.object_type = told.object_type
  and step.epoch < told.epoch
