"""What stands around every request, on a real socket."""

import uvloop
from litestar import Litestar, get

from astrelo.adapters.inbound.http.middleware import Metrics, add_middleware
from tests.support.serving import serving


@get("/")
async def hello() -> str:
    return "hello"


def test_head_is_get_without_a_body_and_leaves_the_connection_usable() -> None:
    app = Litestar([hello], openapi_config=None, logging_config=None)
    app.asgi_handler = add_middleware(app.asgi_handler, Metrics())

    async def scenario() -> None:
        async with serving(served=app) as made:
            client = await made.connect("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
            for _ in range(2):
                head = await client.read_until("\r\n\r\n")
                assert head.startswith("HTTP/1.1 200 ")
                assert "content-length: 5" in head
            await client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            response = await client.read()
            assert response.startswith("HTTP/1.1 200 ")
            assert response.endswith("\r\n\r\nhello")

    uvloop.run(scenario())
