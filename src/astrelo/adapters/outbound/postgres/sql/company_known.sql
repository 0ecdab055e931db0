-- What is stored of company records. user_id, source, separator, joined record ids
select external_provider_id as record_id, company_id as entity_id, content_hash, source_updated_at,
       archived_at, identity_domain, additional_domains is not null as has_additional_domains
from crm_companies
where user_id = $1 and external_source = $2 and external_provider_id = any (string_to_array($4, $3))
