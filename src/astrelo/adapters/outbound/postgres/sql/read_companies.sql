-- A page of a user's companies, in order of id.
-- Parameters: 1 user_id, 2 after (id or null), 3 limit, 4 name prefix (folded, LIKE-escaped, with %),
-- 5 domain, 6 industry, 7 naics prefixes (text[]), 8 country, 9 region, 10 revenue_range, 11 updated since,
-- 12 include archived, 13 CRM that has a record of it. Null narrows nothing. A stored range of sectors
-- ('44-45') holds each of its sectors.
select c.id, c.company_name, c.domain, c.industry, c.naics, c.sic, c.employee_count,
    c.annual_revenue::text as annual_revenue, c.annual_revenue_currency,
    c.annual_revenue_usd::text as annual_revenue_usd, c.annual_revenue_rate_date, c.revenue_range, c.hq_country,
    c.hq_region, c.hq_city, c.description, c.phone, c.linkedin_url, c.lifecycle_stage, c.crm_rep_id,
    c.external_source, c.external_provider_id, c.source_updated_at, c.synced_at, c.archived_at,
    -- of each CRM's records the freshest 20, before a domain that was typed into thousands fills the page
    (select coalesce(jsonb_agg(jsonb_build_object(
            'external_source', s.external_source,
            'external_provider_id', s.external_provider_id,
            'source_updated_at', s.source_updated_at
        ) order by s.external_source, s.place), '[]')::text
     from (select r.external_source, r.external_provider_id, r.source_updated_at,
               row_number() over (partition by r.external_source
                   order by r.source_updated_at desc, r.external_provider_id collate "C") as place
           from crm_companies r
           where r.user_id = c.user_id and r.company_id = c.id and r.archived_at is null) s
     where s.place <= 20) as sources
from companies c
where c.user_id = $1
  and ($2::uuid is null or c.id > $2)
  and ($4::text is null or c.company_name_folded like $4)
  and ($5::text is null or c.domain = $5)
  and ($6::text is null or c.industry = $6)
  and ($7::text[] is null or exists (
      select from unnest($7) as prefix
      where starts_with(c.naics, prefix)
         or (c.naics like '__-__' and length(prefix) = 2
             and prefix between left(c.naics, 2) and right(c.naics, 2))))
  and ($8::text is null or c.hq_country = $8)
  and ($9::text is null or c.hq_region = $9)
  and ($10::text is null or c.revenue_range = $10)
  and ($11::timestamptz is null or c.synced_at >= $11)
  and ($12::boolean or c.archived_at is null)
  -- not exists(): that may be answered by hashing all records of the CRM for each page
  and ($13::text is null or (
      select true
      from crm_companies r
      where r.user_id = $1 and r.company_id = c.id and r.external_source = $13
        and ($12::boolean or r.archived_at is null)
      limit 1))
order by c.id
limit $3
