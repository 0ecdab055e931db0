-- The fence of a transaction that leaves the step as it is: locks it if its epoch still holds.
-- user_id, run_id, object_type, epoch
select epoch
from sync_steps
where user_id = $1 and run_id = $2 and object_type = $3 and epoch = $4
for no key update
