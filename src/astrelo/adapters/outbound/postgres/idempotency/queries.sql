-- name: begin_idempotent_request
-- Take a user's key, unless a request has it: one that is kept still, or that runs.
insert into idempotency_keys (user_id, key, fingerprint, started_at)
values (:user_id, :key, :fingerprint, :started_at)
on conflict (user_id, key) do update
set fingerprint = excluded.fingerprint,
    started_at = excluded.started_at,
    status = null,
    media_type = null,
    location = null,
    body = null
where idempotency_keys.started_at < :expired_before
   or (idempotency_keys.status is null and idempotency_keys.started_at < :abandoned_before)

-- name: find_idempotent_request
-- Read who has a key, and what was answered.
select fingerprint, started_at, status, media_type, location, body
from idempotency_keys
where user_id = :user_id and key = :key

-- name: complete_idempotent_request
-- Keep what was answered, unless the key was taken anew.
update idempotency_keys
set status = :status, media_type = :media_type, location = :location, body = :body
where user_id = :user_id and key = :key and started_at = :started_at

-- name: release_idempotency_key
-- Let the key be taken again, unless it was.
delete from idempotency_keys
where user_id = :user_id and key = :key and started_at = :started_at

-- name: delete_expired_idempotency_keys
-- Forget what is no longer kept.
delete from idempotency_keys where started_at < :expired_before
