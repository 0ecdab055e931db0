"""Pages as Salesforce sends them, in JSON and in CSV, and what is saved of those that it should never send."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.adapters.outbound.crm.transport import IncompleteResponse
from astrelo.adapters.outbound.salesforce.api.decoding import CsvDecoder, PageDecoder
from astrelo.adapters.outbound.salesforce.api.wire import AccountRow, ContactRow, StageRow, field_names
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import RecordId
from astrelo.domain.records import RejectedRecord, RejectionReason
from tests.support.salesforce.responses import csv_page, read_by_rest, read_in_bulk, rest_page

decode = PageDecoder(AccountRow)
decode_csv = CsvDecoder(AccountRow)

ID = "001xx000003DGb0AAG"
OTHER_ID = "001xx000003DGb1AAG"
STAMP = "2026-05-01T07:25:37.000+0000"
GOOD: dict[str, Any] = {"Id": OTHER_ID, "Name": "Good", "SystemModstamp": STAMP}


def account(**fields: Any) -> dict[str, Any]:
    return {"Id": ID, "SystemModstamp": STAMP, **fields}


def csv_of(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


HEADER = '"Id","SystemModstamp","Name"'
ROW = f'"{ID}","2026-05-01T07:25:37.000Z","Acme"'


class TestPages:
    def test_a_page_reports_its_rows_and_where_the_next_one_is(self) -> None:
        url = "/services/data/v68.0/query/0r8xx00000000AA-2000"
        page = decode(rest_page([account(Name="Acme"), GOOD], done=False, totalSize=2891, nextRecordsUrl=url))
        assert [row.name for row in page.rows] == ["Acme", "Good"]
        assert (page.next_url, page.total, page.rejected) == (url, 2891, [])

    def test_the_last_page_has_no_next_one(self) -> None:
        assert decode(rest_page([])) == ([], [], None, 0)

    @pytest.mark.parametrize(
        "beside", [{"done": False}, {"nextRecordsUrl": "/services/data/v68.0/query/1-2000"}]
    )
    def test_a_page_that_contradicts_itself_about_the_next_one_is_rejected(
        self, beside: dict[str, object]
    ) -> None:
        with pytest.raises(CrmRejected, match="another one follows"):
            decode(rest_page([GOOD], **beside))

    @pytest.mark.parametrize(
        ("record", "record_id"),
        [
            (None, None),
            ([], None),
            ("text", None),
            (account(Name={"first": "Acme"}), ID),
            (account(Description=["Acme"]), ID),
            ({"Id": {"a": 1}}, None),
        ],
    )
    def test_a_record_of_another_shape_is_rejected_alone(self, record: object, record_id: str | None) -> None:
        page = decode(rest_page([record, GOOD]))
        assert page.rejected == [RejectedRecord(record_id, RejectionReason.MALFORMED)]
        assert [row.id for row in page.rows] == [OTHER_ID]

    @pytest.mark.parametrize(
        ("raw", "known"),
        [(None, None), ("", None), (" ", None), (f" {ID}", ID), ("\0", None), ("0" * 129, "0" * 128)],
    )
    def test_a_record_whose_id_cannot_be_kept_is_rejected_alone(
        self, raw: str | None, known: str | None
    ) -> None:
        page = decode(rest_page([account(Id=raw), GOOD]))
        assert page.rejected == [RejectedRecord(known, RejectionReason.BAD_ID)]
        assert [row.id for row in page.rows] == [OTHER_ID]

    def test_an_id_of_15_characters_is_kept_as_it_is_reported(self) -> None:
        assert read_by_rest(AccountRow, account(Id=ID[:15])).id == ID[:15]

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("120", "120"),
            ("5000000.0", "5000000.0"),
            ("1.0E10", "1.0E10"),
            ("123456789012345678.25", "123456789012345678.25"),
            ("1" * 30, "1" * 30),
            ("1e400", "1e400"),
            ("true", "true"),
            ("false", "false"),
            ("null", None),
            ('""', None),
        ],
    )
    @pytest.mark.parametrize("name", ["Acme", "Ac\0me"], ids=["quickly read", "mended"])
    def test_scalars_are_kept_as_they_are_written(self, value: str, text: str | None, name: str) -> None:
        raw = account(Name=name, AnnualRevenue="?")
        page = decode(rest_page([raw]).replace(b'"?"', value.encode()))
        assert [row.annual_revenue for row in page.rows] == [text]

    @pytest.mark.parametrize(
        ("name", "saved"),
        [
            ('"Ac\\ud800me"', "Ac\ufffdme"),
            ('"\\ud83d\\ude00 \\ud83d"', "\U0001f600 \ufffd"),
            ('"Ac\\u0000me"', "Acme"),
            ('"Ac\\\\u0000me"', "Ac\\u0000me"),
            ('"\\u0000"', None),
        ],
        ids=["half a pair", "beside a whole pair", "NUL", "the words for NUL", "NUL alone"],
    )
    def test_a_character_that_no_column_can_hold_costs_itself_alone(
        self, name: str, saved: str | None
    ) -> None:
        body = rest_page([account(Name="?"), GOOD]).replace(b'"?"', name.encode())
        page = decode(body)
        assert [row.name for row in page.rows] == [saved, "Good"]
        assert page.rejected == []

    def test_fields_that_are_hidden_or_unknown_do_not_stop_a_sync(self) -> None:
        row = read_by_rest(AccountRow, account(BrandNew__c=1, BillingAddress={"city": "San Diego"}))
        assert (row.id, row.name, row.industry) == (ID, None, None)

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
    @pytest.mark.parametrize("name", ["Acme", "Ac\0me"])
    def test_a_body_that_is_cut_off_is_incomplete(self, share: float, name: str) -> None:
        body = rest_page([account(Name=name), GOOD])
        with pytest.raises(IncompleteResponse):
            decode(body[: int(len(body) * share)])

    @pytest.mark.parametrize(
        "body",
        [b"{}", b"[]", b"null", b'{"records": null, "done": true, "totalSize": 1}', b'{"records": []}',
         b'{"records": [], "done": true, "totalSize": -1}'],
    )  # fmt: skip
    def test_json_that_is_no_page_is_rejected(self, body: bytes) -> None:
        with pytest.raises(CrmRejected):
            decode(body)


class TestRows:
    @pytest.mark.parametrize("read", [read_by_rest, read_in_bulk])
    def test_a_row_knows_whether_it_is_deleted_and_what_became_of_it(self, read: Any) -> None:
        live = read(AccountRow, account(IsDeleted=False, MasterRecordId=None))
        deleted = read(AccountRow, account(IsDeleted=True, MasterRecordId=None))
        merged = read(ContactRow, account(IsDeleted=True, MasterRecordId=OTHER_ID))
        assert [(row.is_deleted, row.master_id) for row in (live, deleted, merged)] == [
            (False, None),
            (True, None),
            (True, OTHER_ID),
        ]
        assert live.modified == merged.modified is not None

    def test_objects_without_a_recycle_bin_have_live_rows_alone(self) -> None:
        stage = read_by_rest(StageRow, {"Id": ID, "ApiName": "Won", "IsDeleted": True})
        assert (stage.is_deleted, stage.master_id, stage.modified) == (False, None, None)

    def test_the_fields_of_a_row_are_named_as_salesforce_names_them(self) -> None:
        assert field_names(StageRow) == (
            "Id", "SystemModstamp", "ApiName", "MasterLabel", "IsClosed", "IsWon", "DefaultProbability",
        )  # fmt: skip


class TestCsv:
    def test_values_are_quoted_and_nothing_is_null(self) -> None:
        page = decode_csv(csv_page([account(Name='Ac"me", Inc.\nAt home', Website=None), GOOD], ["Id", "SystemModstamp", "Name", "Website"]))  # fmt: skip
        assert [(row.name, row.website) for row in page.rows()] == [
            ('Ac"me", Inc.\nAt home', None),
            ("Good", None),
        ]

    @pytest.mark.parametrize(
        "text",
        [
            '"',
            '""',
            '","',
            '"\n"',
            "a\r\nb",
            "a\rb",
            "\u2028",
            "\x85",
            "\x1c",
            "'",
            "\\",
            "ä€😀",
            "\ufeffa",
            ";\t",
        ],
    )
    def test_no_character_ends_a_value_before_its_quote(self, text: str) -> None:
        assert read_in_bulk(AccountRow, account(Name=f"<{text}>")).name == f"<{text}>"

    @pytest.mark.parametrize("text", ["a\u2028b", "a\x85b", "a\x1cb", "a'b", " a "])
    def test_no_character_but_a_line_feed_ends_a_row_without_quotes(self, text: str) -> None:
        page = decode_csv(csv_of("Id,SystemModstamp,Name", f"{ID},2026-05-01,{text}"))
        assert [row.name for row in page.rows()] == [text]

    def test_columns_may_come_in_any_order_and_unknown_ones_too(self) -> None:
        lines = csv_of("Name,New__c,SystemModstamp,Id", f'Acme,"1, 2",2026-05-01,{ID}')
        assert list(decode_csv(lines).rows()) == [AccountRow(RecordId(ID), "2026-05-01", name="Acme")]

    def test_lines_may_end_as_on_windows_and_the_page_may_begin_with_a_mark(self) -> None:
        body = b"\xef\xbb\xbf" + csv_of(HEADER, ROW).replace(b"\n", b"\r\n")
        assert [row.name for row in decode_csv(body).rows()] == ["Acme"]

    def test_a_page_of_a_header_alone_has_no_rows(self) -> None:
        page = decode_csv(csv_of(HEADER))
        assert (list(page.rows()), page.count, page.rejected) == ([], 0, [])

    @pytest.mark.parametrize(
        "header", ['"Id","Name"', '"SystemModstamp","Name"', '"id","systemmodstamp"', "", '"Id","SystemModstamp","Id"']
    )  # fmt: skip
    def test_a_header_without_what_no_record_can_lack_is_rejected(self, header: str) -> None:
        with pytest.raises(CrmRejected, match="Id and SystemModstamp"):
            decode_csv(csv_of(header, ROW))

    @pytest.mark.parametrize(
        ("row", "record_id"),
        [(f'"{ID}","2026-05-01"', ID), (f'{ROW},"too much"', ID), (f'"{ID}"', ID), ('""', None)],
    )
    def test_a_row_of_another_width_is_rejected_alone(self, row: str, record_id: str | None) -> None:
        page = decode_csv(csv_of(HEADER, row, f'"{OTHER_ID}","2026-05-01","Good"'))
        assert page.rejected == [RejectedRecord(record_id, RejectionReason.MALFORMED)]
        assert [one.id for one in page.rows()] == [OTHER_ID]

    @pytest.mark.parametrize("start", [0, 1, 2, 3])
    def test_rows_are_made_from_any_one_on_and_again(self, start: int) -> None:
        good = [f'"{OTHER_ID}","2026-05-01","{name}"' for name in ("a", "b")]
        page = decode_csv(csv_of(HEADER, good[0], '"short"', '"","",""', good[1]))
        for _ in range(2):
            assert [row.name for row in page.rows(start)] == ["a", "b"][start:]
        assert (page.count, len(page.rejected)) == (2, 2)

    def test_a_row_that_is_too_short_for_its_id_is_rejected_without_one(self) -> None:
        page = decode_csv(csv_of("Name,SystemModstamp,Id", "Acme"))
        assert page.rejected == [RejectedRecord(None, RejectionReason.MALFORMED)]

    @pytest.mark.parametrize(("raw", "known"), [("", None), (" ", None), ("0" * 129, "0" * 128)])
    def test_a_row_whose_id_cannot_be_kept_is_rejected_alone(self, raw: str, known: str | None) -> None:
        page = decode_csv(csv_of(HEADER, f'"{raw}","2026-05-01","Acme"', ROW))
        assert page.rejected == [RejectedRecord(known, RejectionReason.BAD_ID)]
        assert [row.id for row in page.rows()] == [ID]

    def test_a_nul_is_dropped_and_bytes_that_are_no_text_cost_themselves(self) -> None:
        body = csv_of(HEADER, ROW.replace("Acme", "A\0c?me")).replace(b"?", b"\xff")
        assert [row.name for row in decode_csv(body).rows()] == ["Ac\ufffdme"]

    def test_a_page_that_is_cut_off_anywhere_in_a_row_is_incomplete(self) -> None:
        body = csv_page([account(Name='He said "Hi"\nand left'), GOOD], ["Id", "SystemModstamp", "Name"])
        ends = [place + 1 for place, byte in enumerate(body) if byte == ord("\n")]
        rows_end = [ends[0], ends[2], ends[3]]
        for length in range(len(body)):
            if length not in rows_end:
                with pytest.raises(IncompleteResponse):
                    decode_csv(body[:length])

    @pytest.mark.parametrize("row", [f'"{ID}"x,"2026-05-01","Acme"', f'"{ID}","2026-05-01","Ac"me"'])
    def test_a_quoting_error_makes_a_page_incomplete(self, row: str) -> None:
        """Behind it a value may pass for a row, and a row for a part of a value."""
        with pytest.raises(IncompleteResponse):
            decode_csv(csv_of(HEADER, row, ROW))

    def test_a_value_longer_than_any_field_makes_a_page_incomplete(self) -> None:
        with pytest.raises(IncompleteResponse):
            decode_csv(csv_of(HEADER, ROW.replace("Acme", "x" * 131_073)))


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(
    st.lists(json_values | st.dictionaries(st.sampled_from(field_names(AccountRow)), json_values), max_size=4)
)
@settings(max_examples=200, deadline=None)
def test_every_record_of_a_page_is_a_row_or_rejected(records: list[object]) -> None:
    page = decode(rest_page(records))
    assert len(page.rows) + len(page.rejected) == len(records)


@given(st.binary(max_size=80) | st.text('"\n\r,a\0é ', max_size=40).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_whatever_stands_behind_a_header_is_rows_rejected_or_incomplete(body: bytes) -> None:
    try:
        page = decode_csv(csv_of(HEADER, ROW) + body)
    except IncompleteResponse:
        return
    rows = list(page.rows())
    assert rows[0].id == ID
    assert len(rows) == page.count


@given(st.binary(max_size=80) | json_values.map(json.dumps).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_whatever_stands_for_a_page_is_refused(body: bytes) -> None:
    for read in (decode, decode_csv):
        with pytest.raises((IncompleteResponse, CrmRejected)):
            read(body)
