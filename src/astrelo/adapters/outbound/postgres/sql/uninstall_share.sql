-- Keep uninstalls of an account from beginning until the transaction ends. provider, account_id
select pg_advisory_xact_lock_shared(hashtextextended($1::text || '/' || $2::text, 7273))
