"""HubSpot's webhook calls: only its own are taken, and what they name is read whatever their form."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.adapters.outbound.hubspot.webhooks import HubSpotWebhooks
from astrelo.domain.errors import WebhookRejected
from astrelo.domain.identifiers import CrmAccountId, ObjectType, RecordId
from astrelo.domain.ports.crm import WebhookRequest
from astrelo.domain.records import PendingRefetch

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URI = "https://www.example.com/webhook_uri"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PORTAL = 62515


def sign(
    body: bytes,
    *,
    uri: str = URI,
    signed_uri: str | None = None,
    at: datetime = NOW,
    secret: str = SECRET,
    method: str = "POST",
) -> WebhookRequest:
    timestamp = str(int(at.timestamp() * 1000))
    message = f"{method}{signed_uri or uri}".encode() + body + timestamp.encode()
    signature = base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": timestamp}
    return WebhookRequest(method=method, uri=uri, headers=headers, body=body)


def event(kind: str, **payload: Any) -> dict[str, Any]:
    return {
        "eventId": 1,
        "portalId": PORTAL,
        "occurredAt": 1,
        "subscriptionType": kind,
        "objectId": 7,
    } | payload


def name_records(*events: object) -> Mapping[CrmAccountId, frozenset[PendingRefetch]]:
    return HubSpotWebhooks(SECRET).parse(sign(json.dumps(events).encode()), NOW)


def pending_refetches(*records: tuple[ObjectType, str]) -> Mapping[CrmAccountId, frozenset[PendingRefetch]]:
    return {
        CrmAccountId(str(PORTAL)): frozenset(
            PendingRefetch(kind, RecordId(record_id)) for kind, record_id in records
        )
    }


def refusal(request: WebhookRequest, now: datetime = NOW) -> str:
    with pytest.raises(WebhookRejected) as refused:
        HubSpotWebhooks(SECRET).parse(request, now)
    assert SECRET not in str(refused.value)
    return refused.value.reason


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
    ],
)
def test_known_signatures_are_accepted(timestamp: str, signature: str) -> None:
    """The body of these vectors is no JSON: that it is read at all shows that the signature was accepted."""
    request = WebhookRequest(
        method="POST",
        uri=URI,
        headers={"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": timestamp},
        body=b"{'example_field':'example_value'}",
    )
    now = datetime.fromtimestamp(int(timestamp) / 1000, UTC)
    assert "no list of events" in refusal(request, now)
    assert "signature" in refusal(request._replace(body=b"{'example_field':'example_valuf'}"), now)


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_a_call_is_good_for_five_minutes_before_and_after_its_time(seconds: int) -> None:
    request = sign(json.dumps([event("contact.creation")]).encode())
    assert HubSpotWebhooks(SECRET).parse(request, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("milliseconds", [-300_001, 300_001, -86_400_000, 86_400_000])
def test_a_call_from_longer_ago_or_from_the_future_is_refused(milliseconds: int) -> None:
    request = sign(json.dumps([event("contact.creation")]).encode())
    assert "timestamp" in refusal(request, NOW + timedelta(milliseconds=milliseconds))


@pytest.mark.parametrize(
    "timestamp", ["", "soon", "-1", "\uff11\uff17", "1" * 400, "1764547200.5", "1764547200 "]
)
def test_a_timestamp_that_is_no_whole_number_is_refused(timestamp: str) -> None:
    request = sign(b"[]")
    headers = dict(request.headers) | {"x-hubspot-request-timestamp": timestamp}
    assert "timestamp" in refusal(request._replace(headers=headers))


@pytest.mark.parametrize("changed", ["method", "uri", "body", "secret", "timestamp"])
def test_whatever_is_signed_cannot_be_changed(changed: str) -> None:
    body = json.dumps([event("contact.creation")]).encode()
    request = sign(body, secret="another secret") if changed == "secret" else sign(body)
    match changed:
        case "method":
            request = request._replace(method="PUT")
        case "uri":
            request = request._replace(uri=URI + "?a=b")
        case "body":
            request = request._replace(body=body + b" ")
        case "timestamp":
            later = str(int(request.headers["x-hubspot-request-timestamp"]) + 1)
            request = request._replace(headers=dict(request.headers) | {"x-hubspot-request-timestamp": later})
    assert "signature" in refusal(request)


@pytest.mark.parametrize("signature", ["", "x", "é", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="])
def test_another_signature_is_refused(signature: str) -> None:
    request = sign(b"[]")
    assert "signature" in refusal(
        request._replace(headers=dict(request.headers) | {"x-hubspot-signature-v3": signature})
    )


def test_the_older_signatures_are_refused() -> None:
    body = json.dumps([event("contact.creation")]).encode()
    first = hashlib.sha256(SECRET.encode() + body).hexdigest()
    second = hashlib.sha256(f"{SECRET}POST{URI}".encode() + body).hexdigest()
    for version, signature in (("v1", first), ("v2", second)):
        headers = {
            "x-hubspot-signature": signature,
            "x-hubspot-signature-version": version,
            "x-hubspot-request-timestamp": str(int(NOW.timestamp() * 1000)),
        }
        assert "version 3" in refusal(WebhookRequest("POST", URI, headers, body))


@pytest.mark.parametrize("signed_uri", [f"{URI}?to=a/b:c@d!$'()*,;", None])
def test_a_uri_may_be_signed_with_the_documented_escapes_decoded_or_as_it_is(signed_uri: str | None) -> None:
    uri = f"{URI}?to=a%2Fb%3Ac%40d%21%24%27%28%29%2A%2C%3B"
    body = json.dumps([event("contact.creation")]).encode()
    assert HubSpotWebhooks(SECRET).parse(sign(body, uri=uri, signed_uri=signed_uri), NOW)


OTHER_PLACES = {
    "another path": "https://www.example.com/webhook_urj",
    "a slash more": f"{URI}/",
    "another query": f"{URI}?a=b",
    "another host": "https://www.example.org/webhook_uri",
    "another port": "https://www.example.com:444/webhook_uri",
    "another scheme": "http://www.example.com/webhook_uri",
    "a path in capitals": "https://www.example.com/WEBHOOK_URI",
}


@pytest.mark.parametrize("signed_uri", OTHER_PLACES.values(), ids=OTHER_PLACES)
def test_a_call_that_was_signed_for_another_place_is_refused(signed_uri: str) -> None:
    body = json.dumps([event("contact.creation")]).encode()
    assert "signature" in refusal(sign(body, signed_uri=signed_uri))


@pytest.mark.parametrize(
    ("configured", "called", "signed_host"),
    [
        ("www.example.com", "WWW.Example.com", "WWW.Example.com"),
        ("www.example.com", "www.example.com:443", "www.example.com:443"),
        ("WWW.Example.com:443", "www.example.com", "www.example.com"),
        ("WWW.Example.com", "10.0.0.7:8000", "www.example.com"),
        ("www.example.com", "", "www.example.com"),
    ],
)
def test_a_host_may_be_written_in_any_case_and_with_its_default_port(
    configured: str, called: str, signed_host: str
) -> None:
    body = json.dumps([event("contact.creation")]).encode()
    call = sign(body, uri=f"https://{configured}/w", signed_uri=f"https://{signed_host}/w")
    call = call._replace(headers={**call.headers, "host": called})
    assert HubSpotWebhooks(SECRET).parse(call, NOW)


@pytest.mark.parametrize(
    "called", ["evil.example.com", "www.example.com:444", "www.example.com.evil.test", "@"]
)
def test_no_other_host_than_ours_is_signed_for_whatever_was_called(called: str) -> None:
    body = json.dumps([event("contact.creation")]).encode()
    call = sign(body, signed_uri=f"https://{called}/webhook_uri")
    assert "signature" in refusal(call._replace(headers={**call.headers, "host": called}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b"[",
        b"\xff",
        b"[" * 5_000,
        b"[" * 2_000 + b"]" * 1_999,
        b"[" * 2_000 + b'"' + b'\\"' * 100_000,
        b'{"deep": ' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        b"[" + b"[" * 2_000 + b"]" * 2_000 + b", oops]",
        b"[" + b"[" * 2_000 + b"]" * 2_000 + b"], []",
        json.dumps([{}] * 101).encode(),
    ],
)
def test_a_body_that_is_no_list_of_1_to_100_events_is_refused(body: bytes) -> None:
    assert refusal(sign(body))


@given(st.binary(max_size=200), st.text(max_size=50), st.text(max_size=20))
def test_whatever_arrives_is_refused_and_nothing_else(body: bytes, signature: str, timestamp: str) -> None:
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": timestamp}
    assert refusal(WebhookRequest("POST", URI, headers, body))
    assert refusal(sign(body))


@pytest.mark.parametrize("happening", ["creation", "deletion", "restore", "propertyChange"])
def test_every_event_of_a_record_names_it(happening: str) -> None:
    assert name_records(event(f"company.{happening}")) == pending_refetches((ObjectType.COMPANIES, "7"))
    assert name_records(event(f"contact.{happening}")) == pending_refetches((ObjectType.CONTACTS, "7"))
    assert name_records(event(f"deal.{happening}")) == pending_refetches((ObjectType.DEALS, "7"))


def test_a_privacy_deletion_names_the_contact() -> None:
    assert name_records(event("contact.privacyDeletion")) == pending_refetches((ObjectType.CONTACTS, "7"))


@pytest.mark.parametrize(
    ("type_id", "object_type"),
    [("0-1", ObjectType.CONTACTS), ("0-2", ObjectType.COMPANIES), ("0-3", ObjectType.DEALS)],
)
def test_generic_events_are_distinguished_by_their_object_type_id(
    type_id: str, object_type: ObjectType
) -> None:
    assert name_records(event("object.propertyChange", objectTypeId=type_id)) == pending_refetches(
        (object_type, "7")
    )


def test_a_merge_names_all_old_ids_and_the_new_one() -> None:
    merge = event("company.merge", primaryObjectId=7, mergedObjectIds=[8, 9], newObjectId=10)
    assert name_records(merge) == pending_refetches(
        *((ObjectType.COMPANIES, number) for number in ("7", "8", "9", "10"))
    )


def test_an_association_names_both_sides() -> None:
    both = pending_refetches((ObjectType.CONTACTS, "1"), (ObjectType.COMPANIES, "2"))
    sides = {"fromObjectId": 1, "toObjectId": 2, "objectId": None}
    typed = {"fromObjectTypeId": "0-1", "toObjectTypeId": "0-2"}
    assert name_records(event("object.associationChange", **sides, **typed)) == both
    assert (
        name_records(event("contact.associationChange", **sides, associationType="CONTACT_TO_COMPANY"))
        == both
    )


@pytest.mark.parametrize(
    "payload",
    [
        event("ticket.creation"),
        event("contact.dream"),
        event("contact"),
        event("object.creation", objectTypeId="2-123"),
        event("object.creation"),
        event("contact.creation", objectId=None),
        event("object.associationChange", fromObjectId=1, toObjectId=2, fromObjectTypeId="0-5"),
        {},
        None,
        7,
        {"portalId": "many", "subscriptionType": "contact.creation"},
    ],
)
def test_what_is_not_known_names_nothing_and_spoils_nothing(payload: object) -> None:
    assert name_records(payload, event("deal.creation")) == pending_refetches((ObjectType.DEALS, "7"))
    assert name_records(payload) == {}


def test_events_of_several_accounts_are_kept_apart_and_repeats_fall_together() -> None:
    payload = name_records(
        event("contact.creation"),
        event("contact.creation", attemptNumber=3),
        event("contact.propertyChange", portalId=2),
    )
    one = frozenset({PendingRefetch(ObjectType.CONTACTS, RecordId("7"))})
    assert payload == {str(PORTAL): one, "2": one}


OTHER = json.dumps(event("deal.creation", objectId=8))
ODD = {
    "half a character, high": r'"\ud83d"',
    "half a character, low": r'"x\udfffy"',
    "half a character, deep inside": r'{"a": [[{"b": "\ud800"}]]}',
    "half a character as a name": r'{"\ud800": 1}',
    "a NUL": r'"\u0000"',
    "bytes that are no text": '"?"',
    "no number": "NaN",
    "an infinite number": "-Infinity",
    "a number beyond floats": "1e999",
    "a number of five thousand digits": "9" * 5_000,
    "many levels": "[" * 200 + "]" * 200,
    "a name given twice": '1, "odd": 2',
    "a mark at the beginning": '"\ufeff"',
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "behind a byte order mark"])
def test_what_an_event_says_beside_its_record_costs_no_event(odd: str, mark: str) -> None:
    payload = json.dumps(event("contact.propertyChange"))[:-1] + f', "propertyValue": {odd}}}'
    body = f"{mark}[{payload}, {OTHER}]".encode().replace(b'"?"', b'"\xc3\xff"')
    both = pending_refetches((ObjectType.CONTACTS, "7"), (ObjectType.DEALS, "8"))
    assert HubSpotWebhooks(SECRET).parse(sign(body), NOW) == both


@pytest.mark.parametrize("levels", [2_000, 100_000])
def test_an_event_that_is_nested_beyond_reason_costs_itself_alone(levels: int) -> None:
    payload = json.dumps(event("contact.propertyChange"))[:-1]
    deep = f'{payload}, "propertyValue": [{"[" * levels}"]}}, \\""{"]" * levels}]}}'
    body = f"\n[{deep}, {OTHER}, {deep}]\n".encode()
    assert HubSpotWebhooks(SECRET).parse(sign(body), NOW) == pending_refetches((ObjectType.DEALS, "8"))


@pytest.mark.parametrize(
    "payload",
    [
        event("contact.creation", associationType=5, objectTypeId=[]),
        event("contact.creation", mergedObjectIds=None, newObjectId={}),
        event("contact.creation", objectId="7", portalId=str(PORTAL)),
        event("contact.merge", objectId=None, mergedObjectIds=["x", 7, None, {}]),
    ],
)
def test_a_field_of_another_kind_costs_that_field_alone(payload: object) -> None:
    assert name_records(payload, event("deal.creation", objectId=8)) == pending_refetches(
        (ObjectType.CONTACTS, "7"), (ObjectType.DEALS, "8")
    )


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=10,
)


@given(st.lists(_JSON, max_size=5), _JSON)
def test_readable_events_are_taken_whatever_stands_beside_and_in_them(
    others: list[object], odd: object
) -> None:
    body = json.dumps([*others, event("contact.propertyChange", propertyValue=odd)]).encode()
    payload = HubSpotWebhooks(SECRET).parse(sign(body), NOW)
    assert PendingRefetch(ObjectType.CONTACTS, RecordId("7")) in payload[CrmAccountId(str(PORTAL))]
