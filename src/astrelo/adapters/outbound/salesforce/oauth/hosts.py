"""Which hosts are Salesforce's, and so may receive our secrets and our customers' tokens.

Addresses are not parsed: each is matched whole, letter by letter, against the few forms that are trusted. So nothing
that browsers, libraries and servers interpret differently (users, ports, backslashes, fragments, dots at the end,
letters that only look like others) can get through. What people paste is matched more leniently than what Salesforce
sends, but of either only a host made of these letters is used, over https and at its default port.
"""

import re
from unicodedata import category

from astrelo.domain import errors

_MAX_HOST_LENGTH = 253
_MAX_ADDRESS_LENGTH = 500
_MAX_PASTED_LENGTH = 2_000
_LABEL = r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
"""Never one in punycode: no org's name has other letters, and httpx raises IDNAError for invalid punycode."""

_SALESFORCE = re.compile(rf"https://((?:{_LABEL}\.)+salesforce\.com)/?")
_ADDRESS = re.compile(
    rf"""[\s<(\[{{"'`*]*                                      # copied out of a sentence or a mail
    (?:(?:(?P<plain>http)|https)[:;]?[/\\]+|//)*+            # typed twice, or with other slashes: https is used
    (?P<host>(?:{_LABEL}\.)+[a-z]+)\.?
    (?(plain)(?::(?:443|80)?)?|(?::(?:443)?)?)
    (?:[/?#].*|[\s>)\]}}"'`*.,;:!]*)""",
    re.ASCII | re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_COMMON = re.compile(r"(?:login|test)\.salesforce\.com")
_PAGES = re.compile(
    rf"""(?:www\.)?(?P<own>{_LABEL}(?:\.{_LABEL})?)\.(?:
    my\.salesforce\.com|my\.salesforce-setup\.com|lightning\.force\.com|file\.force\.com
    |my\.site\.com|my\.salesforce-sites\.com|my\.salesforce-scrt\.com
    |(?:builder|preview|live-preview)\.salesforce-experience\.com)""",
    re.VERBOSE,
)
"""Where an org shows its pages, behind one and the same My Domain ("My Domain URL Formats" in Salesforce Help).

The My Domain is one label, or two where it is no production org: 'acme--uat.sandbox' of
'acme--uat.sandbox.my.salesforce.com'.
"""
_PACKAGES = re.compile(
    rf"""(?=[^.]{{1,63}}\.)(?P<org>{_LABEL})--[a-z0-9]+(?:-[a-z0-9]+)*(?:
    (?P<partition>\.{_LABEL})?\.(?:vf\.force|container\.force|container\.lightning|visualforce|documentforce)\.com
    |(?:\.(?:(?P<instance>cs[0-9]+|[a-z]{{3,4}}[0-9]+s)|[a-z]{{2,4}}[0-9]+))?\.(?:visual|content)\.force\.com)""",
    re.VERBOSE,
)
"""Pages and files whose host names their package too: 'acme--c', 'acme--uat--c'.

The last two are the oldest: they name the server, which only sandboxes have in their My Domain.
"""
_LOOPBACK = re.compile(r"(https?://)?((?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?)/?")
_IDENTITY = re.compile(r"(.*)/id/(00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?)/[A-Za-z0-9]{15,18}", re.ASCII)

_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Invisible characters whose Unicode category does not say so: fillers, joiners, variation selectors."""

_WHAT_TO_TYPE = (
    "enter where you sign in to Salesforce: login.salesforce.com, test.salesforce.com, or your My Domain, as in "
    "acme.my.salesforce.com; the address of any page in your Salesforce will do"
)


class SalesforceHosts:
    """Trusts loopback origins too where `login_url` is one: then Salesforce is simulated on this machine."""

    def __init__(self, login_url: str) -> None:
        """Raise InvalidInput for a `login_url` that is not one of Salesforce's login hosts."""
        match = _LOOPBACK.fullmatch(_lower_ascii(login_url))
        self._loopback = match is not None and match[1] is not None
        default = self._match_login(login_url)
        if default is None:
            raise errors.InvalidInput("login_url", f"is no login host of Salesforce: {_WHAT_TO_TYPE}")
        self._default = default

    def login_origin(self, login_host: str | None) -> str:
        """Return where a user signs in, as an origin without a slash; the default one for None.

        Addresses of an org's pages are accepted too, as copied from a browser or a mail: of these only
        the My Domain counts. Raise InvalidInput, with a sentence for the user who typed it.
        """
        if login_host is None:
            return self._default
        origin = self._match_login(login_host)
        if origin is None:
            raise errors.InvalidInput("login_host", _WHAT_TO_TYPE)
        return origin

    def _match_login(self, typed: str) -> str | None:
        address = _remove_invisible(typed) if len(typed) <= _MAX_PASTED_LENGTH else ""
        if (match := _ADDRESS.fullmatch(address)) and (host := _login_host(match["host"].lower())):
            return f"https://{host}"
        if self._loopback and (match := _LOOPBACK.fullmatch(_lower_ascii(address))):
            return f"{match[1] or 'http://'}{match[2]}"
        return None

    def origin(self, address: str | None) -> str | None:
        """Return an origin that Salesforce sent in its trusted form, without a slash; None if it is not Salesforce's."""
        address = _lower_ascii(address or "")
        if (match := _SALESFORCE.fullmatch(address)) and len(match[1]) <= _MAX_HOST_LENGTH:
            return f"https://{match[1]}"
        if self._loopback and (match := _LOOPBACK.fullmatch(address)) and match[1]:
            return f"{match[1]}{match[2]}"
        return None

    def organization(self, identity_url: str | None) -> str | None:
        """Return the org's id, of 15 or 18 characters, from an identity URL; None if it is not Salesforce's."""
        url = identity_url or ""
        match = _IDENTITY.fullmatch(url) if len(url) <= _MAX_ADDRESS_LENGTH else None
        return match[2] if match and self.origin(match[1]) else None


def _login_host(host: str) -> str | None:
    """Return the host where the users of a page's org sign in; None for other pages."""
    if _COMMON.fullmatch(host):
        return host
    if page := _PAGES.fullmatch(host):
        login = f"{page['own']}.my.salesforce.com"
    elif (page := _PACKAGES.fullmatch(host)) and (page["partition"] != ".sandbox" or "--" in page["org"]):
        server = page["partition"] or (f".{page['instance']}" if page["instance"] else "")
        login = f"{page['org']}{server}.my.salesforce.com"
    else:
        return None
    return login if len(login) <= _MAX_HOST_LENGTH else None


def _remove_invisible(typed: str) -> str:
    """Remove invisible characters, and blanks around: they are copied along with an address."""
    return "".join(
        char for char in typed if category(char) not in {"Cc", "Cf"} and not _INVISIBLE.match(char)
    ).strip()


def _lower_ascii(address: str) -> str:
    # Before lowering: the Kelvin sign would become a plain k.
    return address.lower() if address.isascii() and len(address) <= _MAX_ADDRESS_LENGTH else ""
