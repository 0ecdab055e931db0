-- What is known to be stored of a connection's object types. user_id, connection_id
select object_type, complete_as_of, watermark, reading_version
from connection_freshness
where user_id = $1 and connection_id = $2
