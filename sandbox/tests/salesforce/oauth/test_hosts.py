import httpx
import pytest

from crm_sandbox import serve
from crm_sandbox.salesforce import Sandbox
from tests.salesforce.builders import (
    AUTHORIZE,
    DATA,
    LOGIN,
    ask,
    authorization,
    connect,
    consent,
    exchange,
    refresh,
    refusal,
)

pytestmark = pytest.mark.anyio


async def test_the_api_answers_at_the_instance_alone(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)
    elsewhere = {**tokens, "instance_url": LOGIN}
    assert refusal(await ask(http, elsewhere)) == (401, "INVALID_SESSION_ID")


async def test_the_instance_moves_with_a_refresh(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    first = await connect(http)
    await http.post("/_sandbox/flags", json={"instance_number": 2})
    assert (await ask(http, first)).status_code == 200
    second = (await refresh(http, first["refresh_token"])).json()
    assert second["instance_url"] == f"https://{sandbox.org.my_domain}--na2.my.salesforce.com"
    assert (await ask(http, second)).status_code == 200
    assert (await ask(http, second | {"instance_url": first["instance_url"]})).status_code == 401


async def test_an_org_may_forbid_all_but_its_my_domain(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.my_domain_only = True
    page = await http.get(AUTHORIZE, params=authorization())
    assert page.status_code == 400
    assert "My Domain" in page.text
    domain = f"https://{sandbox.org.my_domain}.my.salesforce.com/services/oauth2"
    code = (await consent(http, at=f"{domain}/authorize"))["code"]
    tokens = (await exchange(http, code, at=f"{domain}/token")).json()
    assert tokens["id"].startswith(f"https://{sandbox.org.my_domain}.my.salesforce.com/id/")
    assert refusal(await refresh(http, tokens["refresh_token"])) == (400, "invalid_grant")
    assert (await refresh(http, tokens["refresh_token"], at=f"{domain}/token")).status_code == 200


async def test_an_unknown_my_domain_is_refused(http: httpx.AsyncClient) -> None:
    nowhere = "https://nowhere.my.salesforce.com/services/oauth2"
    assert "no My Domain" in (await http.get(f"{nowhere}/authorize", params=authorization())).text
    assert (await refresh(http, "any", at=f"{nowhere}/token")).status_code == 404


async def test_a_sandbox_login_works_too(http: httpx.AsyncClient) -> None:
    test = "https://test.salesforce.com/services/oauth2"
    code = (await consent(http, at=f"{test}/authorize"))["code"]
    tokens = (await exchange(http, code, at=f"{test}/token")).json()
    assert tokens["id"].startswith("https://test.salesforce.com/id/")


async def test_on_a_socket_login_host_and_instance_differ_too(sandbox: Sandbox) -> None:
    async with serve(sandbox) as url, httpx.AsyncClient(timeout=5) as http:
        oauth = f"{url}/services/oauth2"
        code = (await consent(http, at=f"{oauth}/authorize"))["code"]
        tokens = (await exchange(http, code, at=f"{oauth}/token")).json()
        assert tokens["instance_url"] == url.replace("127.0.0.1", "localhost")
        assert tokens["id"].startswith(f"{url}/id/")
        assert (await ask(http, tokens)).status_code == 200
        assert (await ask(http, tokens | {"instance_url": url})).status_code == 401
        tokens = (await http.post(f"{url}/_sandbox/connect", json={})).json()
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        assert (await http.get(f"{url}{DATA}/limits", headers=headers)).status_code == 200
