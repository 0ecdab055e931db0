"""Pages as HubSpot should never send them, and what is saved of them."""

import json

import pytest

from astrelo.adapters.outbound.crm.decoding import Decoder
from astrelo.adapters.outbound.crm.transport import IncompleteResponse
from astrelo.adapters.outbound.hubspot.api.decoding import PageDecoder
from astrelo.adapters.outbound.hubspot.api.wire import AssociationBatch, CompanyObject
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import Provider
from astrelo.domain.records import RejectedRecord, RejectionReason

decode = PageDecoder(CompanyObject)


def page_of(*results: str, tail: str = "") -> bytes:
    return f'{{"results": [{",".join(results)}]{tail}}}'.encode()


def company(record_id: str = "1", name: str = '"Acme"') -> str:
    return f'{{"id": "{record_id}", "properties": {{"name": {name}}}, "updatedAt": "2026-10-02T10:00:00Z"}}'


GOOD = company("2")


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ('"Ac\\ud800me"', "Ac\ufffdme"),
        ('"\\udc00"', "\ufffd"),
        ('"\\ud83d\\ude00 \\ud83d"', "\U0001f600 \ufffd"),
        ('"\\ud800 a\\u0000b"', "\ufffd ab"),
    ],
    ids=["in the middle", "alone", "beside a whole pair", "beside a NUL"],
)
def test_a_lone_surrogate_costs_one_character_and_no_record(name: str, saved: str) -> None:
    page = decode(page_of(company("1", name), GOOD))
    assert [received.properties.name for received in page.objects] == [saved, "Acme"]
    assert page.rejected == []


def test_bytes_that_are_no_text_cost_one_character() -> None:
    body = page_of(company("1", '"Ac?me"'), GOOD).replace(b"?", b"\xff")
    assert decode(body).objects[0].properties.name == "Ac\ufffdme"


@pytest.mark.parametrize(
    ("result", "record_id"),
    [
        ("null", None),
        ("[]", None),
        ('"text"', None),
        ('{"id": null, "properties": {}}', None),
        ('{"id": {"a": 1}, "properties": {}}', None),
        ('{"id": "7"}', "7"),
        ('{"id": "7", "properties": null}', "7"),
        ('{"id": "7", "properties": {"name": {"value": "Acme"}}}', "7"),
        (f'{{"id": "{"7" * 300}", "properties": []}}', "7" * 128),
    ],
)
def test_a_record_of_another_shape_is_rejected_alone(result: str, record_id: str | None) -> None:
    page = decode(page_of(result, GOOD))
    assert page.rejected == [RejectedRecord(record_id, RejectionReason.MALFORMED)]
    assert [received.id for received in page.objects] == ["2"]


def test_numbers_and_booleans_are_taken_for_the_text_they_should_be() -> None:
    page = decode(page_of('{"id": 7, "properties": {"numberofemployees": 120, "name": true}}'))
    (received,) = page.objects
    assert (received.id, received.properties.numberofemployees, received.properties.name) == (
        "7",
        "120",
        "true",
    )


def test_an_unknown_property_is_ignored() -> None:
    page = decode(page_of('{"id": "7", "properties": {"brand_new": "x"}, "brandNew": {}}'))
    assert [received.id for received in page.objects] == ["7"]


def test_what_a_mended_page_says_beside_its_records_is_kept() -> None:
    page = decode(page_of("null", tail=', "paging": {"next": {"after": "c"}}, "total": 12'))
    assert (page.after, page.total) == ("c", 12)


@pytest.mark.parametrize("paging", ["", ', "paging": null', ', "paging": {}', ', "paging": {"next": null}'])
def test_the_end_of_data_is_the_absence_of_a_next_cursor(paging: str) -> None:
    assert decode(page_of(GOOD, tail=paging)).after is None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_body_that_is_cut_off_is_incomplete(share: float) -> None:
    body = page_of(company("1", '"Ac\\ud800me"'), GOOD)
    with pytest.raises(IncompleteResponse):
        decode(body[: int(len(body) * share)])


def test_json_nested_beyond_reason_is_incomplete_and_no_crash() -> None:
    with pytest.raises(IncompleteResponse):
        decode(page_of('{"id": "1", "deep": ' + "[" * 100_000))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"results": null}', b'{"results": 7}'])
def test_json_that_is_no_page_is_rejected(body: bytes) -> None:
    with pytest.raises(CrmRejected):
        decode(body)


def test_a_batch_that_failed_in_part_is_incomplete_but_a_miss_is_an_answer() -> None:
    missing = {"category": "OBJECT_NOT_FOUND", "context": {"ids": ["3"]}}
    page = decode(page_of(GOOD, tail=f', "errors": [{json.dumps(missing)}]'))
    assert [error.context for error in page.errors] == [{"ids": ["3"]}]
    with pytest.raises(IncompleteResponse):
        decode(page_of(GOOD, tail=', "errors": [{"category": "INTERNAL_ERROR"}]'))


def test_a_surrogate_in_an_associations_label_costs_one_character() -> None:
    body = (
        b'{"results": [{"from": {"id": "1"}, "to": [{"toObjectId": 9, '
        b'"associationTypes": [{"typeId": 7, "label": "\\ud800"}]}]}]}'
    )
    (entry,) = Decoder(AssociationBatch, Provider.HUBSPOT)(body).results
    assert entry.to[0].association_types[0].label == "\ufffd"
