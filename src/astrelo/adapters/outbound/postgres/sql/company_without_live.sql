-- Which of these companies have no live record, and whether archived ones are left.
-- user_id, company ids
select company.id, exists (
    select from crm_companies as record
    where record.user_id = $1 and record.company_id = company.id
) as has_records
from companies as company
where company.user_id = $1 and company.id = any ($2::uuid[]) and not exists (
    select from crm_companies as record
    where record.user_id = $1 and record.company_id = company.id and record.archived_at is null
)
