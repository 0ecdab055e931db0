-- Archive companies without live records; their domain is free again. user_id, company ids, now
update companies
set archived_at = $3, synced_at = $3, domain = null
where user_id = $1 and id = any ($2::uuid[]) and archived_at is null
