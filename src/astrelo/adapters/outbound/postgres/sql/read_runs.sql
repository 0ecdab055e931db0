-- Runs of a user's CRM with their steps, the latest first.
-- Parameters: 1 user_id, 2 provider, 3 only this run (id or null), 4 before (id or null), 5 limit.
-- `reconciled` repeats the domain's rule: every distinct record of a completed walk is accounted for.
select r.id, r.provider, r.mode, r.status, r.reason, r.requested_at, r.started_at, r.finished_at,
    r.parked_until, r.attempts,
    jsonb_build_object('status', r.owners_status, 'reason', r.owners_reason)::text as owners,
    (select coalesce(jsonb_agg(jsonb_build_object(
            'object_type', s.object_type,
            'status', s.status,
            'window', case when s.window_start is not null then
                jsonb_build_object('start', s.window_start, 'end', s.window_end) end,
            'received', s.received,
            'repeats', s.repeats,
            'distinct', s.received - s.repeats,
            'inserted', s.inserted,
            'updated', s.updated,
            'unchanged', s.unchanged,
            'stale', s.stale,
            'archived', s.archived,
            'merged', s.merged,
            'rejected', s.rejected,
            'unreadable', s.unreadable,
            'hidden', s.hidden,
            'expected_total', s.expected_total,
            'reconciled', s.status = 'completed' and s.received - s.repeats
                = s.inserted + s.updated + s.unchanged + s.stale
                + (select coalesce(sum(n.value::bigint), 0) from jsonb_each_text(s.rejected) n),
            'reason', s.reason
        ) order by s.object_type), '[]')::text
     from sync_steps s
     where s.user_id = r.user_id and s.run_id = r.id) as steps
from sync_runs r
where r.user_id = $1
  and r.provider = $2
  and ($3::uuid is null or r.id = $3)
  and ($4::uuid is null or r.id < $4)
order by r.id desc
limit $5
