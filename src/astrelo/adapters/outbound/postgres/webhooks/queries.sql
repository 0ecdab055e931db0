-- name: add_pending_refetches
-- Note records that a webhook named, to be read again; one that waits already is the latest.
insert into pending_refetches as known (user_id, connection_id, received_at, object_type, record_id)
select :user_id, :connection_id, :at, incoming.object_type, incoming.record_id
from unnest(:object_types::text[], :record_ids::text[]) as incoming (object_type, record_id)
on conflict (user_id, connection_id, object_type, record_id) do update
set received_at = greatest(known.received_at, excluded.received_at)

-- name: has_pending_refetches
-- Whether any record of a connection is to be read again.
select exists (select from pending_refetches where user_id = :user_id and connection_id = :connection_id)

-- name: settle_pending_refetches
-- Delete pending refetches that were read, unless the record was named again since.
delete from pending_refetches as pending
using unnest(:record_ids::text[], :received_at::timestamptz[]) as read (record_id, received_at)
where pending.user_id = :user_id and pending.connection_id = :connection_id
  and pending.object_type = :object_type
  and pending.record_id = read.record_id and pending.received_at <= read.received_at

-- name: list_pending_refetches
-- Records to read again, longest waiting first.
select record_id, received_at
from pending_refetches
where user_id = :user_id and connection_id = :connection_id and object_type = :object_type
order by received_at, record_id
limit :limit

-- name: begin_uninstall
-- Begin an uninstall, unless any user has an active connection to the account, another uninstall is under way
-- (one that never ended is forgotten after a minute), or one has begun since :since.
insert into app_uninstalls as known (provider, account_id, number, is_under_way, begun_at)
select :provider, :account_id, nextval('app_uninstall_numbers'), true, now()
where not exists (
    select 1 from crm_connections where provider = :provider and account_id = :account_id and status = 'active'
)
on conflict (provider, account_id) do update
set number = excluded.number, is_under_way = true, begun_at = excluded.begun_at
where known.number <= :since and (not known.is_under_way or known.begun_at < now() - interval '1 minute')
returning number

-- name: end_uninstall
-- End an uninstall, unless another has begun since.
update app_uninstalls
set number = nextval('app_uninstall_numbers'), is_under_way = false
where provider = :provider and account_id = :account_id and number = :number

-- name: get_latest_uninstall
-- The number of the last uninstall that was begun or ended, of any account.
select coalesce(max(number), 0) from app_uninstalls

-- name: lock_account_for_uninstall
-- Hold an account for an uninstall until the transaction ends: nobody connects it meanwhile.
select pg_advisory_xact_lock(hashtextextended(:provider::text || '/' || :account_id::text, 7273))

-- name: hold_off_uninstalls
-- Keep uninstalls of an account from beginning until the transaction ends.
select pg_advisory_xact_lock_shared(hashtextextended(:provider::text || '/' || :account_id::text, 7273))

-- name: is_uninstalled_since
-- Whether an uninstall of an account is under way, or was begun or ended behind a number.
select exists (
    select from app_uninstalls
    where provider = :provider and account_id = :account_id
      and (number > :number or (is_under_way and begun_at >= now() - interval '1 minute'))
)
