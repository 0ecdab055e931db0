-- Insert a run's steps, all pending. user_id, run_id, object types, window starts, window ends, reading versions
insert into sync_steps (
    user_id, run_id, object_type, window_start, window_end, reading_version, status, epoch,
    received, repeats, inserted, updated, unchanged, stale, rejected, unreadable
)
select $1, $2, told.*, 'pending', 0, 0, 0, 0, 0, 0, 0, '{}', '{}'
from unnest($3::text[], $4::timestamptz[], $5::timestamptz[], $6::bytea[]) as told
