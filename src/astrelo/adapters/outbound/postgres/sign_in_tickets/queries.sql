-- name: add_sign_in_ticket
-- Keep an unused ticket.
insert into sign_in_tickets (ticket_hash, user_id, expires_at)
values (:ticket_hash, :user_id, :expires_at)

-- name: consume_sign_in_ticket
-- Take a ticket away, so that nobody else gets it.
delete from sign_in_tickets
where ticket_hash = :ticket_hash
returning user_id, expires_at

-- name: delete_expired_sign_in_tickets
-- Forget tickets that were never used.
delete from sign_in_tickets where expires_at < :expired_before
