"""Which addresses are Salesforce's: what people type, what Salesforce tells, and what only looks like it."""

from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from astrelo.adapters.outbound.salesforce.hosts import SalesforceHosts
from astrelo.domain.errors import InvalidInput

HOSTS = SalesforceHosts("https://login.salesforce.com")
PLAYED = SalesforceHosts("http://127.0.0.1:8300")

LOGIN_HOSTS = {
    "login.salesforce.com": "https://login.salesforce.com",
    "https://test.salesforce.com": "https://test.salesforce.com",
    "https://test.salesforce.com/": "https://test.salesforce.com",
    "  HTTPS://ACME.My.Salesforce.com/ \n": "https://acme.my.salesforce.com",
    "acme-2.my.salesforce.com/": "https://acme-2.my.salesforce.com",
    "acme--uat.sandbox.my.salesforce.com": "https://acme--uat.sandbox.my.salesforce.com",
    "acme-dev-ed.develop.my.salesforce.com": "https://acme-dev-ed.develop.my.salesforce.com",
}

NO_LOGIN_HOSTS = [
    "",
    " ",
    "acme",
    "my.salesforce.com",
    ".my.salesforce.com",
    "salesforce.com",
    "www.salesforce.com",
    "na1.salesforce.com",
    "acme.lightning.force.com",
    "acme.my.site.com",
    "http://login.salesforce.com",
    "ftp://login.salesforce.com",
    "//login.salesforce.com",
    "login.salesforce.com:443",
    "login.salesforce.com/services",
    "login.salesforce.com//",
    "a.b.c.my.salesforce.com",
    "127.0.0.1:8300",
    "http://localhost:8300",
]

TRICKS = [
    "https://acme.my.salesforce.com.evil.test",
    "https://evil.test#.salesforce.com",
    "https://evil.test?.salesforce.com",
    "https://evil.test/.salesforce.com",
    "https://evil.test\\.salesforce.com",
    "https://evil.test\\@acme.my.salesforce.com",
    "https://acme.my.salesforce.com\\@evil.test",
    "https://acme.my.salesforce.com@evil.test",
    "https://a@acme.my.salesforce.com",
    "https://a:b@acme.my.salesforce.com",
    "https://acme.my.salesforce.com:443",
    "https://acme.my.salesforce.com:",
    "https://acme.my.salesforce.com.",
    "https://acme.my.salesforce.com\u3002",
    "https://acme.my.salesforce\u3002com",
    "https://acme.my.sale\u017fforce.com",
    "https://acme.my.\u0455alesforce.com",
    "https://\u212aelvin.my.salesforce.com",
    "https://acme.my.salesforce.\uff43om",
    "https://acme.my.salesforce.com\n",
    "https://acme.my.salesforce.com\n.evil.test",
    "https://acme.my.salesforce.com%2eevil.test",
    "https://evil.test%2f.salesforce.com",
    "https://evil.test%00.salesforce.com",
    "https://evil.test\0.salesforce.com",
    "https://evil.test\t.salesforce.com",
    "https://evil .salesforce.com",
    "https://evilsalesforce.com",
    "https://evil-salesforce.com",
    "https://acme.my.salesforce.co",
    "https://-.salesforce.com",
    "https://..salesforce.com",
    "https://.salesforce.com",
    "https://salesforce.com",
    "https:///acme.my.salesforce.com",
    "https:acme.my.salesforce.com",
    "https://127.0.0.1",
    "https://[::1]",
    "https://2130706433",
    "http://acme.my.salesforce.com",
    "javascript://acme.my.salesforce.com/",
    "https://" + "a" * 64 + ".salesforce.com",
    "https://" + "a." * 120 + "salesforce.com",
    "https://" + "a." * 100_000 + "salesforce.com",
]

LOOPBACK_TRICKS = [
    "http://127.0.0.1.evil.test",
    "http://127.0.0.1:80@evil.test",
    "http://localhost.evil.test",
    "http://localhost:8300.evil.test",
    "http://evil.test#localhost",
    "http://localhost:8300/path",
    "http://localhost:\u0661",
    "http://0.0.0.0:8300",
    "http://169.254.169.254",
    "localhost:8300",
]


@pytest.mark.parametrize(("typed", "origin"), LOGIN_HOSTS.items())
def test_people_may_type_a_login_host_as_they_see_it(typed: str, origin: str) -> None:
    assert HOSTS.login_origin(typed) == origin
    assert HOSTS.login_origin(origin) == origin


@pytest.mark.parametrize("typed", [*NO_LOGIN_HOSTS, *(trick for trick in TRICKS if trick == trick.strip())])
def test_what_is_no_login_host_is_refused_with_a_sentence_that_says_what_to_type(typed: str) -> None:
    with pytest.raises(InvalidInput, match=r"acme\.my\.salesforce\.com") as refusal:
        HOSTS.login_origin(typed)
    assert refusal.value.field == "login_host"
    assert len(str(refusal.value)) < 300


def test_who_names_no_host_signs_in_at_the_configured_one() -> None:
    assert SalesforceHosts("https://Test.salesforce.com/").login_origin(None) == "https://test.salesforce.com"
    assert PLAYED.login_origin(None) == "http://127.0.0.1:8300"


@pytest.mark.parametrize(
    "login_url", ["", "salesforce", "https://evil.test", "http://login.salesforce.com", "http://10.0.0.1:80"]
)
def test_a_configured_login_url_that_is_none_is_refused_at_the_start(login_url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        SalesforceHosts(login_url)
    assert refusal.value.field == "login_url"


@pytest.mark.parametrize(
    ("told", "origin"),
    [
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://Acme--UAT.sandbox.my.salesforce.com/", "https://acme--uat.sandbox.my.salesforce.com"),
        ("https://na139.salesforce.com", "https://na139.salesforce.com"),
    ],
)
def test_an_instance_may_be_any_host_of_salesforces(told: str, origin: str) -> None:
    assert HOSTS.origin(told) == origin


@pytest.mark.parametrize("hosts", [HOSTS, PLAYED], ids=["in earnest", "played"])
@pytest.mark.parametrize("told", [*TRICKS, *LOOPBACK_TRICKS, "acme.my.salesforce.com", "", None])
def test_no_trick_makes_another_host_salesforces(hosts: SalesforceHosts, told: str | None) -> None:
    if hosts is PLAYED and told in {"https://127.0.0.1", "https://[::1]"}:
        assert hosts.origin(told) == told
        return
    assert hosts.origin(told) is None


@pytest.mark.parametrize(
    "told", ["http://localhost:8300", "http://127.0.0.1:9", "https://[::1]:65535", "http://localhost"]
)
def test_loopback_is_trusted_where_the_configured_login_is_played_on_it_and_only_there(told: str) -> None:
    assert PLAYED.origin(told) == told
    assert PLAYED.login_origin(told) == told
    assert HOSTS.origin(told) is None
    with pytest.raises(InvalidInput):
        HOSTS.login_origin(told)


def test_a_played_login_host_may_be_typed_without_its_scheme() -> None:
    assert PLAYED.login_origin("localhost:8300") == "http://localhost:8300"


@pytest.mark.parametrize(
    ("told", "organization"),
    [
        ("https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA", "00D000000000001AAA"),
        ("https://acme.my.salesforce.com/id/00D000000000001/005000000000001", "00D000000000001"),
        ("https://login.salesforce.com.evil.test/id/00D000000000001AAA/005000000000001AAA", None),
        ("https://evil.test#.salesforce.com/id/00D000000000001AAA/005000000000001AAA", None),
        ("https://login.salesforce.com/id/001000000000001AAA/005000000000001AAA", None),
        ("https://login.salesforce.com/id/00D000000000001AA/005000000000001AAA", None),
        ("https://login.salesforce.com/id/00D000000000001AAA/", None),
        ("https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA?x", None),
        ("https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA\n", None),
        ("https://login.salesforce.com/" + "id/" * 100_000 + "00D000000000001AAA/005000000000001AAA", None),
        (None, None),
    ],
)
def test_an_identity_url_tells_the_org_if_it_is_salesforces(
    told: str | None, organization: str | None
) -> None:
    assert HOSTS.organization(told) == organization


_PIECES = st.sampled_from(
    [
        "https://", "http://", "//", "/", "\\", "@", ":", ":443", "#", "?", "%2e", "%00", ".", "..", "-", " ", "\n",
        "salesforce.com", ".my.salesforce.com", "login.salesforce.com", "salesforce", "com", "my", "evil.test",
        "localhost", "127.0.0.1", "[::1]", "xn--", "\u3002", "\u212a", "\u017f", "\uff0e", "a", "acme", "A", "0",
    ]
)  # fmt: skip
_ADDRESSES = st.one_of(st.text(), st.lists(_PIECES, max_size=8).map("".join))


@given(_ADDRESSES)
@example("https://acme.my.salesforce.com\\@evil.test")
def test_whatever_is_trusted_leads_every_reader_to_salesforce(address: str) -> None:
    origin = HOSTS.origin(address)
    if origin is None:
        return
    for host in (urlsplit(origin).hostname, httpx.URL(origin).host, httpx.URL(address).host):
        assert host is not None
        assert host.endswith(".salesforce.com")
    assert origin == f"https://{httpx.URL(origin).host}"
    assert HOSTS.origin(origin) == origin


@given(_ADDRESSES)
def test_any_text_is_a_login_host_or_refused(address: str) -> None:
    try:
        origin = HOSTS.login_origin(address)
    except InvalidInput:
        return
    assert HOSTS.origin(origin) == origin
    assert HOSTS.login_origin(origin) == origin


@given(_ADDRESSES)
def test_where_salesforce_is_played_nothing_but_loopback_is_trusted_beside_it(address: str) -> None:
    origin = PLAYED.origin(address)
    if origin is not None and HOSTS.origin(address) is None:
        assert urlsplit(origin).hostname in {"localhost", "127.0.0.1", "::1"}
        assert httpx.URL(origin).host in {"localhost", "127.0.0.1", "::1"}
