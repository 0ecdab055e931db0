-- name: begin_refresh
-- Count an attempt to refresh a connection's tokens, before it is made: one that is cut off stays counted.
update crm_tokens set refresh_attempts = refresh_attempts + 1
where user_id = :user_id and connection_id = :connection_id
returning refresh_attempts

-- name: delete_tokens
-- Delete a connection's tokens.
delete from crm_tokens where user_id = :user_id and connection_id = :connection_id

-- name: get_tokens
-- The encrypted tokens of a connection.
select access_token, refresh_token, expires_at, scopes, api_url, issuer_url, generation, refresh_attempts
from crm_tokens
where user_id = :user_id and connection_id = :connection_id

-- name: lock_tokens
-- The encrypted tokens of a connection, locked until the transaction ends. A lock that had to wait sees
-- what its holder committed.
select access_token, refresh_token, expires_at, scopes, api_url, issuer_url, generation, refresh_attempts
from crm_tokens
where user_id = :user_id and connection_id = :connection_id
for update

-- name: note_expiry
-- Note when a connection's access token ends, unless its tokens have changed or are being changed.
with unchanged as (
    select user_id, connection_id
    from crm_tokens
    where user_id = :user_id and connection_id = :connection_id and generation = :generation
    for update skip locked
)
update crm_tokens stored set expires_at = :expires_at
from unchanged
where stored.user_id = :user_id and stored.connection_id = unchanged.connection_id

-- name: save_tokens
-- Store or replace a connection's tokens; returns the generation.
insert into crm_tokens as stored
    (user_id, connection_id, access_token, refresh_token, expires_at, scopes, api_url, issuer_url, generation)
values (
    :user_id, :connection_id, :access_token, :refresh_token, :expires_at, :scopes, :api_url, :issuer_url, 1
)
on conflict (user_id, connection_id) do update set
    access_token = excluded.access_token,
    refresh_token = excluded.refresh_token,
    expires_at = excluded.expires_at,
    scopes = excluded.scopes,
    api_url = excluded.api_url,
    issuer_url = excluded.issuer_url,
    generation = stored.generation + 1,
    refresh_attempts = 0
returning generation
