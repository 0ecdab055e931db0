"""HubSpot, measured: how our processes reach the played one, and what its pages cost at the least."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import httpx
import msgspec

from astrelo.adapters.outbound.hubspot.api import wire
from astrelo.adapters.outbound.hubspot.config import HUBSPOT_API_DATE
from astrelo.domain.connection import CrmAccount, Grant, TokenSet
from astrelo.domain.identifiers import CrmAccountId, Provider
from benchmarks.crm import Crm, Rows, Table
from benchmarks.hubspot.answers import HubSpotAnswers

_TOKEN_LIFE = timedelta(hours=8)
_HEADERS = httpx.Headers({"Authorization": "Bearer bench-access", "Accept": "application/json"})

Page = (
    wire.ObjectPage[wire.CompanyObject]
    | wire.ObjectPage[wire.ContactObject]
    | wire.ObjectPage[wire.DealObject]
)

_PROPERTIES: Mapping[str, type[msgspec.Struct]] = {
    "companies": wire.CompanyProperties,
    "contacts": wire.ContactProperties,
    "deals": wire.DealProperties,
}
_DECODE: Mapping[str, Callable[[bytes], Page]] = {
    "companies": msgspec.json.Decoder(wire.ObjectPage[wire.CompanyObject]).decode,
    "contacts": msgspec.json.Decoder(wire.ObjectPage[wire.ContactObject]).decode,
    "deals": msgspec.json.Decoder(wire.ObjectPage[wire.DealObject]).decode,
}


class HubSpot(Crm):
    @property
    def provider(self) -> Provider:
        return Provider.HUBSPOT

    @property
    def title(self) -> str:
        return "HubSpot"

    @property
    def tables(self) -> Sequence[Table]:
        return [
            Table(name=name, columns=("id", "updated_at", *properties.__struct_fields__))
            for name, properties in _PROPERTIES.items()
        ]

    @property
    def left_out(self) -> str:
        return "associations"

    def answers(self, records: int) -> HubSpotAnswers:
        return HubSpotAnswers(records)

    def settings(self, url: str, records: int) -> Mapping[str, str]:  # noqa: ARG002 - the same for any number
        return {
            "ASTRELO_HUBSPOT_CLIENT_ID": "benchmark",
            "ASTRELO_HUBSPOT_CLIENT_SECRET": "benchmark-secret",
            "ASTRELO_HUBSPOT_API_URL": url,
        }

    def grant(self, url: str, now: datetime) -> Grant:  # noqa: ARG002 - every account's API has one address
        tokens = TokenSet(
            access_token="bench-access",  # noqa: S106 - what the page server would issue; it asks for none
            refresh_token="bench-refresh",  # noqa: S106 - the same
            expires_at=now + _TOKEN_LIFE,
        )
        account = CrmAccount(account_id=CrmAccountId("1"), name="Benchmark", currency="USD")
        return Grant(tokens=tokens, account=account)

    async def rows(
        self, table: Table, url: str, transport: httpx.AsyncBaseTransport
    ) -> AsyncGenerator[Rows, None]:
        first = following = f"{url}/crm/objects/{HUBSPOT_API_DATE}/{table.name}?limit=100"
        decode = _DECODE[table.name]
        while True:
            request = httpx.Request("GET", following, headers=_HEADERS)
            response = await transport.handle_async_request(request)
            page = decode(await response.aread())
            yield [
                (record.id, record.updated_at, *msgspec.structs.astuple(record.properties))
                for record in page.results
            ]
            if page.paging is None or page.paging.next is None:
                return
            following = f"{first}&after={page.paging.next.after}"
