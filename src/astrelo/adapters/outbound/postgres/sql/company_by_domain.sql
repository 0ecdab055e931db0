-- The live companies with these domains (an archived one has none). user_id, separator, joined domains
select domain as told, id as company_id
from companies
where user_id = $1 and domain = any (string_to_array($3, $2))
