-- A user's connection to one CRM. user_id, provider
select id, user_id, provider, account_id, account_name, account_currency, account_time_zone,
       account_domain, scopes, status, reason, connected_at, connected_by
from crm_connections
where user_id = $1 and provider = $2
