-- Enter company records into the index of additional domains. user_id, source, record ids
insert into company_domains (user_id, domain, external_source, external_provider_id)
select user_id, unnest(additional_domains), external_source, external_provider_id
from crm_companies
where user_id = $1 and external_source = $2 and external_provider_id = any ($3::text[])
