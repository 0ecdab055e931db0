-- Count an attempt to refresh a connection's tokens, before it is made: one that is cut off stays counted.
-- user_id, connection_id
update crm_tokens set refresh_attempts = refresh_attempts + 1
where user_id = $1 and connection_id = $2
returning refresh_attempts
