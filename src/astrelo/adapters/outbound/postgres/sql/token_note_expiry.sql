-- Note when a connection's access token ends, unless its tokens have changed or somebody is changing them.
-- user_id, connection_id, generation, expires_at
with unchanged as (
    select user_id, connection_id
    from crm_tokens
    where user_id = $1 and connection_id = $2 and generation = $3
    for update skip locked
)
update crm_tokens stored set expires_at = $4
from unchanged
where stored.user_id = unchanged.user_id and stored.connection_id = unchanged.connection_id
