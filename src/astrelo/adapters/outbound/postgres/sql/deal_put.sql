-- Insert or update deals; an older copy never overwrites. user_id, source, now, then per deal:
-- id, source_updated_at, content_hash, is_closed, is_won, close_date, company_id, then (see columns.py) the
-- separator and, joined: record id, name, amount, currency, amount_usd, amount_rate_date, pipeline id and
-- label, stage id and label, probability, owner id, provider company id, company_association, company_match,
-- unlinked_reason, contact ids (each deal's as an array's text)
insert into deals as stored (
    user_id, external_source, synced_at, id, external_provider_id, source_updated_at, content_hash, name,
    amount, currency, amount_usd, amount_rate_date, pipeline_id, pipeline_label, stage_id, stage_label,
    probability, is_closed, is_won, close_date, owner_provider_id, provider_company_id, company_id,
    company_association, company_match, unlinked_reason, provider_contact_ids, crm_rep_id
)
select $1, $2, $3, told.id, told.record_id, finite_timestamp(told.source_updated_at), told.content_hash,
    told.name, told.amount, told.currency, told.amount_usd, told.amount_rate_date, told.pipeline_id,
    told.pipeline_label, told.stage_id, told.stage_label, told.probability, told.is_closed, told.is_won,
    finite_timestamp(told.close_date), told.owner_id, told.provider_company_id, told.company_id,
    told.company_association, told.company_match, told.unlinked_reason, told.contact_ids::text[], rep.id
from unnest(
    $4::uuid[], string_to_array($12, $11, ''), $5::timestamptz[], $6::bytea[], string_to_array($13, $11, ''),
    string_to_array($14, $11, '')::numeric[], string_to_array($15, $11, ''),
    string_to_array($16, $11, '')::numeric[], string_to_array($17, $11, '')::date[],
    string_to_array($18, $11, ''), string_to_array($19, $11, ''), string_to_array($20, $11, ''),
    string_to_array($21, $11, ''), string_to_array($22, $11, '')::numeric[], $7::boolean[], $8::boolean[],
    $9::timestamptz[], string_to_array($23, $11, ''), string_to_array($24, $11, ''), $10::uuid[],
    string_to_array($25, $11, ''), string_to_array($26, $11, ''), string_to_array($27, $11, ''),
    string_to_array($28, $11, '')
) as told (
    id, record_id, source_updated_at, content_hash, name, amount, currency, amount_usd, amount_rate_date,
    pipeline_id, pipeline_label, stage_id, stage_label, probability, is_closed, is_won, close_date, owner_id,
    provider_company_id, company_id, company_association, company_match, unlinked_reason, contact_ids
)
left join crm_owners as rep
    on rep.user_id = $1 and rep.external_source = $2 and rep.external_provider_id = told.owner_id
on conflict (user_id, external_source, external_provider_id) do update
set source_updated_at = excluded.source_updated_at, content_hash = excluded.content_hash,
    synced_at = excluded.synced_at, archived_at = null, name = excluded.name, amount = excluded.amount,
    currency = excluded.currency, amount_usd = excluded.amount_usd,
    amount_rate_date = excluded.amount_rate_date, pipeline_id = excluded.pipeline_id,
    pipeline_label = excluded.pipeline_label, stage_id = excluded.stage_id,
    stage_label = excluded.stage_label, probability = excluded.probability,
    is_closed = excluded.is_closed, is_won = excluded.is_won, close_date = excluded.close_date,
    owner_provider_id = excluded.owner_provider_id, provider_company_id = excluded.provider_company_id,
    company_id = excluded.company_id, company_association = excluded.company_association,
    company_match = excluded.company_match, unlinked_reason = excluded.unlinked_reason,
    provider_contact_ids = excluded.provider_contact_ids, crm_rep_id = excluded.crm_rep_id
where stored.source_updated_at <= excluded.source_updated_at
returning external_provider_id as record_id, xmax = 0 as was_insert
