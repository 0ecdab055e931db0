-- The encrypted tokens of a connection. user_id, connection_id
select access_token, refresh_token, expires_at, scopes, api_url, issuer_url, generation, refresh_attempts
from crm_tokens
where user_id = $1 and connection_id = $2
