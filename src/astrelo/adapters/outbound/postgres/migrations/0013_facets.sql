-- Lists by facets and by company in order of id, from one index each
-- depends: 0012_idempotency_keys

-- migrate: apply

-- The columns of few values that lists are filtered by, as one number: an index entry of a fixed size, whatever they
-- hold, and lists find the numbers that fit by jumping from one to the next (ADR 15). Both indexes end with the id, so
-- that a page comes in its order from any place.
alter table contacts add column facets_hash bigint generated always as (hash_array_extended(array[
    external_source, unlinked_reason, crm_rep_id::text, (company_id is null)::text, (archived_at is null)::text
], 0)) stored;
alter table deals
    drop column pipeline_id_key, drop column pipeline_label_key, drop column stage_id_key, drop column stage_label_key,
    add column facets_hash bigint generated always as (hash_array_extended(array[
        external_source, is_closed::text, is_won::text, pipeline_id, pipeline_label, stage_id, stage_label,
        crm_rep_id::text, (company_id is null)::text, (archived_at is null)::text
    ], 0)) stored;
drop index contacts_reason;
create index contacts_facets on contacts (user_id, facets_hash, id) where length(external_source) <> 0;
create index deals_facets on deals (user_id, facets_hash, id) where length(external_source) <> 0;
drop index contacts_company;
create index contacts_company on contacts (user_id, company_id, id) where company_id is not null;
drop index deals_company;
create index deals_company on deals (user_id, company_id, id) where company_id is not null;
-- Deals with three and more contacts are no longer few enough to be read through.
drop index deals_further_contacts;
create index deals_third_contact on deals (user_id, (provider_contact_ids[3]))
    where provider_contact_ids[3] is not null;
create index deals_fourth_contact on deals (user_id, (provider_contact_ids[4]))
    where provider_contact_ids[4] is not null;
create index deals_further_contacts on deals (user_id) where provider_contact_ids[5] is not null;

-- migrate: rollback

drop index deals_further_contacts;
drop index deals_fourth_contact;
drop index deals_third_contact;
create index deals_further_contacts on deals (user_id) where provider_contact_ids[3] is not null;
drop index deals_company;
create index deals_company on deals (user_id, company_id);
drop index contacts_company;
create index contacts_company on contacts (user_id, company_id);
drop index deals_facets;
drop index contacts_facets;
create index contacts_reason on contacts (user_id, unlinked_reason, crm_rep_id)
    where length(external_source) <> 0;
alter table deals
    drop column facets_hash,
    add column pipeline_id_key text generated always as (left(pipeline_id, 101)) stored,
    add column pipeline_label_key text generated always as (left(pipeline_label, 101)) stored,
    add column stage_id_key text generated always as (left(stage_id, 101)) stored,
    add column stage_label_key text generated always as (left(stage_label, 101)) stored;
create index deals_stage on deals
    (user_id, is_closed, is_won, pipeline_id_key, stage_id_key, pipeline_label_key, stage_label_key,
     crm_rep_id)
    where length(external_source) <> 0;
alter table contacts drop column facets_hash;
