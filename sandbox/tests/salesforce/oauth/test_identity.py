import httpx
import pytest

from crm_sandbox.salesforce import Sandbox
from tests.salesforce.builders import LOGIN, connect

pytestmark = pytest.mark.anyio

USERINFO = f"{LOGIN}/services/oauth2/userinfo"


async def test_userinfo_and_the_identity_url_describe_the_user(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    tokens = await connect(http)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    for url in (USERINFO, tokens["id"]):
        identity = (await http.get(url, headers=headers)).json()
        assert identity["organization_id"] == sandbox.org.org_id
        assert identity["user_id"].startswith("005")
        assert (await http.get(url, params={"oauth_token": tokens["access_token"]})).json() == identity
    assert (await http.get(USERINFO)).text == "Missing_OAuth_Token"
    headers["authorization"] += "x"
    assert (await http.get(USERINFO, headers=headers)).text == "Bad_OAuth_Token"


async def test_openid_opens_userinfo_and_not_the_identity(http: httpx.AsyncClient) -> None:
    tokens = await connect(http, scope="api openid")
    assert "refresh_token" not in tokens
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await http.get(USERINFO, headers=headers)).status_code == 200
    assert (await http.get(tokens["id"], headers=headers)).status_code == 403


async def test_the_api_scope_opens_userinfo_too(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    tokens = await connect(http, scope="refresh_token api")
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    answer = await http.get(USERINFO, headers=headers)
    assert answer.json()["organization_id"] == sandbox.org.org_id
