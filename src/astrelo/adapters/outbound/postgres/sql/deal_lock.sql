-- Hold alone, until the transaction ends, the right to write a source's deals beside others who share the links.
-- user_id, source
select pg_advisory_xact_lock(hashtextextended($1::uuid::text || $2::text, 7274))
