"""How cookies are read, and how much of them."""

import time
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request, get

from astrelo.adapters.inbound.http.cookies import CookieRequest
from astrelo.adapters.inbound.http.problems import exception_handlers

pytestmark = pytest.mark.anyio


@get("/", sync_to_thread=False)
def show(request: Request[Any, Any, Any]) -> dict[str, str]:
    return request.cookies


async def ask(*cookies: str) -> httpx.Response:
    app = Litestar(
        [show],
        request_class=CookieRequest,
        exception_handlers=exception_handlers(),
        openapi_config=None,
        logging_config=None,
    )
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # two libraries' words for one ASGI
    async with httpx.AsyncClient(transport=transport, base_url="https://api.example.com") as client:
        return await client.get("/", headers=[("Cookie", cookie) for cookie in cookies])


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ([], {}),
        (["a=1"], {"a": "1"}),
        (["a=1; b=2;c = 3 "], {"a": "1", "b": "2", "c": "3"}),
        (["a=1", "b=2"], {"a": "1", "b": "2"}),  # a proxy may pass HTTP/2's fields on one by one
        (["a=1; a=2"], {"a": "2"}),
        (["a=b=c"], {"a": "b=c"}),
        (["a=; =b; c"], {"a": "", "": "b"}),
        (
            ['a="x\\\\"y"; b=%41'],
            {"a": '"x\\\\"y"', "b": "%41"},
        ),  # as it was set: quotes and escapes are its author's
        (["; ;;"], {}),
    ],
)
async def test_cookies_are_read_by_name_as_they_were_set(sent: list[str], read: dict[str, str]) -> None:
    assert (await ask(*sent)).json() == read


@pytest.mark.parametrize(
    "cookies", [["a=" + "x" * 4_095], ["a=" + "x" * 2_047] * 2], ids=["one", "two fields"]
)
async def test_cookies_over_4_kb_are_a_problem(cookies: list[str]) -> None:
    response = await ask(*cookies)
    assert (response.status_code, response.json()["code"]) == (431, "headers_too_large")


async def test_cookies_of_4_kb_are_read() -> None:
    assert (await ask("a=" + "x" * 4_094)).json() == {"a": "x" * 4_094}


@pytest.mark.parametrize("cookie", ['a="' + "\\\\" * 20_000 + '"', "a=" + ";=" * 20_000, ";" * 20_000])
async def test_a_cookie_made_to_be_slow_costs_nothing(cookie: str) -> None:
    """http.cookies takes half a second for the first one (CVE-2024-7592)."""
    began = time.process_time()
    assert (await ask(cookie)).status_code == 431
    assert time.process_time() - began < 0.25
