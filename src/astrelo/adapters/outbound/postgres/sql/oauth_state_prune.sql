-- Forget authorizations that were abandoned. expired_before
delete from oauth_states where expires_at < $1
