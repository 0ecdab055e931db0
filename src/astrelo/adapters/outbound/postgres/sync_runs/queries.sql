-- name: hasten_job
-- Let a waiting job run earlier; one that is due by then, or running, stays as it is. The delay counts from
-- now.
update pgqueuer set execute_after = now() + :delay::interval
where dedupe_key = :dedupe_key and status = 'queued' and execute_after > now() + :delay::interval

-- name: list_ids_without_job
-- Those of some ids, in their order, that no job is under way for. A job's key is such an id and the number of an
-- attempt (see job_queue.py).
select wanted.id
from unnest(:ids::uuid[]) with ordinality as wanted (id, place)
where not exists (
    select from pgqueuer as job
    where job.entrypoint = :entrypoint and split_part(job.dedupe_key, '/', 1) = wanted.id::text
)
order by wanted.place
limit :limit

-- name: read_crowded_domains
-- Domains that more live company records of one CRM share than the threshold, the fullest first.
select identity_domain as domain, count(*) as records
from crm_companies
where user_id = :user_id and external_source = :provider and archived_at is null
  and identity_domain is not null
group by identity_domain
having count(*) > :threshold
order by records desc, domain
limit :limit

-- name: read_rejections
-- A sample of the records that a run could not keep, up to the limit for each object type, in the order in
-- which they came.
select object_type, record_id, reason
from (
    select object_type, record_id, reason, ordinal,
        row_number() over (partition by object_type order by ordinal) as place
    from sync_rejections
    where user_id = :user_id and run_id = :run_id
) numbered
where place <= :limit
order by object_type, ordinal

-- name: read_runs
-- Runs of a user's CRM with their steps, the latest first. Null narrows nothing. `reconciled` repeats the
-- domain's rule: every distinct record of a completed listing is accounted for.
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
     where s.user_id = :user_id and s.run_id = r.id) as steps
from sync_runs r
where r.user_id = :user_id
  and r.provider = :provider
  and (:run_id::uuid is null or r.id = :run_id)
  and (:before::uuid is null or r.id < :before)
order by r.id desc
limit :limit

-- name: read_unreadable
-- What a run could not keep as it is, with up to 20 record ids of each column and trouble.
select noted.object_type, noted.field, noted.trouble, noted.records, noted.record_ids
from sync_unreadable as noted
join sync_runs as run on run.user_id = :user_id and run.id = noted.run_id and run.provider = :provider
where noted.user_id = :user_id and noted.run_id = :run_id and (:field::text is null or noted.field = :field)
order by noted.object_type, noted.field, noted.trouble

-- name: add_run
-- Insert a run.
insert into sync_runs (
    user_id, id, connection_id, provider, account_id, mode, status, requested_at, attempts
)
values (:user_id, :run_id, :connection_id, :provider, :account_id, :mode, :status, :requested_at, 0)

-- name: add_steps
-- Insert a run's steps, all pending.
insert into sync_steps (
    user_id, run_id, object_type, window_start, window_end, reading_version, status, epoch,
    received, repeats, inserted, updated, unchanged, stale, rejected, unreadable
)
select :user_id, :run_id, incoming.*, 'pending', 0, 0, 0, 0, 0, 0, 0, '{}', '{}'
from unnest(
    :object_types::text[], :window_starts::timestamptz[], :window_ends::timestamptz[],
    :reading_versions::bytea[]
) as incoming

-- name: advance_step
-- Write a step's progress if its epoch still holds.
update sync_steps
set status = :status, cursor = :cursor, received = :received, repeats = :repeats, inserted = :inserted,
    updated = :updated, unchanged = :unchanged, stale = :stale, archived = :archived, merged = :merged,
    rejected = :rejected, unreadable = :unreadable, hidden = :hidden,
    expected_total = :expected_total, reason = :reason
where user_id = :user_id and run_id = :run_id and object_type = :object_type and epoch = :epoch
returning epoch

-- name: forget_seen
-- Drop the ids that a run has seen.
delete from sync_seen where user_id = :user_id and run_id = :run_id

-- name: get_run
-- A run.
select id, user_id, connection_id, provider, account_id, mode, status, reason,
       requested_at, started_at, finished_at, parked_until, attempts, owners_status, owners_reason
from sync_runs
where user_id = :user_id and id = :run_id

-- name: hold_step
-- The fence: lock a step if its epoch still holds.
select epoch
from sync_steps
where user_id = :user_id and run_id = :run_id and object_type = :object_type and epoch = :epoch
for no key update

-- name: get_latest_run_id
-- The id of a connection's latest run.
select id
from sync_runs
where user_id = :user_id and connection_id = :connection_id
order by requested_at desc, id desc
limit 1

-- name: lock_run
-- A run, its row locked until the transaction ends; batches may still refer to it.
select id, user_id, connection_id, provider, account_id, mode, status, reason,
       requested_at, started_at, finished_at, parked_until, attempts, owners_status, owners_reason
from sync_runs
where user_id = :user_id and id = :run_id
for no key update

-- name: mark_seen
-- Remember a batch's ids.
insert into sync_seen (user_id, run_id, object_type, first_id, last_id, ids)
values (:user_id, :run_id, :object_type, :first_id, :last_id, string_to_array(:ids, :separator))

-- name: note_unreadable
-- Add to a run's account of what could not be kept as it is. Entries are jsonb: {field, trouble, records,
-- record_ids} each.
insert into sync_unreadable as noted (user_id, run_id, object_type, field, trouble, records, record_ids)
select :user_id, :run_id, :object_type, entry.field, entry.trouble, entry.records,
    entry.record_ids[: :max_examples]
from jsonb_to_recordset(:entries::jsonb) as entry (field text, trouble text, records bigint, record_ids text[])
on conflict (user_id, run_id, object_type, field, trouble) do update
set records = noted.records + excluded.records,
    -- in a function: Citus takes a subscript there for one that is set; 20 is MAX_EXAMPLES: it takes no parameter there
    record_ids = coalesce((noted.record_ids || excluded.record_ids)[:20], '{}')

-- name: list_other_runs_on_account
-- Whether the other queued and running runs of a CRM account, of all users, are running.
select distinct is_running
from account_runs
where provider = :provider and account_id = :account_id
  and (:run_id::uuid is null or run_id <> :run_id)

-- name: hold_account
-- Enter a run among those of its CRM account; a second running one violates account_runs_one_running.
insert into account_runs (provider, account_id, run_id, user_id, connection_id, is_running)
values (:provider, :account_id, :run_id, :user_id, :connection_id, :is_running)
on conflict (provider, account_id, run_id) do update
set is_running = excluded.is_running

-- name: release_account
-- Take a run that is parked or has ended off its CRM account.
delete from account_runs where provider = :provider and account_id = :account_id and run_id = :run_id

-- name: raise_epochs
-- Raise a run's epochs, never lower them.
update sync_steps as step
set epoch = incoming.epoch
from unnest(:object_types::text[], :epochs::bigint[]) as incoming (object_type, epoch)
where step.user_id = :user_id and step.run_id = :run_id and step.object_type = incoming.object_type
  and step.epoch < incoming.epoch

-- name: add_rejections
-- Keep rejected records.
insert into sync_rejections (user_id, run_id, object_type, record_id, reason)
select :user_id, :run_id, :object_type, rejected.record_id, rejected.reason
from unnest(:record_ids::text[], :reasons::text[]) as rejected (record_id, reason)

-- name: save_run
-- Update a run.
update sync_runs
set status = :status, reason = :reason, started_at = :started_at, finished_at = :finished_at,
    parked_until = :parked_until, attempts = :attempts,
    owners_status = :owners_status, owners_reason = :owners_reason, changed_nothing = :changed_nothing
where user_id = :user_id and id = :run_id

-- name: list_seen_before
-- Ids of a batch that earlier batches of the run had. Only batches whose range overlaps are opened.
select distinct seen.id
from sync_seen as batch
cross join unnest(batch.ids) as seen (id)
where batch.user_id = :user_id and batch.run_id = :run_id and batch.object_type = :object_type
  and batch.first_id <= :last_id and batch.last_id >= :first_id
  and seen.id = any (string_to_array(:ids, :separator))

-- name: get_steps
-- A run's steps.
select object_type, status, epoch, cursor, received, repeats, inserted, updated, unchanged, stale, archived,
       merged, rejected, unreadable, hidden, expected_total, window_start, window_end, reading_version, reason
from sync_steps
where user_id = :user_id and run_id = :run_id

-- name: list_open_runs
-- Open runs of all users, the oldest first; parked ones once their time has come.
select run.user_id, run.id
from sync_runs as run
where run.status in ('queued', 'running') or (run.status = 'parked' and run.parked_until <= now())
order by run.requested_at

-- name: get_last_requests
-- When the last runs of a connection were requested, and whether one is open; a run that failed counts from its failure,
-- so that it is tried again in the next slot and not at once. Runs that only refetch what webhooks named do not count.
select greatest(
           case when whole.status = 'failed' then whole.finished_at else whole.requested_at end,
           case when increment.status = 'failed' then increment.finished_at else increment.requested_at end
       ) as last_requested_at,
       whole.requested_at as last_full_requested_at,
       exists (
           select 1
           from sync_runs
           where user_id = :user_id and connection_id = :connection_id
             and status in ('queued', 'running', 'parked')
       ) as is_open
from (select) as one
left join lateral (
    select requested_at, finished_at, status
    from sync_runs
    where user_id = :user_id and connection_id = :connection_id and mode = 'full'
    order by requested_at desc
    limit 1
) as whole on true
left join lateral (
    select requested_at, finished_at, status
    from sync_runs
    where user_id = :user_id and connection_id = :connection_id and mode = 'incremental'
    order by requested_at desc
    limit 1
) as increment on true

-- name: claim_scheduled
-- Take connections whose time has come, the longest due first, and put them off until they are looked at.
update sync_schedule
set due_at = :until
where connection_id in (
    select connection_id
    from sync_schedule
    where due_at <= :now
    order by due_at
    limit :limit
    for update skip locked
)
returning user_id, connection_id, provider

-- name: reschedule
-- Say when connections that were claimed are to be looked at next, unless somebody has hastened them meanwhile.
update sync_schedule as scheduled
set due_at = looked_at.due_at
from unnest(:connection_ids::uuid[], :due_ats::timestamptz[]) as looked_at (connection_id, due_at)
where scheduled.connection_id = looked_at.connection_id and scheduled.due_at = :until

-- name: add_to_schedule
-- Have a connection looked at no later than a time.
insert into sync_schedule as scheduled (connection_id, user_id, provider, due_at)
values (:connection_id, :user_id, :provider, :due_at)
on conflict (connection_id) do update
set due_at = excluded.due_at
where excluded.due_at < scheduled.due_at

-- name: take_off_schedule
-- Look at a connection no more.
delete from sync_schedule where connection_id = :connection_id

-- name: list_active_connections
-- A page of the active connections of all users, behind one of them.
select id as connection_id, user_id, provider
from crm_connections
where status = 'active' and (user_id, id) > (:after_user, :after)
order by user_id, id
limit :limit

-- name: add_missing_to_schedule
-- Schedule those of some connections that are not.
insert into sync_schedule (connection_id, user_id, provider, due_at)
select missing.connection_id, missing.user_id, missing.provider, :due_at
from unnest(:connection_ids::uuid[], :user_ids::uuid[], :providers::text[])
    as missing (connection_id, user_id, provider)
on conflict (connection_id) do nothing

-- name: try_history_lock
-- Be the one who prunes the history, until the transaction ends; false where another is.
select pg_try_advisory_xact_lock(:lock_key)

-- name: list_old_runs
-- Runs of all users that ended before a time and, of their connection, are not the latest of their mode: that one says
-- when the next is due. Those that changed nothing, or the others.
select run.user_id, run.id
from sync_runs as run
where run.changed_nothing = :changed_nothing and run.finished_at < :before
  and exists (
      select 1
      from sync_runs as later
      where later.user_id = run.user_id and later.connection_id = run.connection_id and later.mode = run.mode
        and later.requested_at > run.requested_at
  )
order by run.finished_at
limit :limit

-- name: delete_runs
-- Delete runs with all that belongs to them; of those that changed nothing, keep how many there were a day.
with gone as (
    delete from sync_runs
    where user_id = :user_id and id = any (:run_ids::uuid[])
    returning connection_id, mode, finished_at, changed_nothing
)
insert into idle_runs as kept (user_id, connection_id, mode, day, runs)
select :user_id, connection_id, mode, (finished_at at time zone 'UTC')::date, count(*)
from gone
where changed_nothing
group by connection_id, mode, (finished_at at time zone 'UTC')::date
on conflict (user_id, connection_id, mode, day) do update
set runs = kept.runs + excluded.runs

-- name: prune_queue_log
-- Forget what the queue noted of jobs before a time, some at a time.
delete from pgqueuer_log
where id in (select id from pgqueuer_log where created < :before order by created limit :limit)
