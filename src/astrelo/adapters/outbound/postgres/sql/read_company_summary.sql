-- How many live companies a user has, and how many of them live records of several CRMs make up.
-- Parameters: 1 user_id.
select count(*) as companies, count(*) filter (where first_source <> last_source) as with_two_sources
from (
    select min(external_source) as first_source, max(external_source) as last_source
    from crm_companies
    where user_id = $1 and archived_at is null
    group by company_id
) as company
