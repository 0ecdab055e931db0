"""Which hosts are Salesforce's, and so may see our secrets and our customers' tokens.

Nothing here is parsed: an address is matched whole, letter by letter, against the few shapes that are trusted. What
browsers, libraries and servers read differently (users, ports, backslashes, fragments, dots at the end, letters that
only look like others) then has no room to hide in.
"""

import re

from astrelo.domain.errors import InvalidInput

_LONGEST_HOST = 253
_LONGEST_ADDRESS = 500
_LONGEST_PASTED = 2_000
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SALESFORCE = re.compile(rf"https://((?:{_LABEL}\.)+salesforce\.com)/?")
_MY_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})?"
"""One label, or two where it is no production org: 'acme--uat.sandbox' of 'acme--uat.sandbox.my.salesforce.com'."""
_PAGES = r"(?:my\.salesforce\.com|my\.salesforce-setup\.com|lightning\.force\.com)"
"""Where an org shows its pages, behind one and the same My Domain ("My Domain URL Formats" in Salesforce Help)."""
_LOGIN = re.compile(
    rf"(?:https://)?(?:(?P<common>login|test)\.salesforce\.com|(?P<own>{_MY_DOMAIN})\.{_PAGES})(?:[/?#][\x21-\x7e]*)?"
)
_LOOPBACK = re.compile(r"(https?://)?((?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?)/?")
_IDENTITY = re.compile(r"(.*)/id/(00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?)/[A-Za-z0-9]{15,18}", re.ASCII)

_WHAT_TO_TYPE = (
    "enter where you sign in to Salesforce: login.salesforce.com, test.salesforce.com, or your My Domain, as in "
    "acme.my.salesforce.com; the address of any page in your Salesforce will do"
)


class SalesforceHosts:
    """Loopback origins are trusted too where `login_url` is one: then Salesforce is played on this machine."""

    def __init__(self, login_url: str) -> None:
        """Raise InvalidInput for a `login_url` that is none of Salesforce's login hosts."""
        self._loopback = _is_loopback(login_url)
        default = self._login(login_url)
        if default is None:
            raise InvalidInput("login_url", f"is no login host of Salesforce: {_WHAT_TO_TYPE}")
        self._default = default

    def login_origin(self, told: str | None) -> str:
        """Return where a user signs in, as an origin without a slash; the default one for None.

        Taken are also addresses of an org's pages, as they stand in a browser: of these only the My Domain counts.
        Raises InvalidInput, with a sentence for the person who typed it.
        """
        if told is None:
            return self._default
        origin = self._login(told.strip())
        if origin is None:
            raise InvalidInput("login_host", _WHAT_TO_TYPE)
        return origin

    def _login(self, told: str) -> str | None:
        address = _lowered(told, _LONGEST_PASTED)
        if match := _LOGIN.fullmatch(address):
            host = f"{match['common'] or match['own'] + '.my'}.salesforce.com"
            return f"https://{host}" if len(host) <= _LONGEST_HOST else None
        if self._loopback and (match := _LOOPBACK.fullmatch(address)):
            return f"{match[1] or 'http://'}{match[2]}"
        return None

    def origin(self, told: str | None) -> str | None:
        """Return an origin that Salesforce told as it is to be used, without a slash; None if none of its own."""
        address = _lowered(told or "")
        if (match := _SALESFORCE.fullmatch(address)) and len(match[1]) <= _LONGEST_HOST:
            return f"https://{match[1]}"
        if self._loopback and (match := _LOOPBACK.fullmatch(address)) and match[1]:
            return f"{match[1]}{match[2]}"
        return None

    def organization(self, identity_url: str | None) -> str | None:
        """Return the org's id, of 15 or 18 characters, out of an identity URL; None if it is none of theirs."""
        told = identity_url or ""
        match = _IDENTITY.fullmatch(told) if len(told) <= _LONGEST_ADDRESS else None
        return match[2] if match and self.origin(match[1]) else None


def _lowered(address: str, longest: int = _LONGEST_ADDRESS) -> str:
    # Before lowering: the Kelvin sign would become a plain k.
    return address.lower() if address.isascii() and len(address) <= longest else ""


def _is_loopback(login_url: str) -> bool:
    match = _LOOPBACK.fullmatch(_lowered(login_url))
    return match is not None and match[1] is not None
