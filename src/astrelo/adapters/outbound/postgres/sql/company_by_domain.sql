-- The live companies with these domains (an archived one has none). user_id, separator, joined domains
-- One look-up a domain (offset 0 keeps it so): of a table without statistics the planner would rather read all of the
-- user's companies, in every batch of a first sync.
select told.domain as told, company.id as company_id
from unnest(string_to_array($3, $2)) as told (domain)
cross join lateral (select id from companies where user_id = $1 and domain = told.domain offset 0) as company
