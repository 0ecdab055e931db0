-- Delete contacts for good. user_id, source, record ids
delete from contacts
where user_id = $1 and external_source = $2 and external_provider_id = any ($3::text[])
