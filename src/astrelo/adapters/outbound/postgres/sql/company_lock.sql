-- Hold, until the transaction ends, the user's right to change companies. user_id
select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 7271))
