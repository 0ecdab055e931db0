"""The libraries and our own lists behind the ReferenceData port."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tldextract import TLDExtract

from astrelo.adapters.outbound.reference import RESERVED_NAMES, BundledReferenceData
from astrelo.adapters.outbound.reference.data_files import DATA

WORLD = BundledReferenceData(RESERVED_NAMES)

OUR_BUILDERS = [
    line
    for line in DATA.joinpath("site_builders.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
LIBRARY = TLDExtract(
    cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True, extra_suffixes=OUR_BUILDERS
)
SUFFIXES = sorted(suffix.lstrip("*.!") for suffix in LIBRARY.tlds)
labels = st.from_regex(r"[a-z0-9]{1,4}", fullmatch=True)


class TestHosts:
    @pytest.mark.parametrize(
        ("host", "registrable"),
        [
            ("acme.com", "acme.com"),
            ("shop.eu.acme.co.uk", "acme.co.uk"),
            ("airbnb.co.uk", "airbnb.co.uk"),
            ("acme.com.cy", "acme.com.cy"),
            ("acme.myshopify.com", "acme.myshopify.com"),
            ("www.acme.wordpress.com", "acme.wordpress.com"),
            ("acme.hs-sites.com", "acme.hs-sites.com"),
            ("acme.onmicrosoft.com", "acme.onmicrosoft.com"),
            ("mail.acme.example", "acme.example"),
            ("www.ck", "www.ck"),
            ("a.city.kawasaki.jp", "city.kawasaki.jp"),
            ("xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
            ("co.uk", None),
            ("com", None),
            ("anything.ck", None),
            ("wordpress.com", None),
            ("localhost", None),
            ("acme.unknowntld", None),
            ("k.a", None),
            ("10.0.0.1", None),
        ],
    )
    def test_the_registrable_domain_is_what_a_firm_registers(
        self, host: str, registrable: str | None
    ) -> None:
        assert WORLD.registrable_domain(host) == registrable

    @given(st.lists(labels, max_size=3), st.sampled_from(SUFFIXES))
    @settings(max_examples=300, deadline=None)
    def test_the_rules_are_applied_as_the_library_applies_them(self, before: list[str], suffix: str) -> None:
        host = ".".join([*before, suffix])
        ascii_host = WORLD.ascii_host(host)
        assert ascii_host is not None
        expected = WORLD.ascii_host(LIBRARY(host).top_domain_under_public_suffix)
        assert WORLD.registrable_domain(ascii_host) == expected

    @pytest.mark.parametrize(
        "host",
        [
            "gmail.com",
            "mail.163.com",
            "qq.com",
            "yahoo.co.uk",
            "linkedin.com",
            "uk.linkedin.com",
            "m.facebook.com",
            "instagram.com",
            "x.com",
            "twitter.com",
            "youtube.com",
            "linktr.ee",
            "bit.ly",
            "t.co",
            "sites.google.com",
            "wordpress.com",
            "wixsite.com",
            "blogspot.com",
            "co.uk",
            "10.0.0.1",
        ],
    )
    def test_a_host_of_many_is_shared(self, host: str) -> None:
        assert WORLD.is_shared(host)

    @pytest.mark.parametrize(
        "host",
        [
            "acme.com",
            "google.com",
            "acme.wordpress.com",
            "acme.blogspot.com",
            "notlinkedin.com",
            "x.com.acme.com",
        ],
    )
    def test_a_firms_own_host_is_not(self, host: str) -> None:
        assert not WORLD.is_shared(host)

    @pytest.mark.parametrize(
        "host",
        ["ezweb.ne.jp", "bluewin.ch", "t-online.hu", "kpnmail.nl", "ziggo.nl", "libero.it", "wp.pl", "seznam.cz",
         "bigpond.com", "uol.com.br", "hanmail.net", "rediffmail.com", "bk.ru", "gmx.at", "yahoo.com.ph",
         "duck.com", "mailinator.com", "blue.ocn.ne.jp", "m.weibo.com", "maps.google.com.br", "acme.medium.com"],
    )  # fmt: skip
    def test_mailboxes_and_pages_of_many_are_shared_in_every_country(self, host: str) -> None:
        assert WORLD.is_shared(host)

    @pytest.mark.parametrize(
        "host",
        ["invest.weibo.com", "pay.uol.com.br", "vodafone.com", "orange.com", "comcast.com", "starbucks.com",
         "telekom.com", "about.google.com", "proton.com"],
    )  # fmt: skip
    def test_the_firm_behind_a_shared_host_keeps_its_own_hosts(self, host: str) -> None:
        assert not WORLD.is_shared(host)

    @pytest.mark.parametrize(
        "host", ["acme.local", "n.a", "no.website", "na.na", "www.no", "nowebsite.com", "com"]
    )
    def test_a_name_under_no_suffix_and_a_word_for_none_are_no_site(self, host: str) -> None:
        assert not WORLD.is_site(host)
        assert WORLD.is_shared(host)

    def test_reserved_names_are_real_only_where_they_are_asked_for(self) -> None:
        assert WORLD.is_site("acme.test")
        assert not WORLD.is_shared("example.com")
        strict = BundledReferenceData()
        assert not strict.is_site("acme.test")
        assert strict.is_shared("example.com")

    @pytest.mark.parametrize("file_name", ["shared_hosts.txt", "site_builders.txt"])
    def test_every_listed_host_is_written_as_hosts_are_looked_up(self, file_name: str) -> None:
        lines = DATA.joinpath(file_name).read_text("utf-8").splitlines()
        listed = [line for line in lines if line and not line.startswith("#")]
        hosts = [line.removeprefix("*.").replace(".*", ".com") for line in listed]
        assert [host for host in hosts if WORLD.ascii_host(host) != host or "." not in host] == []
        assert [host for host in hosts if not WORLD.is_shared(host)] == []
        assert len(listed) == len(set(listed))

    @pytest.mark.parametrize(
        ("host", "written"),
        [("ACME.com", "acme.com"), ("straße.de", "xn--strae-oqa.de"), ("a_b.acme.com", "a_b.acme.com")],
    )
    def test_a_host_is_written_in_lower_case_ascii(self, host: str, written: str) -> None:
        assert WORLD.ascii_host(host) == written
        assert WORLD.ascii_host(written) == written

    @pytest.mark.parametrize(
        "host",
        [
            "",
            ".",
            "acme.com.",
            "-a.com",
            "a..com",
            "a b.com",
            "10.0.0.1",
            "a.b_c",
            "xn--\ud800.de",
            "ä" * 300,
        ],
    )
    def test_what_is_no_host_is_none(self, host: str) -> None:
        assert WORLD.ascii_host(host) is None
