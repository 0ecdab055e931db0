"""HubSpot's webhook calls: whether they are HubSpot's, and which records they name.

An event is only a hint. Events come repeated, late and in any order, and `eventId` is not unique, so what
they say of a record is not taken over: the record is read again.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote

import msgspec
import structlog

from astrelo.adapters.outbound.crm.decoding import UNREADABLE, items_of_array, readable, repair_json
from astrelo.adapters.outbound.crm.mapping import record_id
from astrelo.adapters.outbound.crm.transport import Incomplete
from astrelo.domain.errors import WebhookRejected
from astrelo.domain.identifiers import CrmAccountId, ObjectType
from astrelo.domain.ports.crm import CrmWebhooks, WebhookRequest
from astrelo.domain.records import PendingRefetch

SIGNATURE_HEADER = "x-hubspot-signature-v3"
TIMESTAMP_HEADER = "x-hubspot-request-timestamp"
MAX_AGE = timedelta(minutes=5)
MAX_EVENTS = 100

_MAX_TIMESTAMP_DIGITS = 15
_EPOCH_MILLISECOND = timedelta(milliseconds=1)
_DECODED_FIRST = re.compile("%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""The escapes that HubSpot's documentation has decoded before signing; its own libraries decode nothing."""

_DEFAULT_PORTS = {"https": ":443", "http": ":80"}
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

    def parse(
        self, request: WebhookRequest, now: datetime
    ) -> Mapping[CrmAccountId, frozenset[PendingRefetch]]:
        """Leave out a single event that cannot be read: the call is HubSpot's, and the others count."""
        self._verify(request, now)
        named: dict[CrmAccountId, set[PendingRefetch]] = {}
        for event in _decoded(request.body):
            pending_refetches = named.setdefault(CrmAccountId(str(event.portal_id)), set())
            pending_refetches.update(_refetches_of(event))
        return {
            account_id: frozenset(pending_refetches)
            for account_id, pending_refetches in named.items()
            if pending_refetches
        }

    def _verify(self, request: WebhookRequest, now: datetime) -> None:
        timestamp = request.headers.get(TIMESTAMP_HEADER, "")
        if not _is_recent(timestamp, now):
            raise WebhookRejected("its timestamp is missing, or more than five minutes off")
        told = request.headers.get(SIGNATURE_HEADER, "").encode("utf-8", "replace")
        uris = dict.fromkeys(
            spelling
            for uri in _by_host(request.uri, request.headers.get("host", ""))
            for spelling in (uri, _decoded_uri(uri))
        )
        # Every comparison is made, whatever the others say: the time it takes tells nothing.
        matches = [hmac.compare_digest(told, self._signature(request, uri, timestamp)) for uri in uris]
        if not any(matches):
            raise WebhookRejected("its signature (version 3) is missing, or is not that of our app")

    def _signature(self, request: WebhookRequest, uri: str, timestamp: str) -> bytes:
        target = request.method + uri
        message = target.encode("utf-8", "surrogateescape") + request.body + timestamp.encode()
        return b64encode(hmac.digest(self._key, message, hashlib.sha256))


def _is_recent(timestamp: str, now: datetime) -> bool:
    """Milliseconds since 1970, compared as whole numbers. Calls from the future are no better than old ones."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MAX_TIMESTAMP_DIGITS):
        return False
    age = (now - datetime.fromtimestamp(0, now.tzinfo)) // _EPOCH_MILLISECOND - int(timestamp)
    return abs(age) <= MAX_AGE // _EPOCH_MILLISECOND


def _by_host(uri: str, called: str) -> Iterator[str]:
    """Yield the URI as it is configured, and with our host in the letters, and with the port, that were called.

    A target URL is signed as it was entered at HubSpot: 'https://API.Example.com:443/…' leads here too.
    """
    scheme, separator, rest = uri.partition("://")
    configured, slash, path = rest.partition("/")
    port = _DEFAULT_PORTS.get(scheme.lower(), "")
    bare = configured.lower().removesuffix(port)
    is_ours = called.lower().removesuffix(port) == bare
    for host in (configured, bare, *([called] if is_ours else [])):
        yield f"{scheme}{separator}{host}{slash}{path}"


def _decoded_uri(uri: str) -> str:
    return _DECODED_FIRST.sub(lambda escape: unquote(escape[0]), uri)


def _decoded(body: bytes) -> Iterator[Event]:
    events = _event_list(body)
    if not 0 < len(events) <= MAX_EVENTS:
        raise WebhookRejected(f"it has {len(events)} events, HubSpot sends 1 to {MAX_EVENTS}")
    for event in events:
        try:
            yield _read(event)
        except UNREADABLE:
            log.warning("webhook.event_unreadable")


def _read(event: object) -> Event:
    """Read what can be read of it: which record it names, whatever else it says."""
    if not isinstance(event, msgspec.Raw):
        return readable(event, Event)
    try:
        return _event.decode(event)
    except UNREADABLE:
        return readable(msgspec.json.decode(event), Event)


def _event_list(body: bytes) -> Sequence[object]:
    """Return the events of a call, mended where the fast decoder takes none of them for a fault in one."""
    try:
        return _events.decode(body)
    except UNREADABLE:
        pass
    try:
        document = repair_json(body)
    except Incomplete as error:
        document = _events_apart(body) if isinstance(error.__cause__, RecursionError) else None
    if not isinstance(document, list):
        raise WebhookRejected("its body is no list of events")
    return document


def _events_apart(body: bytes) -> Sequence[object] | None:
    """Read the events of a list one by one: one that is nested too deep costs itself alone. None for no list."""
    events: list[object] = []
    for event in items_of_array(body.decode("utf-8-sig", "replace")) or ():
        try:
            events.append(repair_json(event.encode("utf-8", "replace")))
        except Incomplete as error:
            if not isinstance(error.__cause__, RecursionError):
                return None
            events.append(None)
    return events or None


def _refetches_of(event: Event) -> Iterator[PendingRefetch]:
    for object_type, told_id in _named(event):
        if object_type is None or told_id is None:
            continue
        if (known := record_id(str(told_id))) is not None:
            yield PendingRefetch(object_type, known)


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
