-- Store a default profile unless the user has any.
-- user_id, id, name, is_default, industries, naics, employee_min, employee_max, revenue_ranges, countries
insert into icp_profiles (user_id, id, name, is_default, industries, naics,
                          employee_min, employee_max, revenue_ranges, countries)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
where not exists (select from icp_profiles where user_id = $1)
on conflict do nothing
