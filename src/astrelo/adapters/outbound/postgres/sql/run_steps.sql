-- A run's steps. user_id, run_id
select object_type, status, epoch, cursor, received, repeats, inserted, updated, unchanged, stale, archived, merged,
       rejected, unreadable, expected_total, window_start, window_end, reason
from sync_steps
where user_id = $1 and run_id = $2
