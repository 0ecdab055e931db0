-- What is stored of contacts. user_id, source, record ids
select external_provider_id as record_id, id as entity_id, content_hash, source_updated_at,
       archived_at
from contacts
where user_id = $1 and external_source = $2 and external_provider_id = any ($3::text[])
