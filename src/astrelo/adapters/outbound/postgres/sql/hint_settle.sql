-- Forget hints that were read, unless the record was named again since.
-- user_id, connection_id, object_type, record ids, when they had been named
delete from sync_hints as hint
using unnest($4::text[], $5::timestamptz[]) as read (record_id, received_at)
where hint.user_id = $1 and hint.connection_id = $2 and hint.object_type = $3
  and hint.record_id = read.record_id and hint.received_at <= read.received_at
