"""Someone at a browser who allows everything, at a sandbox in the same process."""

from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.types import ASGIApp

from crm_sandbox import SandboxTransport
from tests.support.contracts.crm.account import Consent


async def give_consent(sandbox: ASGIApp, authorization_url: str) -> Consent:
    """Send the consent page's form, and read what it brings to the callback."""
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox)) as browser:
        page = await browser.get(authorization_url)
        assert page.status_code == 200
        sent = await browser.post(authorization_url, data={"decision": "allow"})
    query = parse_qs(urlsplit(sent.headers["location"]).query)
    return Consent(query["code"][0], query["state"][0])
