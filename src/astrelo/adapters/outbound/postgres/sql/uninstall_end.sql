-- End an uninstall, unless another has begun since. provider, account_id, number
update app_uninstalls
set number = nextval('app_uninstall_numbers'), is_under_way = false
where provider = $1 and account_id = $2 and number = $3
