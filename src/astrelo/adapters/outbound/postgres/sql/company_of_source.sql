-- The companies that a source has records of. user_id, source
select distinct company_id from crm_companies where user_id = $1 and external_source = $2
