-- Insert or update owners, writing only what differs.
-- user_id, source, ids for new ones, owner ids, e-mails, first names, last names, archived
insert into crm_owners as stored (
    user_id, external_source, id, external_provider_id, email, first_name, last_name, archived
)
select $1, $2, told.*
from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[]) as told
on conflict (user_id, external_source, external_provider_id) do update
set email = excluded.email, first_name = excluded.first_name, last_name = excluded.last_name,
    archived = excluded.archived
where (stored.email, stored.first_name, stored.last_name, stored.archived)
    is distinct from (excluded.email, excluded.first_name, excluded.last_name, excluded.archived)
