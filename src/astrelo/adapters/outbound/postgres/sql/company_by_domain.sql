-- The live companies with these domains (an archived one has none). user_id, domains
select domain as told, id as company_id
from companies
where user_id = $1 and domain = any ($2::text[])
