-- Hold an account for an uninstall until the transaction ends: nobody connects it meanwhile. provider, account_id
select pg_advisory_xact_lock(hashtextextended($1::text || '/' || $2::text, 7273))
