-- Store or replace a connection's tokens; answers with the generation.
-- user_id, connection_id, access_token, refresh_token, expires_at, scopes, api_url, issuer_url
insert into crm_tokens as stored
    (user_id, connection_id, access_token, refresh_token, expires_at, scopes, api_url, issuer_url, generation)
values ($1, $2, $3, $4, $5, $6, $7, $8, 1)
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
