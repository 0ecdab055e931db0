-- The company into which another was merged.
-- Parameters: 1 user_id, 2 the id that was merged away.
select company_id from company_aliases where user_id = $1 and alias_id = $2
