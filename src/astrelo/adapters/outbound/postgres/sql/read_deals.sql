-- A page of a user's deals with the contacts that have arrived, in order of id.
-- Parameters: 1 user_id, 2 after (id or null), 3 limit, 4 company_id (or an alias of it), 5 pipeline (id or
-- label), 6 stage (id or label), 7 is_closed, 8 is_won, 9 updated since, 10 include archived.
-- Null narrows nothing.
select d.id, d.name, d.amount::text as amount, d.currency, d.amount_usd::text as amount_usd,
    d.amount_rate_date, d.pipeline_id, d.pipeline_label, d.stage_id,
    d.stage_label, d.probability::float8 as probability, d.is_closed, d.is_won, d.close_date, d.crm_rep_id,
    d.company_id, d.company_match, d.unlinked_reason,
    array(select c.id from unnest(d.provider_contact_ids) as told (id)
          join contacts c on c.user_id = d.user_id and c.external_source = d.external_source
              and c.external_provider_id = told.id and c.archived_at is null
          order by c.id) as contact_ids,
    d.external_source, d.external_provider_id, d.source_updated_at, d.synced_at, d.archived_at
from deals d
where d.user_id = $1
  and ($2::uuid is null or d.id > $2)
  and ($4::uuid is null or d.company_id = coalesce(
      (select a.company_id from company_aliases a where a.user_id = $1 and a.alias_id = $4), $4))
  and ($5::text is null or $5 in (d.pipeline_id, d.pipeline_label))
  and ($6::text is null or $6 in (d.stage_id, d.stage_label))
  and ($7::boolean is null or d.is_closed = $7)
  and ($8::boolean is null or d.is_won = $8)
  and ($9::timestamptz is null or d.synced_at >= $9)
  and ($10::boolean or d.archived_at is null)
order by d.id
limit $3
