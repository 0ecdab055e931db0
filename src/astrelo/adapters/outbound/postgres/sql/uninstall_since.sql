-- Whether an uninstall of an account is under way, or was begun or ended behind a number. provider, account_id, number
select exists (
    select from app_uninstalls
    where provider = $1 and account_id = $2
      and (number > $3 or (is_under_way and begun_at >= now() - interval '1 minute'))
)
