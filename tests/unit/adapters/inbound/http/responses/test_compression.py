"""Text over 1 KB is compressed for those who accept it; streams and what is encoded already pass as they are."""

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar, MediaType, Response, get
from litestar.params import FromQuery
from litestar.response import ServerSentEvent, Stream

from astrelo.adapters.inbound.http.responses.compression import MIN_SIZE, accepts_gzip, add_compression

pytestmark = pytest.mark.anyio

TEXT = "x" * MIN_SIZE


@get("/text", media_type=MediaType.TEXT, sync_to_thread=False)
def text(size: FromQuery[int]) -> str:
    return TEXT[:size]


@get("/image", media_type="image/png", sync_to_thread=False)
def image() -> bytes:
    return TEXT.encode()


@get("/packed", media_type=MediaType.TEXT, sync_to_thread=False)
def packed() -> Response[bytes]:
    return Response(gzip.compress(TEXT.encode() * 9, 0), headers={"Content-Encoding": "gzip"})


async def _pieces() -> AsyncIterator[str]:
    for _ in range(3):
        yield TEXT


@get("/events", sync_to_thread=False)
def events() -> ServerSentEvent:
    return ServerSentEvent(_pieces())


@get("/stream", media_type=MediaType.TEXT, sync_to_thread=False)
def stream() -> Stream:
    return Stream(_pieces())


async def read(path: str, accept: str = "gzip") -> httpx.Response:
    app = Litestar([text, image, packed, events, stream], openapi_config=None, logging_config=None)
    app.asgi_handler = add_compression(app.asgi_handler)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # two libraries' words for one ASGI
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        return await client.get(path, headers={"Accept-Encoding": accept})


async def test_text_of_a_kilobyte_is_compressed() -> None:
    response = await read(f"/text?size={MIN_SIZE}")
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) < MIN_SIZE
    assert response.text == TEXT


async def test_a_cache_learns_that_the_body_depends_on_what_is_accepted() -> None:
    for accept in ("gzip", "identity"):
        assert (await read(f"/text?size={MIN_SIZE}", accept)).headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", [f"/text?size={MIN_SIZE - 1}", "/image", "/events", "/stream"])
async def test_short_text_images_and_streams_pass_as_they_are(path: str) -> None:
    response = await read(path)
    assert "content-encoding" not in response.headers
    assert response.content


async def test_what_is_encoded_already_is_not_compressed_again() -> None:
    assert (await read("/packed")).text == TEXT * 9


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("GZIP", True),
        ("*", True),
        ("x-gzip", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzipped", False),
    ],
)
async def test_gzip_is_used_only_where_it_is_accepted(accept_encoding: str, expected: bool) -> None:
    assert accepts_gzip(accept_encoding) is expected
