-- name: lock_webhook_endpoints
-- Let one transaction at a time add endpoints of a user.
select pg_advisory_xact_lock(hashtextextended(:user_id::uuid::text, 7274))

-- name: count_webhook_endpoints
-- How many endpoints a user has.
select count(*) from webhook_endpoints where user_id = :user_id

-- name: add_webhook_endpoint
-- Insert an endpoint with its secret.
insert into webhook_endpoints (user_id, id, url, topics, secret, created_at)
values (:user_id, :endpoint_id, :url, :topics, :secret, :created_at)

-- name: lock_webhook_endpoint
-- An endpoint; nobody else changes it or adds deliveries to it until the transaction ends.
select id, user_id, url, topics, created_at, disabled_reason, last_success_at
from webhook_endpoints
where user_id = :user_id and id = :endpoint_id
for update

-- name: save_webhook_endpoint
-- Update all of an endpoint but its secrets.
update webhook_endpoints
set url = :url, topics = :topics, disabled_reason = :disabled_reason, last_success_at = :last_success_at
where user_id = :user_id and id = :endpoint_id

-- name: delete_webhook_endpoint
-- Delete an endpoint; its deliveries go with it.
delete from webhook_endpoints where user_id = :user_id and id = :endpoint_id

-- name: list_webhook_subscribers
-- Enabled endpoints of a user that subscribe to a topic, but for those where one delivery of it waits and says as
-- much as many. Locked as a foreign key locks them, and in one order: whoever is about to delete or postpone
-- deliveries of an endpoint waits before, and not in the middle of an insert. The delivery that waits is locked as
-- well: it must not be sent before what it also announces can be read.
with waiting as materialized (
    select delivery.endpoint_id
    from webhook_deliveries as delivery
    where :is_coalesced and delivery.user_id = :user_id and delivery.topic = :topic
      and delivery.status = 'pending'
    for key share
)
select endpoint.id
from webhook_endpoints as endpoint
where endpoint.user_id = :user_id and endpoint.disabled_reason is null and :topic = any (endpoint.topics)
  and not exists (select from waiting where waiting.endpoint_id = endpoint.id)
order by endpoint.id
for key share of endpoint

-- name: get_webhook_secrets
-- What an endpoint's deliveries are signed with, encrypted.
select secret, former_secret, former_secret_expires_at
from webhook_endpoints
where user_id = :user_id and id = :endpoint_id

-- name: save_webhook_secrets
-- Replace what an endpoint's deliveries are signed with.
update webhook_endpoints
set secret = :secret, former_secret = :former_secret, former_secret_expires_at = :former_secret_expires_at
where user_id = :user_id and id = :endpoint_id

-- name: read_webhook_endpoints
-- A user's endpoints by id, or one of them.
select id, url, topics, created_at, disabled_reason, last_success_at,
    case when former_secret_expires_at > now() then former_secret_expires_at end as former_secret_expires_at
from webhook_endpoints
where user_id = :user_id and (:endpoint_id::uuid is null or id = :endpoint_id)
  and (:after::uuid is null or id > :after)
order by id
limit :limit

-- name: add_webhook_delivery
-- Insert a delivery, unless one waits that says the same.
insert into webhook_deliveries
    (user_id, id, endpoint_id, topic, payload, created_at, status, attempts, recent_attempts, next_attempt_at)
values (
    :user_id, :delivery_id, :endpoint_id, :topic, :payload, :created_at, :status, 0, 0, :next_attempt_at
)
on conflict (user_id, endpoint_id, topic)
    where status = 'pending' and topic in ('changes.available', 'webhook_endpoint.test')
    do nothing

-- name: find_pending_webhook_delivery
-- What waits for an endpoint on a topic of which one delivery waits at most.
select id
from webhook_deliveries
where user_id = :user_id and endpoint_id = :endpoint_id and topic = :topic and status = 'pending'

-- name: lock_webhook_delivery
-- A delivery; nobody else changes it until the transaction ends.
select id, user_id, endpoint_id, topic, payload, created_at, status, attempts, recent_attempts,
    first_attempt_at, last_attempt_at, next_attempt_at, error, response_status, response_excerpt
from webhook_deliveries
where user_id = :user_id and id = :delivery_id
for update

-- name: save_webhook_delivery
-- Update how a delivery stands.
update webhook_deliveries
set status = :status, attempts = :attempts, recent_attempts = :recent_attempts,
    first_attempt_at = :first_attempt_at, last_attempt_at = :last_attempt_at,
    next_attempt_at = :next_attempt_at, error = :error, response_status = :response_status,
    response_excerpt = :response_excerpt
where user_id = :user_id and id = :delivery_id

-- name: delete_pending_webhook_deliveries
-- Delete what waits for an endpoint on a topic, but for one delivery.
delete from webhook_deliveries
where user_id = :user_id and endpoint_id = :endpoint_id and topic = :topic and status = 'pending'
  and id <> :delivery_id

-- name: give_up_pending_webhook_deliveries
-- End all that waits for an endpoint as failed.
update webhook_deliveries
set status = 'failed', next_attempt_at = null, error = :error
where user_id = :user_id and endpoint_id = :endpoint_id and status = 'pending'

-- name: read_webhook_deliveries
-- Deliveries to an endpoint, the latest first, or one of them.
select id, topic, payload, created_at, status, attempts, last_attempt_at, next_attempt_at, error,
    response_status, response_excerpt
from webhook_deliveries
where user_id = :user_id and endpoint_id = :endpoint_id
  and (:delivery_id::uuid is null or id = :delivery_id)
  and (:before::uuid is null or id < :before)
order by id desc
limit :limit

-- name: list_open_deliveries
-- Open deliveries of all users that are due, the longest due first.
select delivery.user_id, delivery.endpoint_id, delivery.id, delivery.attempts
from webhook_deliveries as delivery
where delivery.status in ('pending', 'sending') and delivery.next_attempt_at <= now()
order by delivery.next_attempt_at

-- name: prune_webhook_deliveries
-- Forget deliveries of all users that ended and are old, some at a time.
delete from webhook_deliveries
where (user_id, id) in (
    select user_id, id
    from webhook_deliveries
    where created_at < now() - :retention::interval and status in ('delivered', 'failed')
    order by created_at
    limit 1000
)
