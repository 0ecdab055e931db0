-- What is stored of deals. user_id, source, separator, joined record ids
select external_provider_id as record_id, id as entity_id, content_hash, source_updated_at,
       archived_at
from deals
where user_id = $1 and external_source = $2 and external_provider_id = any (string_to_array($4, $3))
