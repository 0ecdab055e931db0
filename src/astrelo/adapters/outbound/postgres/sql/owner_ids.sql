-- The ids of a source's owners, archived ones too. user_id, source
select external_provider_id
from crm_owners
where user_id = $1 and external_source = $2
