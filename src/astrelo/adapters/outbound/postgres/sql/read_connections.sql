-- A user's connections with how complete each object type is.
-- Parameters: 1 user_id.
select c.id, c.provider, c.status, c.reason, c.account_id, c.account_name, c.account_domain, c.scopes,
    c.connected_at, c.connected_by,
    (select coalesce(jsonb_object_agg(f.object_type, f.complete_as_of), '{}')::text
     from connection_freshness f
     where f.user_id = c.user_id and f.connection_id = c.id) as complete_as_of
from crm_connections c
where c.user_id = $1
order by c.provider
