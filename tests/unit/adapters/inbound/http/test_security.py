"""Who may ask, and how a change proves where it comes from."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from jwt.utils import base64url_encode
from litestar import Litestar, Request, get, post

from astrelo.adapters.inbound.http import session_tokens
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.problems import exception_handlers
from astrelo.adapters.inbound.http.security import PUBLIC, SESSION_COOKIE, SessionGuard
from astrelo.adapters.inbound.http.session_tokens import SessionTokens, issue_token, user_of_token
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.identifiers import UserId
from tests.support.fakes.clock import START

SECRET = "a-secret-of-at-least-thirty-two-bytes"
HOUR = timedelta(hours=1)
USER = UserId(uuid4())
FAR_FUTURE = datetime(2400, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.anyio


def good_token() -> str:
    """A token whose life no test outlasts."""
    return issue_token(USER, SECRET, FAR_FUTURE - START, START - timedelta(days=365))


@get("/private", sync_to_thread=False)
def private(request: Request[UserId, Any, Any]) -> str:
    return str(request.user)


@post("/private", sync_to_thread=False)
def change() -> str:
    return "changed"


@get("/public", opt={PUBLIC: True}, sync_to_thread=False)
def public(request: Request[UserId | None, Any, Any]) -> str:
    return str(request.user)


@get("/publicity", sync_to_thread=False)
def neighbour() -> str:
    return "private"


async def _ask(method: str, path: str, headers: dict[str, str], cookie: str | None = None) -> httpx.Response:
    config = HttpConfig(
        frontend_url="https://app.example.com", jwt_secret=SECRET, cors_origins=("https://other.example.com",)
    )
    app = Litestar(
        [private, change, public, neighbour],
        guards=[SessionGuard(config)],
        exception_handlers=exception_handlers(),
        openapi_config=None,
        logging_config=None,
    )
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # two libraries' words for one ASGI
    sent = {"Cookie": f"{SESSION_COOKIE}={cookie}"} if cookie else {}
    async with httpx.AsyncClient(transport=transport, base_url="https://api.example.com") as client:
        return await client.request(method, path, headers=sent | headers)


async def test_a_token_in_the_header_identifies_the_user() -> None:
    response = await _ask("GET", "/private", {"Authorization": f"Bearer {good_token()}"})
    assert response.text == str(USER)


async def test_a_token_in_the_cookie_identifies_the_user() -> None:
    assert (await _ask("GET", "/private", {}, good_token())).text == str(USER)


async def test_without_a_token_the_challenge_names_no_error() -> None:
    response = await _ask("GET", "/private", {})
    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert response.headers["www-authenticate"] == 'Bearer realm="astrelo"'


def _forge(**claims: object) -> str:
    return jwt.encode({"sub": str(USER), "exp": FAR_FUTURE} | claims, SECRET, "HS256")


@pytest.mark.parametrize(
    "token",
    [
        "rubbish",
        "ä",
        issue_token(USER, SECRET, HOUR, LONG_AGO),
        issue_token(USER, SECRET[::-1], FAR_FUTURE - LONG_AGO, LONG_AGO),
        jwt.encode({"sub": str(USER), "exp": FAR_FUTURE}, "", "none"),
        jwt.encode({"sub": str(USER)}, SECRET, "HS256"),
        _forge(sub="not-a-uuid"),
        _forge(sub=""),
        _forge(aud="another service"),
        _forge(nbf=FAR_FUTURE),
    ],
    ids=[
        "rubbish", "not ascii", "expired", "another secret", "unsigned", "endless", "no uuid", "empty", "foreign",
        "not yet",
    ],
)  # fmt: skip
async def test_a_token_that_is_not_ours_or_not_valid_is_refused(token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode()}
    response = await _ask("GET", "/private", headers)  # type: ignore[arg-type] # httpx takes bytes as well
    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert response.headers["www-authenticate"] == 'Bearer realm="astrelo", error="invalid_token"'
    assert token not in response.text


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("header", ["Bearer x", "Bearer ", "Bearer", "bearer \t"])
async def test_a_bad_header_is_not_rescued_by_a_good_cookie(method: str, header: str) -> None:
    response = await _ask(method, "/private", {"Authorization": header}, good_token())
    assert response.status_code == HTTPStatus.UNAUTHORIZED


async def test_a_header_of_another_scheme_is_not_ours_to_judge() -> None:
    response = await _ask("GET", "/private", {"Authorization": "Basic eDp5"}, good_token())
    assert response.status_code == HTTPStatus.OK


async def test_a_public_route_knows_the_user_if_there_is_one() -> None:
    assert (await _ask("GET", "/public", {})).text == "None"
    assert (await _ask("GET", "/public", {}, good_token())).text == str(USER)


async def test_a_route_whose_path_begins_like_a_public_one_is_private() -> None:
    assert (await _ask("GET", "/publicity", {})).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": f"Bearer {good_token()}"}, 201),
        ({"Origin": "https://app.example.com"}, 201),
        ({"Origin": "https://other.example.com"}, 201),
        ({"Origin": "https://api.example.com"}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example.net"}, 403),
        ({"Origin": "https://app.example.com.evil.net"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://api.example.com"}, 403),
        ({"Origin": "//api.example.com"}, 403),
        ({"Origin": "https://api.example.com@evil.example.net"}, 403),
        ({"Origin": "https://["}, 403),
        ({"Origin": "https://evil.example.net", "Sec-Fetch-Site": "same-origin"}, 403),
        ({}, 403),
    ],
)
async def test_a_change_needs_the_header_token_or_a_page_of_ours(
    headers: dict[str, str], status: int
) -> None:
    response = await _ask("POST", "/private", headers, good_token())
    assert response.status_code == status
    if status == HTTPStatus.FORBIDDEN:
        assert response.json()["code"] == "cross_site_request"


def test_a_token_names_its_user_and_the_settings_hide_the_secret() -> None:
    assert user_of_token(good_token(), SECRET) == USER
    assert SECRET not in repr(HttpConfig(frontend_url="https://x.test", jwt_secret=SECRET))


def token_of(**claims: object) -> str:
    """A token whose times are given in seconds from now."""
    now = SystemClock().now().timestamp()
    times = {name: now + value for name, value in claims.items() if isinstance(value, int | float)}
    return jwt.encode({"sub": str(USER), "exp": now + 3600, **claims, **times}, SECRET, "HS256")


AHEAD = {
    "issued now": {"iat": 0},
    "issued a second ahead": {"iat": 1},
    "issued most of a minute ahead": {"iat": 55},
    "good from a moment ahead": {"nbf": 1.5},
    "both": {"iat": 30, "nbf": 31},
    "issued ahead and soon at its end": {"iat": 20, "exp": 15},
}


@pytest.mark.parametrize("claims", AHEAD.values(), ids=AHEAD)
def test_the_clock_of_the_issuer_may_be_a_little_ahead(claims: dict[str, float]) -> None:
    assert user_of_token(token_of(**claims), SECRET) == USER


NOT_GOOD = {
    "issued minutes ahead": {"iat": 75},
    "good from minutes ahead": {"nbf": 75},
    "issued ahead, good from far ahead": {"iat": 5, "nbf": 600},
    "ended a moment ago": {"exp": -2},
    "ended a moment ago, issued ahead": {"exp": -2, "iat": 5},
    "ended a moment ago, good from ahead": {"exp": -2, "nbf": 5},
    "issued at no time": {"iat": "soon"},
    "issued at a list": {"iat": []},
    "without an end": {"exp": None},
    "with an end that is none": {"exp": {}},
    "of nobody": {"sub": None},
    "of nobody known": {"sub": "jane"},
}


@pytest.mark.parametrize("claims", NOT_GOOD.values(), ids=NOT_GOOD)
def test_a_token_from_far_ahead_and_one_that_has_ended_are_nobodys(claims: dict[str, Any]) -> None:
    assert user_of_token(token_of(**claims), SECRET) is None


@pytest.mark.parametrize("moment", ["Infinity", "-Infinity", "NaN", "1e400", "null", "true", "{}"])
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
def test_a_time_that_is_no_number_is_refused_and_no_crash(claim: str, moment: str) -> None:
    body = json.dumps({"sub": str(USER), "exp": FAR_FUTURE.timestamp()})[:-1] + f', "{claim}": {moment}}}'
    signed = ".".join(base64url_encode(part.encode()).decode() for part in ('{"alg": "HS256"}', body))
    signature = base64url_encode(hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256)).decode()
    assert user_of_token(f"{signed}.{signature}", SECRET) in {None, USER}


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> float:
        return (SystemClock().now() + self.ahead).timestamp()


def test_a_token_that_is_remembered_still_ends_on_time() -> None:
    clock = Clock()
    tokens = SessionTokens(SECRET, clock)
    token = issue_token(USER, SECRET, HOUR, SystemClock().now())
    assert tokens.user_of(token) == tokens.user_of(token) == USER
    clock.ahead = HOUR * 2
    assert tokens.user_of(token) is None


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize(("behind", "user"), [(timedelta(seconds=50), USER), (timedelta(seconds=70), None)])
def test_a_token_that_is_remembered_is_not_good_before_its_time(
    claim: str, behind: timedelta, user: UserId | None
) -> None:
    clock = Clock()
    tokens = SessionTokens(SECRET, clock)
    token = _forge(**{claim: SystemClock().now()})
    assert tokens.user_of(token) == USER
    clock.ahead = -behind
    assert tokens.user_of(token) == user


def test_a_refused_token_is_refused_again_and_spoils_no_good_one() -> None:
    tokens = SessionTokens(SECRET)
    good = good_token()
    forged = f"{good.rpartition('.')[0]}.{good_token()[::-1].partition('.')[0]}"
    for _ in range(2):
        assert tokens.user_of(good) == USER
        assert tokens.user_of(forged) is None
        assert tokens.user_of("rub\udcffbish") is None


def test_no_more_tokens_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_tokens, "MAX_REMEMBERED_TOKENS", 2)
    tokens = SessionTokens(SECRET)
    users = [UserId(uuid4()) for _ in range(4)]
    issued = [issue_token(user, SECRET, HOUR, SystemClock().now()) for user in users]
    assert [tokens.user_of(token) for token in issued * 2] == users * 2
