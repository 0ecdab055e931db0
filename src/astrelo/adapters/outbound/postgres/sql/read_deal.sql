-- One deal with the contacts that have arrived, archived or not.
-- Parameters: 1 user_id, 2 id.
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
where d.user_id = $1 and d.id = $2
