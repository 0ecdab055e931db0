-- Insert a run's steps, all pending. user_id, run_id, object types
insert into sync_steps (
    user_id, run_id, object_type, status, epoch,
    received, repeats, inserted, updated, unchanged, stale, rejected, unreadable
)
select $1, $2, object_type, 'pending', 0, 0, 0, 0, 0, 0, 0, '{}', '{}'
from unnest($3::text[]) as object_type
