-- A page of a user's CRM owners, archived ones too, in order of id.
-- Parameters: 1 user_id, 2 after (id or null), 3 limit.
select id, email, first_name, last_name, archived, external_source, external_provider_id
from crm_owners
where user_id = $1 and ($2::uuid is null or id > $2)
order by id
limit $3
