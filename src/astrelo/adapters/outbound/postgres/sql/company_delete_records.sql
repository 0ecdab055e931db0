-- Delete a source's company records. user_id, source
delete from crm_companies where user_id = $1 and external_source = $2
