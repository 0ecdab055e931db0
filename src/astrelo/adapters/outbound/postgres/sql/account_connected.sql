-- Who has connected a CRM account, across users. provider, account_id
select user_id, id as connection_id
from crm_connections
where provider = $1 and account_id = $2 and status = 'active'
order by user_id
