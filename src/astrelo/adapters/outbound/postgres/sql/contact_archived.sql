-- A source's archived contacts. user_id, source
select external_provider_id as record_id
from contacts
where user_id = $1 and external_source = $2 and archived_at is not null
