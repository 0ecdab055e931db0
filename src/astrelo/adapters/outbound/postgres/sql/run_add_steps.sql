-- Insert a run's steps, all pending. user_id, run_id, object types, window starts, window ends
insert into sync_steps (
    user_id, run_id, object_type, window_start, window_end, status, epoch,
    received, repeats, inserted, updated, unchanged, stale, rejected, unreadable
)
select $1, $2, told.*, 'pending', 0, 0, 0, 0, 0, 0, 0, '{}', '{}'
from unnest($3::text[], $4::timestamptz[], $5::timestamptz[]) as told
