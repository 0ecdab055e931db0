-- Hold alone, until the transaction ends, the user's right to link contacts and deals. user_id
select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 7273))
