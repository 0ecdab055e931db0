-- Store or replace a connection's tokens; answers with the generation.
-- user_id, connection_id, access_token, refresh_token, expires_at, scopes
insert into crm_tokens as stored (user_id, connection_id, access_token, refresh_token, expires_at, scopes, generation)
values ($1, $2, $3, $4, $5, $6, 1)
on conflict (user_id, connection_id) do update set
    access_token = excluded.access_token,
    refresh_token = excluded.refresh_token,
    expires_at = excluded.expires_at,
    scopes = excluded.scopes,
    generation = stored.generation + 1
returning generation
