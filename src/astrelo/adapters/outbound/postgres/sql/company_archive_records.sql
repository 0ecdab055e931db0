-- Archive company records. user_id, source, record ids, now
update crm_companies
set archived_at = $4
where user_id = $1 and external_source = $2 and external_provider_id = any ($3::text[])
  and archived_at is null
