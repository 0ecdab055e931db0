-- A run's steps. user_id, run_id
select object_type, status, epoch, cursor, received, repeats, inserted, updated, unchanged, stale, archived, merged,
       rejected, unreadable, hidden, expected_total, window_start, window_end, reading_version, reason
from sync_steps
where user_id = $1 and run_id = $2
