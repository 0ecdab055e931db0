-- Replace the user's default profile; it keeps its id. Makes one if there is none.
-- user_id, id, name, is_default, industries, naics, employee_min, employee_max, revenue_ranges, countries
insert into icp_profiles (user_id, id, name, is_default, industries, naics,
                          employee_min, employee_max, revenue_ranges, countries)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (user_id) where is_default do update set
    name = excluded.name,
    industries = excluded.industries,
    naics = excluded.naics,
    employee_min = excluded.employee_min,
    employee_max = excluded.employee_max,
    revenue_ranges = excluded.revenue_ranges,
    countries = excluded.countries
