-- Keep a started authorization.
-- state_hash, browser_hash, user_id, provider, code_verifier, replace, return_path, expires_at, login_host
insert into oauth_states
    (state_hash, browser_hash, user_id, provider, code_verifier, replace, return_path, expires_at, login_host)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
