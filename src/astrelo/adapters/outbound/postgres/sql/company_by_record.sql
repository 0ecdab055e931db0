-- The live companies behind record ids. user_id, source, separator, joined record ids
select external_provider_id as told, company_id
from crm_companies
where user_id = $1 and external_source = $2 and external_provider_id = any (string_to_array($4, $3))
  and archived_at is null
