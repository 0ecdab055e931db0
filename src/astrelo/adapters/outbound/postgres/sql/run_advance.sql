-- The fence: write a step if its epoch still holds.
-- user_id, run_id, object_type, epoch, status, cursor, received, repeats, inserted, updated, unchanged,
-- stale, archived, merged, rejected, unreadable, hidden, expected_total, reason
update sync_steps
set status = $5, cursor = $6, received = $7, repeats = $8, inserted = $9, updated = $10, unchanged = $11,
    stale = $12, archived = $13, merged = $14, rejected = $15, unreadable = $16, hidden = $17,
    expected_total = $18, reason = $19
where user_id = $1 and run_id = $2 and object_type = $3 and epoch = $4
returning epoch
