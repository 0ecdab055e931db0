-- name: list_owner_ids
-- The ids of a source's owners, archived ones too.
select external_provider_id
from crm_owners
where user_id = :user_id and external_source = :source

-- name: delete_owners
-- Delete a source's owners; what they represent keeps no rep.
delete from crm_owners where user_id = :user_id and external_source = :source

-- name: upsert_owners
-- Insert or update owners, writing only what differs.
insert into crm_owners as stored (
    user_id, external_source, id, external_provider_id, email, first_name, last_name, archived
)
select :user_id, :source, incoming.*
from unnest(
    :ids::uuid[], :record_ids::text[], :emails::text[], :first_names::text[], :last_names::text[],
    :archived::boolean[]
) as incoming
on conflict (user_id, external_source, external_provider_id) do update
set email = excluded.email, first_name = excluded.first_name, last_name = excluded.last_name,
    archived = excluded.archived
where (stored.email, stored.first_name, stored.last_name, stored.archived)
    is distinct from (excluded.email, excluded.first_name, excluded.last_name, excluded.archived)

-- name: read_owners
-- A page of a user's CRM owners, archived ones too, in order of id.
select id, email, first_name, last_name, archived, external_source, external_provider_id
from crm_owners
where user_id = :user_id and (:after::uuid is null or id > :after)
order by id
limit :limit

-- name: read_owner
-- One of a user's CRM owners, archived or not.
select id, email, first_name, last_name, archived, external_source, external_provider_id
from crm_owners
where user_id = :user_id and id = :owner_id
