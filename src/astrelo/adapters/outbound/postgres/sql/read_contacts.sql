-- A page of a user's contacts, in order of id.
-- Parameters: 1 user_id, 2 after (id or null), 3 limit, 4 name prefix and 5 e-mail prefix (folded,
-- LIKE-escaped, with %), 6 company_id (or an alias of it), 7 linked, 8 unlinked_reason, 9 updated since,
-- 10 include archived. Null narrows nothing.
select c.id, c.email, c.first_name, c.last_name, c.job_title, c.phone, c.lifecycle_stage, c.crm_rep_id,
    c.company_id, c.company_match, c.unlinked_reason,
    coalesce(c.additional_emails, '{}') as additional_emails, c.external_source, c.external_provider_id,
    c.source_updated_at, c.synced_at, c.archived_at
from contacts c
where c.user_id = $1
  and ($2::uuid is null or c.id > $2)
  and ($4::text is null
       or c.first_name_folded like $4
       or c.last_name_folded like $4
       or concat_ws(' ', c.first_name_folded, c.last_name_folded) like $4)
  and ($5::text is null or c.email_folded like $5)
  and ($6::uuid is null or c.company_id = coalesce(
      (select a.company_id from company_aliases a where a.user_id = $1 and a.alias_id = $6), $6))
  and ($7::boolean is null or (c.company_id is not null) = $7)
  and ($8::text is null or c.unlinked_reason = $8)
  and ($9::timestamptz is null or c.synced_at >= $9)
  and ($10::boolean or c.archived_at is null)
order by c.id
limit $3
