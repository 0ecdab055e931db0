"""HubSpot's webhook calls: whether they are HubSpot's, and which records they name.

An event is only a hint. Events come repeated, late and in any order, and `eventId` is not unique, so what
they say of a record is not taken over: the record is read again.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import structlog

from astrelo.adapters.outbound.crm.decoding import UNREADABLE
from astrelo.adapters.outbound.crm.mapping import record_id
from astrelo.domain.errors import WebhookRejected
from astrelo.domain.identifiers import CrmAccountId, ObjectType
from astrelo.domain.ports import CrmWebhooks, WebhookRequest
from astrelo.domain.records import RecordHint

SIGNATURE_HEADER = "x-hubspot-signature-v3"
TIMESTAMP_HEADER = "x-hubspot-request-timestamp"
MAX_AGE = timedelta(minutes=5)
MAX_EVENTS = 100

_MAX_TIMESTAMP_DIGITS = 15
_EPOCH_MILLISECOND = timedelta(milliseconds=1)
_DECODED_FIRST = {f"%{ord(character):02X}": character for character in ":/?@!$'()*,;"}
"""The escapes that HubSpot's documentation has decoded before signing; its own libraries decode nothing."""

_SUBJECTS = {"company": ObjectType.COMPANIES, "contact": ObjectType.CONTACTS, "deal": ObjectType.DEALS}
_TYPE_IDS = {"0-1": ObjectType.CONTACTS, "0-2": ObjectType.COMPANIES, "0-3": ObjectType.DEALS}
_GENERIC = "object"
_RECORD_EVENTS = frozenset({"creation", "deletion", "privacyDeletion", "restore", "propertyChange"})

log = structlog.get_logger()


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The parts of an event that say which records to read again."""

    portal_id: int
    subscription_type: str
    object_id: int | None = None
    object_type_id: str | None = None
    primary_object_id: int | None = None
    merged_object_ids: list[int] = []
    new_object_id: int | None = None
    association_type: str | None = None
    from_object_id: int | None = None
    to_object_id: int | None = None
    from_object_type_id: str | None = None
    to_object_type_id: str | None = None


class _Named(NamedTuple):
    object_type: ObjectType | None
    told_id: int | None


_events = msgspec.json.Decoder(list[msgspec.Raw])
_event = msgspec.json.Decoder(Event, strict=False)


class HubSpotWebhooks(CrmWebhooks):
    """Takes signature v3 alone: the older ones cover no time, so that a call could be replayed for ever."""

    def __init__(self, client_secret: str) -> None:
        self._key = client_secret.encode()

    def hints(self, request: WebhookRequest, now: datetime) -> Mapping[CrmAccountId, frozenset[RecordHint]]:
        """Leave out a single event that cannot be read: the call is HubSpot's, and the others count."""
        self._verify(request, now)
        named: dict[CrmAccountId, set[RecordHint]] = {}
        for event in _decoded(request.body):
            hints = named.setdefault(CrmAccountId(str(event.portal_id)), set())
            hints.update(_hints_of(event))
        return {account_id: frozenset(hints) for account_id, hints in named.items() if hints}

    def _verify(self, request: WebhookRequest, now: datetime) -> None:
        timestamp = request.headers.get(TIMESTAMP_HEADER, "")
        if not _is_recent(timestamp, now):
            raise WebhookRejected("its timestamp is missing, or more than five minutes off")
        told = request.headers.get(SIGNATURE_HEADER, "").encode("utf-8", "replace")
        uris = dict.fromkeys((_decoded_uri(request.uri), request.uri))
        # Every comparison is made, whatever the others say: the time it takes tells nothing.
        matches = [hmac.compare_digest(told, self._signature(request, uri, timestamp)) for uri in uris]
        if not any(matches):
            raise WebhookRejected("its signature (version 3) is missing, or is not that of our app")

    def _signature(self, request: WebhookRequest, uri: str, timestamp: str) -> bytes:
        message = request.method.encode() + uri.encode() + request.body + timestamp.encode()
        return b64encode(hmac.digest(self._key, message, hashlib.sha256))


def _is_recent(timestamp: str, now: datetime) -> bool:
    """Milliseconds since 1970, compared as whole numbers. Calls from the future are no better than old ones."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MAX_TIMESTAMP_DIGITS):
        return False
    age = (now - datetime.fromtimestamp(0, now.tzinfo)) // _EPOCH_MILLISECOND - int(timestamp)
    return abs(age) <= MAX_AGE // _EPOCH_MILLISECOND


def _decoded_uri(uri: str) -> str:
    for escape, character in _DECODED_FIRST.items():
        uri = uri.replace(escape, character)
    return uri


def _decoded(body: bytes) -> Iterator[Event]:
    try:
        told: Sequence[msgspec.Raw] = _events.decode(body)
    except UNREADABLE:
        raise WebhookRejected("its body is no list of events") from None
    if not 0 < len(told) <= MAX_EVENTS:
        raise WebhookRejected(f"it has {len(told)} events, HubSpot sends 1 to {MAX_EVENTS}")
    for raw in told:
        try:
            yield _event.decode(raw)
        except UNREADABLE:
            log.warning("webhook.event_unreadable")


def _hints_of(event: Event) -> Iterator[RecordHint]:
    for object_type, told_id in _named(event):
        if object_type is None or told_id is None:
            continue
        if (known := record_id(str(told_id))) is not None:
            yield RecordHint(object_type, known)


def _named(event: Event) -> Sequence[_Named]:
    """Tell what an event names; one of a kind or about objects that we do not know names nothing."""
    subject, _, happening = event.subscription_type.partition(".")
    object_type = _TYPE_IDS.get(event.object_type_id or "") if subject == _GENERIC else _SUBJECTS.get(subject)
    if happening in _RECORD_EVENTS:
        return [_Named(object_type, event.object_id)]
    if happening == "merge":
        ids = (event.object_id, event.primary_object_id, event.new_object_id, *event.merged_object_ids)
        return [_Named(object_type, told_id) for told_id in ids]
    if happening == "associationChange":
        return _sides(event)
    return []


def _sides(event: Event) -> Sequence[_Named]:
    """Tell both sides of an association. Events of the older kinds name their types in one word."""
    first, _, second = (event.association_type or "").lower().partition("_to_")
    return [
        _Named(_TYPE_IDS.get(event.from_object_type_id or "", _SUBJECTS.get(first)), event.from_object_id),
        _Named(_TYPE_IDS.get(event.to_object_type_id or "", _SUBJECTS.get(second)), event.to_object_id),
    ]
