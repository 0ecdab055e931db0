"""Which addresses are Salesforce's: what people type, what Salesforce reports, and what only looks like it."""

import re
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from astrelo.adapters.outbound.salesforce.oauth.hosts import SalesforceHosts
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

PAGES_OF_OTHER_KINDS = {
    "https://globex--c.vf.force.com/apex/Invoice?id=001": "globex",
    "globex--sbqq.vf.force.com": "globex",
    "globex-eu--my-ns.vf.force.com/": "globex-eu",
    "https://globex--uat--c.sandbox.vf.force.com/apex/Invoice": "globex--uat.sandbox",
    "globex-dev-ed--c.develop.vf.force.com": "globex-dev-ed.develop",
    "https://ruby-dune-4711-dev-ed--c.scratch.vf.force.com": "ruby-dune-4711-dev-ed.scratch",
    "brave-otter-12ab.trailblaze.lightning.force.com": "brave-otter-12ab.trailblaze",
    "https://globex.file.force.com/sfc/dist/version/download/?oid=00D": "globex",
    "globex--uat.sandbox.file.force.com": "globex--uat.sandbox",
    "https://globex.my.site.com/help/s/": "globex",
    "globex.my.salesforce-sites.com": "globex",
    "https://globex.builder.salesforce-experience.com/": "globex",
    "globex--uat.sandbox.live-preview.salesforce-experience.com": "globex--uat.sandbox",
    "globex.my.salesforce-scrt.com": "globex",
    "https://globex--c.visualforce.com/apex/Invoice": "globex",
    "https://globex--uat--c.visualforce.com": "globex--uat",
    "https://globex--c.documentforce.com/sfc": "globex",
    "globex--c.eu12.visual.force.com": "globex",
    "globex--uat--c.cs88.visual.force.com": "globex--uat.cs88",
    "globex--uat--c.deu5s.content.force.com": "globex--uat.deu5s",
    "globex--c.container.lightning.com": "globex",
    "www.globex.my.salesforce.com": "globex",
}
"""Visualforce, files, sites, and what orgs had before enhanced domains."""

COPIED = {
    "http://globex.my.salesforce.com": "globex",
    "HTTP://Globex.My.Salesforce.Com:80/": "globex",
    "http://globex.my.salesforce.com:443": "globex",
    "https://globex.lightning.force.com:443/lightning/page/home": "globex",
    "globex.lightning.force.com:443": "globex",
    "globex.my.salesforce.com:": "globex",
    "globex.lightning.force.com.": "globex",
    "https://globex.my.salesforce.com.:443/x": "globex",
    "https://globex.my.salesforce.com./x": "globex",
    "//globex.my.salesforce.com/x": "globex",
    "https:///globex.my.salesforce.com": "globex",
    "http:\\\\globex.my.salesforce.com": "globex",
    "http//globex.my.salesforce.com": "globex",
    "https:/globex.my.salesforce.com": "globex",
    "https://https://globex.my.salesforce.com": "globex",
    "<https://globex.my.salesforce.com>": "globex",
    "(globex.my.salesforce.com).": "globex",
    "'globex.my.salesforce.com',": "globex",
    '"https://globex.my.salesforce.com/";': "globex",
    "[ globex.my.salesforce.com ]": "globex",
    "\u00a0globex.my.salesforce.com\u3000": "globex",
    "\ufeffhttps://globex.my.salesforce.com": "globex",
    "globex\u00ad.my\u200b.salesforce\u2060.com\u200e": "globex",
    "\u202ahttps://globex.my.salesforce.com\u202c": "globex",
    "globex.my.salesforce.com\0": "globex",
    "globex.my.sales\nforce.com": "globex",
    "globex.my.salesforce.com\ufe0f": "globex",
    "https://globex.lightning.force.com/a b": "globex",
    "https://globex.lightning.force.com/lightning/o/L\u00e4nder/list": "globex",
    "https://globex.my.salesforce.com/?un=j\u00f6rg\ud800": "globex",
    "https://globex.my.salesforce.com/\n": "globex",
}
"""The same as it comes out of mails, documents and other programs."""

PUNYCODE = [
    "xn--ab.my.salesforce.com",
    "https://xn--a.my.salesforce.com",
    "XN--AB.my.salesforce.com",
    "xn--bcher-kva.my.salesforce.com",
    "globex.xn--ab.my.salesforce.com",
    "xn--a--c.vf.force.com",
    "globex--c.xn--ab.vf.force.com",
    "xn--ab.lightning.force.com/",
    "xn--.my.salesforce.com",
    "xn--99999999999999999999.my.salesforce.com",
]
"""Names in punycode, most of which no library decodes; no org has one."""

PASTED_COMMON = {
    "http://login.salesforce.com": "https://login.salesforce.com",
    "login.salesforce.com:443": "https://login.salesforce.com",
    "//test.salesforce.com": "https://test.salesforce.com",
    "https://login.salesforce.com/?locale=de": "https://login.salesforce.com",
    "test.salesforce.com/services/oauth2/authorize": "https://test.salesforce.com",
    "login.salesforce.com//": "https://login.salesforce.com",
}

NO_LOGIN_HOSTS = [
    *PUNYCODE,
    "vf.force.com",
    "c.vf.force.com",
    "acme.vf.force.com",
    "--c.vf.force.com",
    "acme--.vf.force.com",
    "acme---c.vf.force.com",
    "acme--c.sandbox.vf.force.com",
    "c.na35.visual.force.com",
    "acme--c.vf.force.com.evil.test",
    "acme--c.vf.force.com@evil.test",
    "evil.test/acme--c.vf.force.com",
    "acme--c.vf.force.com:8443",
    "acme--c.visual.force.com.evil.test",
    "acme--c.evilvf.force.com",
    "site.com",
    "acme.site.com",
    "acme.secure.force.com",
    "http://acme.my.salesforce.com:8080",
    "https://acme.my.salesforce.com:80",
    "acme.my.salesforce.com:80",
    "acme.my.salesforce.com:4430",
    "acme.my.salesforce.com:0443",
    "acme.my.salesforce.com:443@evil.test",
    "http://user:pw@acme.my.salesforce.com",
    "mailto:jane@acme.my.salesforce.com",
    "http://evil.test/http://acme.my.salesforce.com",
    "http://evil.test http://acme.my.salesforce.com",
    "http://evil.test,acme.my.salesforce.com",
    "http://evil.test\u200b/.my.salesforce.com",
    "https://\uff41cme.my.salesforce.com",
    "acme.my.salesforce.com and acme.lightning.force.com",
    "acme.my..salesforce.com",
    "data:text/html,acme.my.salesforce.com",
    "\u200b" * 10_000_000,
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
    "a.b.c.lightning.force.com",
    "acme.lightning.force.com.evil.test",
    "acme.lightning.force.com@evil.test",
    "acme.lightning.force.com\\@evil.test",
    "acme.lightning.salesforce.com",
    "acme.my.force.com",
    "acme.my.salesforce-setup.com.evil.test",
    "acme.my.salesforce-setup.co",
    "my.salesforce-setup.com",
    "acme.my-salesforce.com",
    "evil.test/acme.lightning.force.com",
    "https://evil.test/?acme.lightning.force.com",
    "https://evil.test#acme.my.salesforce-setup.com/",
    "https://acme.my.salesforce.com/" + "a" * 2_000,
    "ftp://login.salesforce.com",
    "a.b.c.my.salesforce.com",
    "127.0.0.1:8300",
    "http://localhost:8300",
]

NOT_AS_SALESFORCE_REPORTS_IT = [
    "https://acme.my.salesforce.com:443",
    "https://acme.my.salesforce.com:",
    "https://acme.my.salesforce.com.",
    "https:///acme.my.salesforce.com",
    "http://acme.my.salesforce.com",
    "\u200bhttps://acme.my.salesforce.com",
]
"""What people may type all the same."""

TRICKS = [
    *(
        f"https://{host}"
        for host in ("xn--ab.my.salesforce.com", "a.xn--a.salesforce.com", "xn--bcher-kva.salesforce.com")
    ),
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
    "https:acme.my.salesforce.com",
    "https://127.0.0.1",
    "https://[::1]",
    "https://2130706433",
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


@pytest.mark.parametrize(("pasted", "my_domain"), (PASTED | PAGES_OF_OTHER_KINDS | COPIED).items())
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
    assert SalesforceHosts("http://login.salesforce.com").login_origin(None) == "https://login.salesforce.com"
    assert PLAYED.login_origin(None) == "http://127.0.0.1:8300"


@pytest.mark.parametrize(
    "login_url",
    ["", "salesforce", "https://evil.test", "http://10.0.0.1:80", "https://xn--ab.my.salesforce.com"],
)
def test_a_configured_login_url_that_is_none_is_refused_at_the_start(login_url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        SalesforceHosts(login_url)
    assert refusal.value.field == "login_url"


@pytest.mark.parametrize(
    ("raw", "origin"),
    [
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://Acme--UAT.sandbox.my.salesforce.com/", "https://acme--uat.sandbox.my.salesforce.com"),
        ("https://na139.salesforce.com", "https://na139.salesforce.com"),
    ],
)
def test_an_instance_may_be_any_host_of_salesforces(raw: str, origin: str) -> None:
    assert HOSTS.origin(raw) == origin


@pytest.mark.parametrize("hosts", [HOSTS, PLAYED], ids=["in earnest", "played"])
@pytest.mark.parametrize(
    "raw", [*TRICKS, *NOT_AS_SALESFORCE_REPORTS_IT, *LOOPBACK_TRICKS, "acme.my.salesforce.com", "", None]
)
def test_no_trick_makes_another_host_salesforces(hosts: SalesforceHosts, raw: str | None) -> None:
    if hosts is PLAYED and raw in {"https://127.0.0.1", "https://[::1]"}:
        assert hosts.origin(raw) == raw
        return
    assert hosts.origin(raw) is None


@pytest.mark.parametrize(
    "raw", ["http://localhost:8300", "http://127.0.0.1:9", "https://[::1]:65535", "http://localhost"]
)
def test_loopback_is_trusted_where_the_configured_login_is_played_on_it_and_only_there(raw: str) -> None:
    assert PLAYED.origin(raw) == raw
    assert PLAYED.login_origin(raw) == raw
    assert HOSTS.origin(raw) is None
    with pytest.raises(InvalidInput):
        HOSTS.login_origin(raw)


def test_a_played_login_host_may_be_typed_without_its_scheme() -> None:
    assert PLAYED.login_origin("localhost:8300") == "http://localhost:8300"


@pytest.mark.parametrize(
    ("raw", "organization"),
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
def test_an_identity_url_names_the_org_if_it_is_salesforces(
    raw: str | None, organization: str | None
) -> None:
    assert HOSTS.organization(raw) == organization


_PIECES = st.sampled_from(
    [
        "https://", "http://", "//", "/", "\\", "@", ":", ":443", "#", "?", "%2e", "%00", ".", "..", "-", " ", "\n",
        "salesforce.com", ".my.salesforce.com", ".lightning.force.com", ".my.salesforce-setup.com", "lightning.force.com", "login.salesforce.com", "salesforce", "com", "my", "evil.test",
        "localhost", "127.0.0.1", "[::1]", "xn--", "xn--ab", "--c", ".vf.force.com", ".sandbox", "<", ")", "\u200b", "\u3002", "\u212a", "\u017f", "\uff0e", "a", "acme", "A", "0",
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
@example("http:\\\\acme--c.vf.force.com.:80/\\@evil.test")
def test_whatever_is_taken_is_of_salesforce_to_every_reader_of_the_address(address: str) -> None:
    """What stands in front of the path ends in a domain of Salesforce's, and names no user."""
    try:
        origin = HOSTS.login_origin(address)
    except InvalidInput:
        return
    behind_scheme = re.sub(r"^[^a-zA-Z0-9]*(https?:?[/\\]+|//)*", "", re.sub(r"[^!-~]", "", address))
    front = re.split(r"[/?#\\]", behind_scheme, maxsplit=1)[0]
    shown = front.rstrip(":.,;!)>]}`*\"'0483").lower()
    assert "@" not in front
    assert shown.endswith(
        ("salesforce.com", ".force.com", ".site.com", "salesforce-setup.com", "-sites.com", "-scrt.com")
    )
    assert origin.removeprefix("https://").split(".")[0] in shown


@given(_ADDRESSES)
@example("xn--ab.my.salesforce.com")
@example("https://xn--a--c.vf.force.com/")
def test_a_request_can_be_made_to_whatever_is_taken(address: str) -> None:
    for hosts in (HOSTS, PLAYED):
        try:
            origins = [hosts.login_origin(address), hosts.origin(address)]
        except InvalidInput:
            origins = [hosts.origin(address)]
        for origin in filter(None, origins):
            request = httpx.Request("GET", f"{origin}/services/oauth2/token")
            assert str(request.url).startswith(origin)


_LABELS = st.from_regex(r"\A(?![xX][nN]--)[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?\Z")


@given(
    labels=st.lists(_LABELS, min_size=1, max_size=2),
    pages=st.sampled_from(
        [
            "my.salesforce.com",
            "My.Salesforce-Setup.com",
            "lightning.force.COM",
            "file.force.com",
            "my.site.com",
        ]
    ),
    scheme=st.sampled_from(["", "https://", "HTTPS://", "http://", "//", "https:\\\\", "http://https://"]),
    dot=st.sampled_from(["", "."]),
    port=st.sampled_from(["", ":", ":443"]),
    rest=st.from_regex(r"\A([/?#][^\n]{0,200})?\Z"),
    around=st.sampled_from(["", " ", "\t", "\n", "\u200b", "\ufeff\u00a0"]),
)
def test_the_address_of_any_page_of_an_org_leads_to_its_my_domain(
    labels: list[str], pages: str, scheme: str, dot: str, port: str, rest: str, around: str
) -> None:
    my_domain = ".".join(labels)
    assume(labels[0].lower() != "www")
    raw = f"{around}{scheme}{my_domain}.{pages}{dot}{port}{rest}{around}"
    assert HOSTS.login_origin(raw) == f"https://{my_domain.lower()}.my.salesforce.com"


@given(
    org=_LABELS.filter(lambda label: "--" not in label),
    sandbox=_LABELS.filter(lambda label: "--" not in label) | st.none(),
    package=st.from_regex(r"\A[a-z][a-z0-9]{0,14}\Z"),
)
def test_a_package_in_front_of_the_host_is_no_part_of_the_my_domain(
    org: str, sandbox: str | None, package: str
) -> None:
    assume(org.lower() not in {"www", "xn"})
    my_domain, partition = (org, "") if sandbox is None else (f"{org}--{sandbox}", ".sandbox")
    raw = f"{my_domain}--{package}{partition}.vf.force.com"
    assume(len(raw.partition(".")[0]) <= 63)
    assert HOSTS.login_origin(raw) == f"https://{my_domain.lower()}{partition}.my.salesforce.com"


@given(_ADDRESSES)
def test_where_salesforce_is_played_nothing_but_loopback_is_trusted_beside_it(address: str) -> None:
    origin = PLAYED.origin(address)
    if origin is not None and HOSTS.origin(address) is None:
        assert urlsplit(origin).hostname in {"localhost", "127.0.0.1", "::1"}
        assert httpx.URL(origin).host in {"localhost", "127.0.0.1", "::1"}
