"""HubSpot's webhook calls: verify that HubSpot sent them, and return the records that they name.

Events come repeated, late and in any order, and `eventId` is not unique, so what
they say about a record is not stored: the record is fetched again.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote

import msgspec
import structlog

from astrelo.adapters.outbound.crm import decoding, transport
from astrelo.adapters.outbound.crm.mapping import record_id
from astrelo.domain import errors
from astrelo.domain.identifiers import CrmAccountId, ObjectType
from astrelo.domain.ports.crm import CrmWebhooks, WebhookRequest
from astrelo.domain.records import PendingRefetch

SIGNATURE_HEADER = "x-hubspot-signature-v3"
TIMESTAMP_HEADER = "x-hubspot-request-timestamp"
MAX_AGE = timedelta(minutes=5)
MAX_EVENTS = 100

_MAX_TIMESTAMP_DIGITS = 15
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")
"""An HMAC of SHA-256 in base64."""
_WRONG_SIGNATURE = "its signature (version 3) is missing, or is not that of our app"
_EPOCH_MILLISECOND = timedelta(milliseconds=1)
_DECODED_ESCAPES = re.compile("%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""The escapes that HubSpot's documentation says to decode before signing; its own libraries decode nothing."""

_DEFAULT_PORTS = {"https": ":443", "http": ":80"}
_SUBJECTS = {"company": ObjectType.COMPANIES, "contact": ObjectType.CONTACTS, "deal": ObjectType.DEALS}
_TYPE_IDS = {"0-1": ObjectType.CONTACTS, "0-2": ObjectType.COMPANIES, "0-3": ObjectType.DEALS}
_GENERIC = "object"
_RECORD_EVENTS = frozenset({"creation", "deletion", "privacyDeletion", "restore", "propertyChange"})

log = structlog.get_logger()


class Reference(NamedTuple):
    """A record that an event names."""

    object_type: ObjectType | None
    object_id: int | None


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The parts of an event that say which records to fetch again."""

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

    def references(self) -> Sequence[Reference]:
        """Return what an event names; nothing for an event of an unknown type or about unknown objects.

        Association events of the older kind name both types in one word.
        """
        subject, _, action = self.subscription_type.partition(".")
        object_type = (
            _TYPE_IDS.get(self.object_type_id or "") if subject == _GENERIC else _SUBJECTS.get(subject)
        )
        if action in _RECORD_EVENTS:
            return [Reference(object_type, self.object_id)]
        if action == "merge":
            ids = (self.object_id, self.primary_object_id, self.new_object_id, *self.merged_object_ids)
            return [Reference(object_type, object_id) for object_id in ids]
        if action != "associationChange":
            return []
        first, _, second = (self.association_type or "").lower().partition("_to_")
        from_type = _TYPE_IDS.get(self.from_object_type_id or "", _SUBJECTS.get(first))
        to_type = _TYPE_IDS.get(self.to_object_type_id or "", _SUBJECTS.get(second))
        return [Reference(from_type, self.from_object_id), Reference(to_type, self.to_object_id)]


_events = msgspec.json.Decoder(list[msgspec.Raw])
_event = msgspec.json.Decoder(Event, strict=False)


class HubSpotWebhooks(CrmWebhooks):
    """Accepts signature v3 alone: the older ones cover no time, so that a call could be replayed for ever."""

    def __init__(self, client_secret: str) -> None:
        self._key = client_secret.encode()

    def check_headers(self, headers: Mapping[str, str], now: datetime) -> None:
        """Raise WebhookRejected where the time is missing or off, or the signature has not the form of one."""
        if not _is_recent(headers.get(TIMESTAMP_HEADER, ""), now):
            raise errors.WebhookRejected("its timestamp is missing, or more than five minutes off")
        if _SIGNATURE.fullmatch(headers.get(SIGNATURE_HEADER, "")) is None:
            raise errors.WebhookRejected(_WRONG_SIGNATURE)

    def parse(
        self, request: WebhookRequest, now: datetime
    ) -> Mapping[CrmAccountId, frozenset[PendingRefetch]]:
        """Return the records to fetch again, by account.

        A single event that cannot be read is left out: the call is HubSpot's, and the other events count.
        """
        self._verify(request, now)
        by_account: dict[CrmAccountId, set[PendingRefetch]] = {}
        for event in filter(None, map(_decode_event, _split_events(request.body))):
            pending = by_account.setdefault(CrmAccountId(str(event.portal_id)), set())
            for object_type, object_id in event.references():
                if object_type is None or object_id is None:
                    continue
                if (known_id := record_id(str(object_id))) is not None:
                    pending.add(PendingRefetch(object_type, known_id))
        return {account_id: frozenset(pending) for account_id, pending in by_account.items() if pending}

    def _verify(self, request: WebhookRequest, now: datetime) -> None:
        self.check_headers(request.headers, now)
        timestamp, signature = request.headers[TIMESTAMP_HEADER], request.headers[SIGNATURE_HEADER].encode()
        rest = request.body + timestamp.encode()
        uris = dict.fromkeys(
            spelling
            for uri in _spell_hosts(request.uri, request.headers.get("host", ""))
            for spelling in (uri, _DECODED_ESCAPES.sub(lambda escape: unquote(escape[0]), uri))
        )
        # Every comparison is made, whatever the others result in, so that the time taken reveals nothing.
        signed = [(request.method + uri).encode("utf-8", "surrogateescape") + rest for uri in uris]
        digests = [hmac.digest(self._key, message, hashlib.sha256) for message in signed]
        matches = [hmac.compare_digest(signature, b64encode(digest)) for digest in digests]
        if not any(matches):
            raise errors.WebhookRejected(_WRONG_SIGNATURE)


def _is_recent(timestamp: str, now: datetime) -> bool:
    """Compare milliseconds since 1970 as whole numbers. A call from the future is refused like an old one."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MAX_TIMESTAMP_DIGITS):
        return False
    age = (now - datetime.fromtimestamp(0, now.tzinfo)) // _EPOCH_MILLISECOND - int(timestamp)
    return abs(age) <= MAX_AGE // _EPOCH_MILLISECOND


def _spell_hosts(uri: str, called_host: str) -> Iterator[str]:
    """Yield the URI as it is configured, and with our host in the letters, and with the port, that were called.

    HubSpot signs a target URL as it was entered there: 'https://API.Example.com:443/…' leads here too.
    """
    scheme, separator, rest = uri.partition("://")
    configured, slash, path = rest.partition("/")
    port = _DEFAULT_PORTS.get(scheme.lower(), "")
    bare = configured.lower().removesuffix(port)
    is_ours = called_host.lower().removesuffix(port) == bare
    for host in (configured, bare, *([called_host] if is_ours else [])):
        yield f"{scheme}{separator}{host}{slash}{path}"


def _decode_event(event: object) -> Event | None:
    """Decode an event leniently: which record it names counts, whatever else it says; None if unreadable."""
    try:
        if isinstance(event, msgspec.Raw):
            with suppress(*decoding.UNREADABLE):
                return _event.decode(event)
            event = msgspec.json.decode(event)
        return decoding.convert_leniently(event, Event)
    except decoding.UNREADABLE:
        log.warning("webhook.event_unreadable")
        return None


def _split_events(body: bytes) -> Sequence[object]:
    """Return the events of a call; repair the body where the fast decoder refuses all of them for a fault in one."""
    document: object
    try:
        document = _events.decode(body)
    except decoding.UNREADABLE:
        try:
            document = decoding.repair_json(body)
        except transport.IncompleteResponse as error:
            document = _parse_each(body) if isinstance(error.__cause__, RecursionError) else None
    if not isinstance(document, list):
        raise errors.WebhookRejected("its body is no list of events")
    if not 0 < len(document) <= MAX_EVENTS:
        raise errors.WebhookRejected(f"it has {len(document)} events, HubSpot sends 1 to {MAX_EVENTS}")
    return document


def _parse_each(body: bytes) -> Sequence[object] | None:
    """Parse the events of a list one by one: one that is nested too deep is lost alone. Return None for no list."""
    events: list[object] = []
    for event in decoding.split_json_array(body.decode("utf-8-sig", "replace")) or ():
        try:
            events.append(decoding.repair_json(event.encode("utf-8", "replace")))
        except transport.IncompleteResponse as error:
            if not isinstance(error.__cause__, RecursionError):
                return None
            events.append(None)
    return events or None
