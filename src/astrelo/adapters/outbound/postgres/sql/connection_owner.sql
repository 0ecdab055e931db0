-- The user that a connection belongs to, whoever that is. id
select user_id
from crm_connections
where id = $1
