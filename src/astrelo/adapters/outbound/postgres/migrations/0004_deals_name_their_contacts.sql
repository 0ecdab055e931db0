-- Deals hold the ids of their contacts themselves
-- depends: 0003_several_crms

-- migrate: apply

-- By the CRM's id, as before: a contact may arrive after its deals. A row for each pair, with its index entry and its
-- look-up of the deal, cost a first sync as much as the deal itself, and nothing ever asked for a pair alone.
alter table deals add column provider_contact_ids text[] not null default '{}';
update deals as deal
set provider_contact_ids = told.ids
from (
    select user_id, deal_id, array_agg(provider_contact_id order by provider_contact_id collate "C") as ids
    from deal_contacts
    group by user_id, deal_id
) as told
where deal.user_id = told.user_id and deal.id = told.deal_id;
drop table deal_contacts;

-- Contacts look for companies by their domains, never the other way round: this index answered no statement, and keeping
-- it up was a seventh of writing a contact.
drop index contacts_email_registrable_domain;

-- migrate: rollback

create index contacts_email_registrable_domain on contacts (user_id, email_registrable_domain)
    where email_registrable_domain is not null;

create table deal_contacts (
    user_id              uuid not null,
    deal_id              uuid not null,
    provider_contact_id  text not null,
    constraint deal_contacts_pkey primary key (user_id, deal_id, provider_contact_id),
    constraint deal_contacts_deal_fkey foreign key (user_id, deal_id) references deals on delete cascade
);
insert into deal_contacts (user_id, deal_id, provider_contact_id)
select user_id, id, unnest(provider_contact_ids) from deals;
alter table deals drop column provider_contact_ids;
