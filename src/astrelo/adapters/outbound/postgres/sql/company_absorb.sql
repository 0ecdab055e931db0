-- Point everything at the companies that live, and remember the ids that do not.
-- user_id, absorbed ids, surviving ids
with fallen (id, survivor) as (
    select * from unnest($2::uuid[], $3::uuid[])
),
records as (
    update crm_companies as record set company_id = fallen.survivor
    from fallen where record.user_id = $1 and record.company_id = fallen.id
),
people as (
    update contacts as contact set company_id = fallen.survivor
    from fallen where contact.user_id = $1 and contact.company_id = fallen.id
),
opportunities as (
    update deals as deal set company_id = fallen.survivor
    from fallen where deal.user_id = $1 and deal.company_id = fallen.id
),
former as (
    update company_aliases as alias set company_id = fallen.survivor
    from fallen where alias.user_id = $1 and alias.company_id = fallen.id
)
insert into company_aliases (user_id, alias_id, company_id)
select $1, fallen.id, fallen.survivor
from fallen
