-- Delete a source's owners; what they represent keeps no rep. user_id, source
delete from crm_owners where user_id = $1 and external_source = $2
