"""Read the org of a new grant: its id, name, time zone and currency. And the user who granted it."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from astrelo.adapters.outbound.crm import decoding, http, oauth, transient_errors
from astrelo.adapters.outbound.salesforce.api import error_mapper
from astrelo.adapters.outbound.salesforce.config import API_VERSION
from astrelo.domain import errors
from astrelo.domain.connection import CrmAccount
from astrelo.domain.identifiers import CrmAccountId, Provider
from astrelo.domain.normalization import currency, text, truncate_text


class UserInfo(msgspec.Struct, frozen=True):
    organization_id: Annotated[str, msgspec.Meta(pattern=r"\A00D[A-Za-z0-9]{15}\Z")]
    preferred_username: str | None = None
    """The username, which has the shape of an e-mail address and need not be one."""


class OrganizationRow(msgspec.Struct, frozen=True, rename="pascal"):
    name: str | None = None
    time_zone_sid_key: str | None = None


class CurrencyRow(msgspec.Struct, frozen=True, rename="pascal"):
    iso_code: str | None = None


class OrganizationRows(msgspec.Struct, frozen=True):
    records: list[OrganizationRow]


class CurrencyRows(msgspec.Struct, frozen=True):
    records: list[CurrencyRow]


T = TypeVar("T")

_USER = decoding.Decoder(UserInfo, Provider.SALESFORCE)
_ORGANIZATION = decoding.TolerantDecoder(OrganizationRows, Provider.SALESFORCE)
_CURRENCIES = decoding.TolerantDecoder(CurrencyRows, Provider.SALESFORCE)
_NAME_QUERY = "SELECT Name, TimeZoneSidKey FROM Organization"
_CURRENCY_QUERY = "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true"
_SHORT_ID = 15
_NOT_ALLOWED = frozenset({400, 403})
_NO_SUCH_VERSION = frozenset({404, 410})
_REFUSED_TOKEN = frozenset({401, 403})


def unnamed_account(organization_id: str) -> CrmAccount:
    """Return the account of an org whose details may not be read."""
    return CrmAccount(account_id=CrmAccountId(organization_id), name=f"Salesforce org {organization_id}")


class GrantedOrg(NamedTuple):
    account: CrmAccount
    username: str | None = None
    """Of the user who granted access."""


class OrganizationReader:
    """Reads an org's details with one access token. Every call is sent once."""

    def __init__(self, http_client: http.HttpClient, api_url: str, access_token: str, now: datetime) -> None:
        self._http_client = http_client
        self._api_url = api_url
        self._headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        self._now = now

    async def read(self, expected_id: str) -> GrantedOrg:
        """Return the org and its user; raise CrmRejected for another org than the tokens came with.

        `expected_id` has 15 or 18 characters. Name and time zone need a permission that not every user has. The
        currency is that of amounts that name none; orgs with a single currency do not return it.
        """
        user = await self._read_user()
        organization_id = user.organization_id
        if organization_id[:_SHORT_ID] != expected_id[:_SHORT_ID]:
            reason = f"the tokens are for org {expected_id}, its user is of {organization_id}"
            raise errors.CrmRejected(Provider.SALESFORCE, 200, reason)
        organizations = await self._query(_NAME_QUERY, _ORGANIZATION)
        currencies = await self._query(_CURRENCY_QUERY, _CURRENCIES)
        org = organizations.records[0] if organizations and organizations.records else None
        corporate = currencies.records[0].iso_code if currencies and currencies.records else None
        unnamed = unnamed_account(organization_id)
        account = CrmAccount(
            account_id=unnamed.account_id,
            name=(truncate_text(org.name, oauth.MAX_ACCOUNT_NAME_LENGTH) if org else None) or unnamed.name,
            currency=currency(corporate),
            time_zone=text(org.time_zone_sid_key) if org else None,
            app_url=self._api_url,
        )
        return GrantedOrg(account, truncate_text(user.preferred_username, oauth.MAX_USER_NAME_LENGTH))

    async def _read_user(self) -> UserInfo:
        response = await self._get("/services/oauth2/userinfo")
        if response.status in _REFUSED_TOKEN:
            reason = f"the new token does not give its user (HTTP {response.status}); {error_mapper.WHO_CAN_ADMIT_US}"
            raise errors.GrantRejected(Provider.SALESFORCE, reason)
        if response.status not in oauth.SUCCESS:
            raise self._classify(response)
        return oauth.decode_response(response, _USER, Provider.SALESFORCE)

    async def _query(self, query: str, decode: Callable[[bytes], T]) -> T | None:
        """Return None where the user may not read the object."""
        response = await self._get(f"/services/data/v{API_VERSION}/query?q={quote(query)}")
        if response.status in oauth.SUCCESS:
            return oauth.decode_response(response, decode, Provider.SALESFORCE)
        error = self._classify(response)
        if response.status in _NOT_ALLOWED and isinstance(error, errors.CrmRejected):
            return None
        raise error

    async def _get(self, path: str) -> http.HttpResponse:
        return await self._http_client.send("GET", self._api_url + path, self._headers)

    def _classify(self, response: http.HttpResponse) -> errors.CrmError:
        code = (
            decoding.sanitize_code(error_mapper.first_error(response).error_code) or f"HTTP {response.status}"
        )
        if transient := oauth.transient_error(response, self._now, Provider.SALESFORCE):
            return transient
        if code == "REQUEST_LIMIT_EXCEEDED":
            return error_mapper.daily_limit_error(code)
        if response.is_html:
            return errors.CrmUnavailable(Provider.SALESFORCE, f"a page of HTML (HTTP {response.status})")
        if transient_errors.is_transient(response.status):
            return errors.CrmUnavailable(Provider.SALESFORCE, f"HTTP {response.status}")
        if response.status in _NO_SUCH_VERSION:
            code = f"{code}: the org does not offer version {API_VERSION} of the API"
        return errors.CrmRejected(Provider.SALESFORCE, response.status, code)
