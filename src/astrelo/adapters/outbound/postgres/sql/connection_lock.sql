-- Hold, until the transaction ends, the right to change a user's connection to a CRM, also one that is
-- not there yet (a row lock could not: two first connects would both find nothing). user_id, provider
select pg_advisory_xact_lock(hashtextextended($1::uuid::text || '/' || $2::text, 7272))
