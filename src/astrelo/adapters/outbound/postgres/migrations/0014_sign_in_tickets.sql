-- Tickets of sign-in links that have not been used
-- depends: 0013_facets

-- migrate: apply

create table sign_in_tickets (
    ticket_hash bytea not null,
    user_id uuid not null,
    expires_at timestamptz not null,
    constraint sign_in_tickets_pkey primary key (ticket_hash)
);
create index sign_in_tickets_expires_at on sign_in_tickets (expires_at);
comment on table sign_in_tickets is 'found without knowing the user';
comment on column sign_in_tickets.ticket_hash is 'SHA-256 of what the link carries';

-- migrate: rollback

drop table sign_in_tickets;
