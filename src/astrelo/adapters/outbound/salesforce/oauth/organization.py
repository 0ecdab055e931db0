"""Which org a new grant opens: its id, its name, its time zone, its currency. And who granted it."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeVar
from urllib.parse import quote

from astrelo.adapters.outbound.crm.decoding import Decoder, TolerantDecoder, code_word
from astrelo.adapters.outbound.crm.http import HttpClient, Reply
from astrelo.adapters.outbound.crm.oauth import (
    MAX_ACCOUNT_NAME_LENGTH,
    MAX_USER_NAME_LENGTH,
    SUCCESS,
    decode_reply,
    transient,
)
from astrelo.adapters.outbound.crm.transient_errors import passes_by_itself
from astrelo.adapters.outbound.salesforce.api.error_mapper import (
    WHO_CAN_ADMIT_US,
    daily_limit_reached,
    first_error,
)
from astrelo.adapters.outbound.salesforce.config import API_VERSION
from astrelo.adapters.outbound.salesforce.oauth.wire import CurrencyRows, OrganizationRows, UserInfo
from astrelo.domain.connection import CrmAccount
from astrelo.domain.errors import CrmError, CrmRejected, CrmUnavailable, GrantRejected
from astrelo.domain.identifiers import CrmAccountId, Provider
from astrelo.domain.normalization import currency, text, truncate_text

T = TypeVar("T")

_USER = Decoder(UserInfo, Provider.SALESFORCE)
_ORGANIZATION = TolerantDecoder(OrganizationRows, Provider.SALESFORCE)
_CURRENCIES = TolerantDecoder(CurrencyRows, Provider.SALESFORCE)
_NAME_QUERY = "SELECT Name, TimeZoneSidKey FROM Organization"
_CURRENCY_QUERY = "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true"
_SHORT_ID = 15
_NOT_ALLOWED = frozenset({400, 403})
_NO_SUCH_VERSION = frozenset({404, 410})
_REFUSED_TOKEN = frozenset({401, 403})


def unnamed(organization_id: str) -> CrmAccount:
    """Return an org of which nothing may be read."""
    return CrmAccount(account_id=CrmAccountId(organization_id), name=f"Salesforce org {organization_id}")


class OpenedOrg(NamedTuple):
    account: CrmAccount
    username: str | None = None
    """Of the user who granted it."""


class OrganizationReader:
    """Asks an org about itself with one access token. Every call is made once."""

    def __init__(self, http_client: HttpClient, api_url: str, access_token: str, now: datetime) -> None:
        self._http_client = http_client
        self._api_url = api_url
        self._headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        self._now = now

    async def opened(self, expected: str) -> OpenedOrg:
        """Return the org, which must be the one that the tokens came with, told by 15 or 18 characters, and its user.

        Name and time zone need a permission that not every user has. The currency is that in which amounts
        without one are told; orgs with a single currency do not tell it.
        """
        user = await self._user()
        organization_id = user.organization_id
        if organization_id[:_SHORT_ID] != expected[:_SHORT_ID]:
            reason = f"the tokens are for org {expected}, its user is of {organization_id}"
            raise CrmRejected(Provider.SALESFORCE, 200, reason)
        named = await self._rows(_NAME_QUERY, _ORGANIZATION)
        currencies = await self._rows(_CURRENCY_QUERY, _CURRENCIES)
        org = named.records[0] if named and named.records else None
        corporate = currencies.records[0].iso_code if currencies and currencies.records else None
        unread = unnamed(organization_id)
        account = CrmAccount(
            account_id=unread.account_id,
            name=(truncate_text(org.name, MAX_ACCOUNT_NAME_LENGTH) if org else None) or unread.name,
            currency=currency(corporate),
            time_zone=text(org.time_zone_sid_key) if org else None,
        )
        return OpenedOrg(account, truncate_text(user.preferred_username, MAX_USER_NAME_LENGTH))

    async def _user(self) -> UserInfo:
        reply = await self._get("/services/oauth2/userinfo")
        if reply.status in _REFUSED_TOKEN:
            reason = f"the new token does not tell its user (HTTP {reply.status}); {WHO_CAN_ADMIT_US}"
            raise GrantRejected(Provider.SALESFORCE, reason)
        if reply.status not in SUCCESS:
            raise self._trouble(reply)
        return decode_reply(reply, _USER, Provider.SALESFORCE)

    async def _rows(self, query: str, decode: Callable[[bytes], T]) -> T | None:
        reply = await self._get(f"/services/data/v{API_VERSION}/query?q={quote(query)}")
        if reply.status in SUCCESS:
            return decode_reply(reply, decode, Provider.SALESFORCE)
        trouble = self._trouble(reply)
        if reply.status in _NOT_ALLOWED and isinstance(trouble, CrmRejected):
            return None
        raise trouble

    async def _get(self, path: str) -> Reply:
        return await self._http_client.send("GET", self._api_url + path, self._headers)

    def _trouble(self, reply: Reply) -> CrmError:
        code = code_word(first_error(reply).error_code) or f"HTTP {reply.status}"
        if passing := transient(reply, self._now, Provider.SALESFORCE):
            return passing
        if code == "REQUEST_LIMIT_EXCEEDED":
            return daily_limit_reached(code)
        if reply.is_html:
            return CrmUnavailable(Provider.SALESFORCE, f"a page of HTML (HTTP {reply.status})")
        if passes_by_itself(reply.status):
            return CrmUnavailable(Provider.SALESFORCE, f"HTTP {reply.status}")
        if reply.status in _NO_SUCH_VERSION:
            code = f"{code}: the org does not offer version {API_VERSION} of the API"
        return CrmRejected(Provider.SALESFORCE, reply.status, code)
