"""Which addresses are Salesforce's: what people type, what Salesforce tells, and what only looks like it."""

import re
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
    "acme--uat.cs12.my.salesforce.com": "https://acme--uat.cs12.my.salesforce.com",
}

PASTED = {
    "https://acme.my.salesforce.com/lightning/page/home": "acme",
    "https://acme.my.salesforce.com?ec=302&startURL=%2Fhome": "acme",
    "acme.my.salesforce.com#top": "acme",
    "acme.lightning.force.com": "acme",
    " https://ACME.Lightning.Force.com/lightning/o/Account/list?filterName=Recent\n": "acme",
    "https://acme.lightning.force.com/one/one.app#" + "eyJ" * 500: "acme",
    "https://acme--sbx.sandbox.lightning.force.com/lightning/setup/SetupOneHome/home": "acme--sbx.sandbox",
    "acme-dev-ed.develop.lightning.force.com/": "acme-dev-ed.develop",
    "https://acme.my.salesforce-setup.com/lightning/setup/OrgDomain/home": "acme",
    "acme--sbx.sandbox.my.salesforce-setup.com": "acme--sbx.sandbox",
    "https://acme.my.salesforce.com/\\@evil.test": "acme",
    "https://acme.lightning.force.com//evil.test/@evil.test": "acme",
}
"""What stands in a browser's address bar, and the My Domain in it."""

PASTED_COMMON = {
    "https://login.salesforce.com/?locale=de": "https://login.salesforce.com",
    "test.salesforce.com/services/oauth2/authorize": "https://test.salesforce.com",
    "login.salesforce.com//": "https://login.salesforce.com",
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
    "lightning.force.com",
    "force.com",
    "acme.force.com",
    "acme--c.vf.force.com",
    "a.b.c.lightning.force.com",
    "acme.lightning.force.com.evil.test",
    "acme.lightning.force.com@evil.test",
    "acme.lightning.force.com\\@evil.test",
    "acme.lightning.force.com:443",
    "acme.lightning.force.com.",
    "acme.lightning.salesforce.com",
    "acme.my.force.com",
    "acme.my.salesforce-setup.com.evil.test",
    "acme.my.salesforce-setup.co",
    "my.salesforce-setup.com",
    "acme.my-salesforce.com",
    "evil.test/acme.lightning.force.com",
    "https://evil.test/?acme.lightning.force.com",
    "https://evil.test#acme.my.salesforce-setup.com/",
    "https://acme.lightning.force.com/a b",
    "https://acme.lightning.force.com/\u00e4",
    "https://acme.my.salesforce.com/" + "a" * 2_000,
    "acme.my.site.com",
    "http://login.salesforce.com",
    "ftp://login.salesforce.com",
    "//login.salesforce.com",
    "login.salesforce.com:443",
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


@pytest.mark.parametrize(("pasted", "my_domain"), PASTED.items())
def test_of_an_address_that_was_pasted_only_the_my_domain_counts(pasted: str, my_domain: str) -> None:
    assert HOSTS.login_origin(pasted) == f"https://{my_domain}.my.salesforce.com"


@pytest.mark.parametrize(("pasted", "origin"), PASTED_COMMON.items())
def test_the_common_login_pages_may_be_pasted_too(pasted: str, origin: str) -> None:
    assert HOSTS.login_origin(pasted) == origin


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
        "salesforce.com", ".my.salesforce.com", ".lightning.force.com", ".my.salesforce-setup.com", "lightning.force.com", "login.salesforce.com", "salesforce", "com", "my", "evil.test",
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


_KNOWN_SHAPE = re.compile(r"https://(login|test|[a-z0-9-]+(\.[a-z0-9-]+)?\.my)\.salesforce\.com")


@given(_ADDRESSES)
@example("https://acme.lightning.force.com/\\@evil.test")
@example("https://evil.test\\.lightning.force.com/")
def test_any_text_is_a_login_host_or_refused(address: str) -> None:
    try:
        origin = HOSTS.login_origin(address)
    except InvalidInput:
        return
    assert _KNOWN_SHAPE.fullmatch(origin)
    assert HOSTS.origin(origin) == origin
    assert HOSTS.login_origin(origin) == origin
    assert httpx.URL(origin).host == urlsplit(origin).hostname == origin.removeprefix("https://")


@given(_ADDRESSES)
@example("https://acme.lightning.force.com/\\@evil.test")
def test_whatever_is_taken_is_of_salesforce_to_every_reader_of_the_address(address: str) -> None:
    try:
        origin = HOSTS.login_origin(address)
    except InvalidInput:
        return
    told = address.strip()
    whole = told if told.lower().startswith("https://") else f"https://{told}"
    for host in (urlsplit(whole).hostname, httpx.URL(whole).host):
        assert host is not None
        label = host.removesuffix(".my.salesforce-setup.com").removesuffix(".lightning.force.com")
        assert origin in {f"https://{host}", f"https://{label}.my.salesforce.com"}


_LABELS = st.from_regex(r"\A[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?\Z")


@given(
    labels=st.lists(_LABELS, min_size=1, max_size=2),
    pages=st.sampled_from(["my.salesforce.com", "My.Salesforce-Setup.com", "lightning.force.COM"]),
    scheme=st.sampled_from(["", "https://", "HTTPS://"]),
    rest=st.from_regex(r"\A([/?#][!-~]{0,200})?\Z"),
    around=st.sampled_from(["", " ", "\t", "\n"]),
)
def test_the_address_of_any_page_of_an_org_leads_to_its_my_domain(
    labels: list[str], pages: str, scheme: str, rest: str, around: str
) -> None:
    my_domain = ".".join(labels)
    told = f"{around}{scheme}{my_domain}.{pages}{rest}{around}"
    assert HOSTS.login_origin(told) == f"https://{my_domain.lower()}.my.salesforce.com"


@given(_ADDRESSES)
def test_where_salesforce_is_played_nothing_but_loopback_is_trusted_beside_it(address: str) -> None:
    origin = PLAYED.origin(address)
    if origin is not None and HOSTS.origin(address) is None:
        assert urlsplit(origin).hostname in {"localhost", "127.0.0.1", "::1"}
        assert httpx.URL(origin).host in {"localhost", "127.0.0.1", "::1"}
