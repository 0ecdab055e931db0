-- Hold together with others, until the transaction ends, the user's right to link contacts and deals. user_id
select pg_advisory_xact_lock_shared(hashtextextended($1::uuid::text, 7273))
