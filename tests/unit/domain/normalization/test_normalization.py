"""Reading what people typed: total, idempotent, and never silently wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from astrelo.adapters.outbound.reference import RESERVED_NAMES, BundledReferenceData
from astrelo.domain.normalization import (
    AMOUNT_BOUND,
    AMOUNT_DECIMALS,
    MAX_EMAIL_LENGTH,
    MAX_EMPLOYEES,
    MAX_TEXT_LENGTH,
    Email,
    amount,
    currency,
    email_address,
    employee_count,
    flag,
    has_text,
    identity_domain,
    is_cut,
    linkedin_page,
    probability,
    revenue_range,
    search_email,
    search_key,
    text,
    timestamp,
    truncate_text,
    web_domain,
)
from astrelo.domain.records import EmailKind

REFERENCE = BundledReferenceData(RESERVED_NAMES)

ALPHABET = "aZ09.,:;/\\@?#-_ \t\"'<>()[]eE+%&=öÖßİ。\uff0e\uff20日\u200b\ud800\udc00\0"
anything = st.text() | st.text(st.sampled_from(ALPHABET), max_size=40)
hosts = st.from_regex(r"(www\.)?[a-z0-9-]{1,5}\.(com|co\.uk|de|example)\.?", fullmatch=True)
urls = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "http://", "HTTPS://", "//", "ftp://", "http:", "https:/"]),
    st.sampled_from(["", "user@", "user:secret@"]),
    hosts,
    st.sampled_from(["", ":443", ":", ":port"]),
    st.sampled_from(["", "/", "/about?x=1#y", "?q", "#top", "\\"]),
)


def domain(raw: str | None) -> str | None:
    return web_domain(raw, REFERENCE)


def email(raw: str | None) -> Email:
    return email_address(raw, REFERENCE)


class TestText:
    @pytest.mark.parametrize("empty", [None, "", " ", "\n\t", "\0", " \0 ", "\u2060", "\u200e \u3164"])
    def test_what_says_nothing_is_none(self, empty: str | None) -> None:
        assert text(empty) is None
        assert not has_text(empty)

    @pytest.mark.parametrize(
        ("raw", "kept"),
        [
            ("  Acme  ", "Acme"),
            ("Ac\0me", "Acme"),
            ("\0 Acme", "Acme"),
            ("Acme \ud83d", "Acme \ufffd"),
            ("\ud83d\ude00", "😀"),
            ("Müller & Söhne", "Müller & Söhne"),
            ("Ame\u0301lie", "Am\u00e9lie"),
            ("\u2067Acme\u2069\u200e", "Acme"),
            ("Ac\u200bme", "Acme"),
            ("\u00a0Acme\u3000", "Acme"),
            ("ขาย\u200bดี", "ขาย\u200bดี"),
            ("कर\u094d\u200dम", "कर\u094d\u200dम"),
            ("Love ❤\ufe0f", "Love ❤\ufe0f"),
        ],
    )
    def test_it_becomes_what_a_text_column_can_hold(self, raw: str, kept: str) -> None:
        assert text(raw) == kept

    def test_a_text_is_kept_to_the_longest_that_a_column_holds_and_the_cut_shows(self) -> None:
        longest = "ä" * (MAX_TEXT_LENGTH - 1)
        assert text(longest) == text(longest + "\u200b \n") == longest
        cut = text(longest + "äx")
        assert cut == text(cut) == longest + "…"
        assert (is_cut(cut), is_cut(longest), is_cut(None)) == (True, False, False)

    def test_ten_megabytes_are_cut_before_they_are_read(self) -> None:
        assert is_cut(text("\u200bä" * 5_000_000))

    def test_it_is_cut_where_the_caller_says_so(self) -> None:
        assert truncate_text("Acme Inc.", 5) == "Acme"

    @given(anything, st.none() | st.integers(1, 20))
    @settings(max_examples=200, deadline=None)
    def test_it_can_always_be_stored_and_reading_it_again_changes_nothing(
        self, raw: str, limit: int | None
    ) -> None:
        kept = truncate_text(raw, limit or MAX_TEXT_LENGTH)
        assert truncate_text(kept, limit or MAX_TEXT_LENGTH) == kept
        assert kept is None or ("\0" not in kept and kept.encode() and len(kept) <= (limit or len(kept)))


class TestWebDomain:
    @pytest.mark.parametrize(
        "raw",
        [
            "acme.com",
            "ACME.com",
            "www.acme.com",
            "www.www.acme.com",
            "http://acme.com",
            "HTTPS://WWW.ACME.COM/",
            "https:/acme.com",
            "//acme.com/path",
            "acme.com/about?ref=x#team",
            "acme.com?x=1",
            "acme.com#top",
            "acme.com\\about",
            "acme.com:8080",
            "https://user:pass@acme.com:443/",
            "info@acme.com",
            " acme.com ",
            "acme.com.",
            "\uff41\uff43\uff4d\uff45\uff0e\uff43\uff4f\uff4d",
            "acme。com",
        ],
    )
    def test_all_these_are_one_site(self, raw: str) -> None:
        assert domain(raw) == "acme.com"

    @pytest.mark.parametrize(
        "raw",
        [
            "htpp://acme.com", "http://http://acme.com/x", "https:\\\\www.acme.com", "ttps://acme.com",
            "hxxp://acme.com", "http:www.acme.com", "https.www.acme.com", "www;acme.com", "wwww.acme.com",
            "www acme.com", "acme .com", "http:// acme.com", "URL=acme.com", "Sito web: www.acme.com",
            "Acme Inc (www.acme.com)", "«acme.com»", "[Acme](https://acme.com)", "acme.com|www.acme.com",
            '<a href="http://acme.com">acme.com</a>', "http%3A%2F%2Facme.com%2F", "acme.com&nbsp;",
            "\u2066acme.com\u2069", "ac\u00adme.com", "\ufeffhttp://acme.com", "acme.com\x01", "acme.com🙂",
        ],
    )  # fmt: skip
    def test_a_person_sees_the_one_host_whatever_is_typed_around_it(self, raw: str) -> None:
        assert domain(raw) == "acme.com"

    @pytest.mark.parametrize(
        "raw",
        ["old: acme.com", "www.acme.com www.acme.de", "acme.com or acme.de", "Mr.Jones", "S.r.l.", "e.V.",
         "kein.web", "acme.corp", "https://www.google.fr/maps/place/acme", "https://yandex.ru/maps/org/acme/1",
         "https://www.google.com/url?q=https://acme.com", "https://de.indeed.com/cmp/acme",
         "https://www.amazon.de/stores/acme"],
    )  # fmt: skip
    def test_two_hosts_words_for_none_and_pages_about_a_firm_are_no_site_of_its_own(self, raw: str) -> None:
        assert domain(raw) is None

    @pytest.mark.parametrize(
        ("raw", "host"),
        [
            ("☕.ws", "xn--53h.ws"),
            ("https://www.amazon.com/about", "amazon.com"),
            ("https://acme.com/maps?q=x", "acme.com"),
            ("straße.de", "xn--strae-oqa.de"),
            ("http://München.example", "xn--mnchen-3ya.example"),
            ("例え.jp", "xn--r8jz45g.jp"),
            ("xn--strae-oqa.de", "xn--strae-oqa.de"),
            ("aircraft_co.avic.com", "aircraft_co.avic.com"),
            ("shop.acme.co.uk", "shop.acme.co.uk"),
            ("www2.acme.com", "www2.acme.com"),
            ("www.com", "www.com"),
        ],
    )
    def test_a_host_is_written_in_ascii_and_kept_as_reported(self, raw: str, host: str) -> None:
        assert domain(raw) == host

    @pytest.mark.parametrize(
        "raw",
        [
            "n/a",
            "none",
            "-",
            "localhost",
            "192.168.0.1",
            "http://10.0.0.1/",
            "http://[::1]:80/",
            "acme,com",
            "acme.com, acme.de",
            "acme.com acme.de",
            "acme..com",
            ".com",
            "-acme.com",
            "acme-.com",
            "a" * 64 + ".com",
            "a." * 130 + "com",
            "acme.com:port",
            "acme.unknowntld",
            "\ud800.com",
            "x" * 100_000,
            "ä" * 100_000 + ".de",
        ],
    )
    def test_what_is_no_site_cannot_be_read(self, raw: str) -> None:
        assert domain(raw) is None
        assert has_text(raw)

    @pytest.mark.parametrize("empty", [None, "", "  "])
    def test_no_value_is_none(self, empty: str | None) -> None:
        assert domain(empty) is None

    @given(anything | urls)
    @settings(max_examples=400, deadline=None)
    def test_it_is_total_idempotent_and_fit_for_an_index(self, raw: str) -> None:
        host = domain(raw)
        assert domain(host) == host
        assert host is None or (
            host.isascii() and host == host.lower() and 3 <= len(host) <= 253 and "." in host
        )

    @given(
        hosts,
        st.sampled_from(["http://", "https://www.", "www.", "//"]),
        st.sampled_from(["", "/", ":80/x"]),
        st.sampled_from([str.upper, str.lower]),
    )
    @settings(max_examples=200, deadline=None)
    def test_how_it_was_typed_does_not_matter(
        self, host: str, before: str, after: str, spelled: Callable[[str], str]
    ) -> None:
        assume(not REFERENCE.is_page_about_firm(host, "/x"))
        assert domain(spelled(f"{before}{host}{after}")) == domain(host)


class TestIdentityDomain:
    @pytest.mark.parametrize(
        "host",
        [
            "acme.com",
            "acme.co.uk",
            "acme.wordpress.com",
            "acme.myshopify.com",
            "acme.github.io",
            "x.acme.com",
        ],
    )
    def test_a_firms_own_host_identifies_it(self, host: str) -> None:
        assert identity_domain(host, REFERENCE) == host

    @pytest.mark.parametrize(
        "host",
        [
            "gmail.com",
            "linkedin.com",
            "uk.linkedin.com",
            "bit.ly",
            "wordpress.com",
            "github.io",
            "co.uk",
            "com",
            None,
        ],
    )
    def test_a_host_of_many_or_of_nobody_does_not(self, host: str | None) -> None:
        assert identity_domain(host, REFERENCE) is None


class TestEmailAddress:
    def test_a_firms_address_yields_its_host_and_its_registrable_domain(self) -> None:
        assert email(" Jane.Doe@Mail.ACME.co.uk ") == (
            "jane.doe@mail.acme.co.uk", "mail.acme.co.uk", "acme.co.uk", EmailKind.BUSINESS,
        )  # fmt: skip

    @pytest.mark.parametrize("host", ["gmail.com", "mail.163.com", "linkedin.com", "wordpress.com", "co.uk"])
    def test_an_address_at_a_shared_host_is_kept_but_identifies_no_firm(self, host: str) -> None:
        assert email(f"jane@{host}") == (f"jane@{host}", None, None, EmailKind.FREE_MAIL)

    @pytest.mark.parametrize("empty", [None, "", "  "])
    def test_a_missing_value_is_missing(self, empty: str | None) -> None:
        assert email(empty) == (None, None, None, EmailKind.MISSING)

    @pytest.mark.parametrize(
        "raw",
        [
            "not-an-email",
            "jane@",
            "@acme.com",
            "jane@localhost",
            "jane@acme",
            "jane@@acme.com",
            "jane@doe@acme.com",
            "jane doe@acme.com",
            "jane@acme.com, joe@acme.com",
            "jane@10.0.0.1",
            "jane@[10.0.0.1]",
            "jane@acme..com",
            "\ud800@acme.com",
            "a" * 313 + "@acme.com",
            "jane@" + "a" * 100_000,
            "n/a",
        ],
    )
    def test_what_is_no_address_is_invalid(self, raw: str) -> None:
        assert email(raw) == (None, None, None, EmailKind.INVALID)

    @pytest.mark.parametrize(
        "raw",
        [
            "MAILTO:Jane@acme.com?subject=Hello%20you", "Doe, Jane <jane@acme.com>;", "jane@acme.com <jane@acme.com>",
            "E-Mail : jane@acme.com", "[jane@acme.com](mailto:jane@acme.com)", "jane@acme.com (home)",
            "jane @ acme.com", "jane[at]acme[dot]com", "“jane@acme.com”", "jane%40acme.com", "ja\0ne@acme.com",
            "\u2068jane@acme.com\u2069", "jane＠acme．com", "jane@acme.com | Sales", "'jane@acme.com", "jane@acme.com..",
        ],
    )  # fmt: skip
    def test_a_person_sees_the_one_address_whatever_is_typed_around_it(self, raw: str) -> None:
        assert email(raw).address == "jane@acme.com"

    @pytest.mark.parametrize(
        "raw",
        ["A <a@acme.com>, B <b@acme.com>", "a@acme.com/b@acme.com", "a@acme.com <b@acme.com>", "jane@acme.co m",
         "Jane Doe jane@acme.com", "jane, doe@acme.com", "jane at acme.com"],
    )  # fmt: skip
    def test_where_words_leave_a_doubt_no_address_is_guessed(self, raw: str) -> None:
        assert email(raw).kind is EmailKind.INVALID

    @pytest.mark.parametrize(
        ("raw", "address"),
        [
            ("O'NEIL+x@ACME.COM", "o'neil+x@acme.com"),
            ("josé@acme.com", "josé@acme.com"),
            ('"jane@home"@acme.com', '"jane@home"@acme.com'),
            ("jane@bücher.example", "jane@xn--bcher-kva.example"),
            ("jane@acme.com.", "jane@acme.com"),
            ("a" * 311 + "@acme.com", "a" * 311 + "@acme.com"),
        ],
    )
    def test_odd_but_right_ones_are_read(self, raw: str, address: str) -> None:
        assert email(raw).address == address
        assert email(raw).kind is EmailKind.BUSINESS

    @given(anything | st.builds("{}@{}".format, anything, hosts | anything))
    @settings(max_examples=400, deadline=None)
    def test_it_is_total_idempotent_and_fit_for_an_index(self, raw: str) -> None:
        read = email(raw)
        assert read.kind in {EmailKind.MISSING, EmailKind.INVALID} or email(read.address) == read
        assert read.address is None or (len(read.address) <= MAX_EMAIL_LENGTH and read.address.encode())

    @given(st.builds("{}@{}".format, st.sampled_from("ab"), hosts))
    @settings(max_examples=100, deadline=None)
    def test_a_firms_host_ends_with_its_registrable_domain(self, raw: str) -> None:
        _, host, registrable, kind = email(raw)
        assert (host is None) == (registrable is None) == (kind is not EmailKind.BUSINESS)
        assert host is None or registrable is None or f".{host}".endswith(f".{registrable}")


class TestNumbers:
    @pytest.mark.parametrize(
        ("raw", "count"),
        [
            ("1200", 1200),
            ("1,200", 1200),
            (" 37 ", 37),
            ("1200.0", 1200),
            ("1.2E3", 1200),
            ("0", 0),
            ("007", 7),
            ("1,234,567", 1_234_567),
            ("1000000000", MAX_EMPLOYEES),
        ],
    )
    def test_a_head_count_is_read(self, raw: str, count: int) -> None:
        assert employee_count(raw) == count

    @pytest.mark.parametrize(
        "raw",
        ["50-100", "n/a", "-5", "1000000001", "1200.5", "1,20", "1,2,3", "12e400", "1e999", "NaN", "Infinity",
         "1_000", "²", "\uff10x1", "many", "9" * 100_000],
    )  # fmt: skip
    def test_ranges_fractions_and_absurd_head_counts_cannot_be_read(self, raw: str) -> None:
        assert employee_count(raw) is None
        assert has_text(raw)

    @pytest.mark.parametrize(
        ("raw", "value"),
        [
            ("12500000.5", "12500000.5"),
            ("5000.0", "5000"),
            ("5000.00", "5000"),
            ("007.0", "7"),
            ("5E+3", "5000"),
            ("-250", "-250"),
            ("+1", "1"),
            ("1.", "1"),
            ("0.00", "0"),
            ("-0", "0"),
            ("1,000,000.25", "1000000.25"),
            ("0.1234567", "0.123457"),
            ("999999999999999999", "999999999999999999"),
            ("1e-30", "0"),
        ],
    )
    def test_an_amount_is_read_and_equal_ones_are_written_alike(self, raw: str, value: str) -> None:
        assert str(amount(raw)) == value

    @pytest.mark.parametrize(
        "raw",
        ["1e400", "NaN", "sNaN", "Infinity", "-inf", "1000000000000000000", "999999999999999999.9999999", "$5",
         "1.200,50", "1 000", "5k", "0x10", "", ".0", "1" * 65],
    )  # fmt: skip
    def test_what_numeric_could_not_keep_or_nobody_can_interpret_is_not_read(self, raw: str) -> None:
        assert amount(raw) is None

    @given(anything | st.decimals().map(str) | st.floats().map(str) | st.integers().map("{:,}".format))
    @settings(max_examples=300, deadline=None)
    def test_numbers_are_total_idempotent_and_bounded(self, raw: str) -> None:
        value, count = amount(raw), employee_count(raw)
        assert value is None or (amount(str(value)) == value and str(amount(str(value))) == str(value))
        assert value is None or (abs(value) < AMOUNT_BOUND and value.as_tuple().exponent >= -AMOUNT_DECIMALS)  # type: ignore[operator] # finite by the first half
        assert count is None or (employee_count(str(count)) == count and 0 <= count <= MAX_EMPLOYEES)

    @pytest.mark.parametrize(
        ("revenue", "label"),
        [
            (None, None),
            (Decimal(-1), None),
            (Decimal(0), "<1M"),
            (Decimal("999999.999999"), "<1M"),
            (Decimal(1_000_000), "1M-10M"),
            (Decimal(9_999_999), "1M-10M"),
            (Decimal(10_000_000), "10M-50M"),
            (Decimal(50_000_000), "50M-250M"),
            (Decimal(250_000_000), "250M-1B"),
            (Decimal(999_999_999), "250M-1B"),
            (Decimal(1_000_000_000), ">1B"),
        ],
    )
    def test_lower_bounds_of_revenue_ranges_are_inclusive(
        self, revenue: Decimal | None, label: str | None
    ) -> None:
        assert revenue_range(revenue) == label

    @pytest.mark.parametrize(
        ("raw", "share"),
        [
            ("0.2", "0.2"),
            ("1", "1"),
            ("1.0", "1"),
            ("0", "0"),
            ("1.01", None),
            ("-0.1", None),
            ("20%", None),
            (None, None),
        ],
    )
    def test_a_probability_is_between_0_and_1(self, raw: str | None, share: str | None) -> None:
        assert probability(raw) == (None if share is None else Decimal(share))


class TestCodesAndFlags:
    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            ("USD", "USD"),
            (" eur ", "EUR"),
            ("$", None),
            ("EURO", None),
            ("E1R", None),
            ("ÄÖÜ", None),
            ("", None),
            (None, None),
        ],
    )
    def test_a_currency_has_three_letters(self, raw: str | None, code: str | None) -> None:
        assert currency(raw) == code

    @pytest.mark.parametrize(
        ("raw", "value"),
        [("true", True), ("false", False), (" TRUE ", True), ("1", None), ("", None), (None, None)],
    )
    def test_a_flag_is_true_or_false(self, raw: str | None, value: bool | None) -> None:
        assert flag(raw) is value


class TestTimestamp:
    @pytest.mark.parametrize(
        ("raw", "moment"),
        [
            ("2026-10-02T10:00:00.001Z", datetime(2026, 10, 2, 10, 0, 0, 1000, UTC)),
            ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
            ("2026-10-02T12:00:00+02:00", datetime(2026, 10, 2, 10, tzinfo=UTC)),
            ("2026-05-01T07:25:37.000+0000", datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)),
            ("2026-10-02T10:00:00", datetime(2026, 10, 2, 10, tzinfo=UTC)),
            ("2026-10-02", datetime(2026, 10, 2, tzinfo=UTC)),
            ("1759399200001", datetime(2025, 10, 2, 10, 0, 0, 1000, UTC)),
            ("-1", datetime(1969, 12, 31, 23, 59, 59, 999000, UTC)),
            ("0", datetime(1970, 1, 1, tzinfo=UTC)),
            ("20260819", datetime(1970, 1, 1, 5, 37, 40, 819000, UTC)),
            ("1612101200000", datetime(2021, 1, 31, 13, 53, 20, tzinfo=UTC)),
        ],
    )
    def test_iso_8601_and_milliseconds_are_read_as_utc(self, raw: str, moment: datetime) -> None:
        read = timestamp(raw)
        assert read == moment
        assert read is not None
        assert read.tzinfo is UTC

    @pytest.mark.parametrize(
        "raw",
        [None, "", "soon", "2026-13-01", "2026-02-30T00:00:00Z", "99999999999999999", "9" * 100_000, "12.5",
         "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "٣"],
    )  # fmt: skip
    def test_what_is_no_moment_we_can_keep_is_none(self, raw: str | None) -> None:
        assert timestamp(raw) is None

    @given(anything | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat) | st.integers().map(str))
    @settings(max_examples=200, deadline=None)
    def test_it_is_total_and_idempotent(self, raw: str) -> None:
        read = timestamp(raw)
        assert read is None or timestamp(read.isoformat()) == read


@pytest.mark.parametrize(
    "reader", [text, domain, employee_count, amount, probability, currency, flag, timestamp]
)
@given(anything)
@settings(max_examples=50, deadline=None)
def test_no_reader_ever_raises(reader: Callable[[str | None], object], raw: str) -> None:
    reader(raw)


class TestLinkedinPage:
    @pytest.mark.parametrize(
        ("page", "handle", "link"),
        [
            ("@acme", None, "https://www.linkedin.com/company/acme"),
            ("n/a", "acme", "https://www.linkedin.com/company/acme"),
            ("htps://www.linkedin.com/school/acme", None, "https://www.linkedin.com/school/acme"),
            ("LinkedIn: de.linkedin.com/company/acme", None, "https://de.linkedin.com/company/acme"),
            ("in/jane", None, "https://www.linkedin.com/in/jane"),
            ("lnkd.in/x", None, "https://lnkd.in/x"),
            ("facebook.com/acme", None, None),
            ("https://linkedin.com.acme.com/company/x", None, None),
            ("https://www.linkedin.com/feed/", None, None),
            ("unknown", "TBD", None),
            ("javascript:x//linkedin.com/company/acme", None, None),
        ],
    )
    def test_a_page_is_named_by_a_link_a_path_or_a_handle(
        self, page: str | None, handle: str | None, link: str | None
    ) -> None:
        assert linkedin_page(page, handle) == link

    @given(anything | st.builds("{}linkedin.com/{}".format, anything, anything))
    @settings(max_examples=300, deadline=None)
    def test_it_is_total_idempotent_and_a_link_to_the_web(self, raw: str) -> None:
        link = linkedin_page(raw, None)
        assert linkedin_page(link, None) == link
        assert link is None or link.lower().startswith(("https://", "http://"))


class TestSearchKey:
    @pytest.mark.parametrize(
        ("stored", "asked"),
        [
            ("Amélie", "AMELIE"),
            ("ΟΔΟΣ", "οδός"),
            ("IŞIK", "ışık"),
            ("D’Arc", "d´arc"),
            ("Łukasz Ørsted", "lukasz orsted"),
            ("A—B\u00a0 C", "a-b c"),
            ("Ac\u00adme", "acme"),
            ("ＡＣＭＥ", "acme"),
            ("شركة أحمد", "شرکة احمد"),
        ],
    )
    def test_what_a_person_types_finds_what_is_stored(self, stored: str, asked: str) -> None:
        assert search_key(stored) == search_key(asked)

    @pytest.mark.parametrize(("one", "other"), [("か", "が"), ("कि", "क"), ("กา", "ก")])
    def test_letters_are_not_taken_for_accents(self, one: str, other: str) -> None:
        assert search_key(one) != search_key(other)

    @given(st.text(st.sampled_from("aZéßøłİıŐ’–- \u00a0ΑάΣςйЁחשאكی한국전かガ株हक0"), max_size=20))
    @settings(max_examples=300, deadline=None)
    def test_a_typed_beginning_finds_the_whole(self, name: str) -> None:
        key = search_key(name)
        assert search_key(key) == key
        assert all(key.startswith(search_key(name[:end])) for end in range(len(name)))

    @given(anything)
    @settings(max_examples=300, deadline=None)
    def test_it_is_total_and_idempotent(self, raw: str) -> None:
        assert search_key(search_key(raw)) == search_key(raw)

    @pytest.mark.parametrize("asked", ["jane@mü", "JANE@MÜLLER", "jane@muller.de", "jane@xn--mller-kva.d"])
    def test_an_address_is_found_by_its_host_as_people_write_it(self, asked: str) -> None:
        assert search_email("jane@xn--mller-kva.de").startswith(search_email(asked))
