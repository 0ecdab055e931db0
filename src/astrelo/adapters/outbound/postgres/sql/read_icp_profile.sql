-- A user's default profile.
-- Parameters: 1 user_id.
select id, name, is_default, industries, naics, employee_min, employee_max, revenue_ranges, countries
from icp_profiles
where user_id = $1 and is_default
