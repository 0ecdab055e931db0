-- name: add_default_icp_profile
-- Store a default profile unless the user has any profile.
insert into icp_profiles (user_id, id, name, is_default, industries, naics,
                          employee_min, employee_max, revenue_ranges, countries)
select :user_id, :icp_profile_id, :name, :is_default, :industries, :naics, :employee_min, :employee_max,
    :revenue_ranges, :countries
where not exists (select from icp_profiles where user_id = :user_id)
on conflict do nothing

-- name: save_icp_profile
-- Replace the user's default profile; it keeps its id. Makes one if there is none.
insert into icp_profiles (user_id, id, name, is_default, industries, naics,
                          employee_min, employee_max, revenue_ranges, countries)
values (
    :user_id, :icp_profile_id, :name, :is_default, :industries, :naics, :employee_min, :employee_max,
    :revenue_ranges, :countries
)
on conflict (user_id) where is_default do update set
    name = excluded.name,
    industries = excluded.industries,
    naics = excluded.naics,
    employee_min = excluded.employee_min,
    employee_max = excluded.employee_max,
    revenue_ranges = excluded.revenue_ranges,
    countries = excluded.countries

-- name: read_icp_profile
-- A user's default profile.
select id, name, is_default, industries, naics, employee_min, employee_max, revenue_ranges, countries
from icp_profiles
where user_id = :user_id and is_default
