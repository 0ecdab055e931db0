-- The number of the last uninstall that was begun or ended, of any account
select coalesce(max(number), 0) from app_uninstalls
