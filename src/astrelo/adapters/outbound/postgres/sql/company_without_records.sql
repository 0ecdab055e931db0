-- Companies that show a record of a source and have no records, such as those that were merged away.
-- user_id, source
select company.id
from companies as company
where company.user_id = $1 and company.external_source = $2 and not exists (
    select from crm_companies as record
    where record.user_id = $1 and record.company_id = company.id
)
