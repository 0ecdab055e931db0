"""Every error of the domain and of HTTP becomes one documented problem."""

import re
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from litestar import Litestar, get
from litestar.exceptions import HTTPException

from astrelo.adapters.inbound.http.middleware import Metrics, add_middleware
from astrelo.adapters.inbound.http.problem_kinds import ALL_KINDS, BY_ERROR, kind_of
from astrelo.adapters.inbound.http.problems import MEDIA_TYPE, exception_handlers
from astrelo.domain import errors
from astrelo.domain.errors import (
    AstreloError,
    AuthorizationFailed,
    AuthorizationFailure,
    CrmMisconfigured,
    CrmUnavailable,
    InvalidInput,
    NotFound,
    RateLimited,
    StoreUnavailable,
)
from astrelo.domain.identifiers import Provider

DOCUMENT = Path(__file__).parents[5] / "docs" / "errors.md"
SECRET = "na1-super-secret"


def _tree(root: type[AstreloError]) -> Iterator[type[AstreloError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def test_every_class_of_the_error_tree_is_in_the_table() -> None:
    ours = {cls for cls in _tree(AstreloError) if cls.__module__ == errors.__name__}
    assert ours == set(BY_ERROR)


def test_every_failed_authorization_has_its_own_code() -> None:
    codes = {kind_of(AuthorizationFailed(failure, "x")).code for failure in AuthorizationFailure}
    assert codes == {failure.value for failure in AuthorizationFailure}


def test_the_document_lists_exactly_the_codes_that_exist_with_their_status() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", DOCUMENT.read_text(), re.MULTILINE
    )
    expected = [
        (kind.code, str(int(kind.status)), kind.message.title, kind.message.means, kind.message.to_do)
        for kind in sorted(ALL_KINDS.values(), key=lambda kind: (kind.status, kind.code))
    ]
    assert rows == expected


async def _answer(error: Exception) -> httpx.Response:
    @get("/boom", sync_to_thread=False)
    def boom() -> None:
        raise error

    app = Litestar([boom], exception_handlers=exception_handlers(), openapi_config=None, logging_config=None)
    app.asgi_handler = add_middleware(app.asgi_handler, Metrics())
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # two libraries' words for one ASGI
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        return await client.get("/boom")


@pytest.mark.anyio
async def test_a_domain_error_says_what_happened_and_what_to_do() -> None:
    response = await _answer(NotFound("company", 7))
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.json() == {
        "type": "urn:astrelo:problem:not_found",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": "There is no company 7. It may have been deleted, or never have existed.",
        "action": "Check the path and the id.",
    }


@pytest.mark.anyio
async def test_what_a_crm_answered_is_a_whole_sentence_that_names_it() -> None:
    body = (await _answer(CrmUnavailable(Provider.HUBSPOT, "HTTP 502"))).json()
    assert body["detail"] == (
        "HubSpot is not available at the moment (HTTP 502). Your stored data is unaffected."
    )


@pytest.mark.anyio
async def test_invalid_input_names_the_field() -> None:
    body = (await _answer(InvalidInput("limit", "must be above 0"))).json()
    assert body["errors"] == [{"field": "limit", "reason": "must be above 0"}]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (RateLimited(Provider.HUBSPOT, timedelta(seconds=7.2), "DAILY"), "8"),
        (CrmUnavailable(Provider.HUBSPOT, "502"), "30"),
        (StoreUnavailable("ConnectionRefusedError"), "5"),
    ],
)
async def test_what_passes_by_itself_says_when_to_come_back(error: AstreloError, seconds: str) -> None:
    response = await _answer(error)
    assert (response.status_code, response.headers["retry-after"]) == (503, seconds)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"could not send {SECRET}"),
        CrmMisconfigured(Provider.HUBSPOT, SECRET),
        HTTPException(detail=SECRET, status_code=500),
    ],
)
async def test_what_is_ours_to_mend_shows_an_id_and_no_detail(error: Exception) -> None:
    response = await _answer(error)
    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert SECRET not in response.text
    assert "Traceback" not in response.text


@pytest.mark.anyio
async def test_the_framework_s_own_words_are_not_passed_on() -> None:
    response = await _answer(HTTPException(detail=f"/callback?code={SECRET}", status_code=404))
    assert response.json()["code"] == "not_found"
    assert SECRET not in response.text


@pytest.mark.anyio
async def test_a_refusal_of_the_framework_that_the_table_lacks_is_still_a_refusal() -> None:
    response = await _answer(HTTPException(detail="teapot", status_code=418))
    assert (response.status_code, response.json()["code"]) == (400, "malformed_request")
