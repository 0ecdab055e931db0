-- Take company records out of the index of additional domains. user_id, source, record ids
delete from company_domains
where user_id = $1 and external_source = $2 and external_provider_id = any ($3::text[])
