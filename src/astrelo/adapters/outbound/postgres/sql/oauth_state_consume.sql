-- Take a started authorization out: of two callbacks at once, one gets it. state_hash
delete from oauth_states
where state_hash = $1
returning state_hash, browser_hash, user_id, provider, code_verifier, replace, return_path, expires_at, login_host
