"""Middleware around every request: its id, its metrics, its safety headers."""

import re
import time
from collections.abc import Collection, Mapping
from datetime import timedelta
from random import Random
from types import MappingProxyType

import prometheus_client
import structlog
from dishka import AsyncContainer
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.types.asgi_types import ReceiveMessage

from astrelo.adapters.inbound.http import problems

METRICS_MEDIA_TYPE = prometheus_client.CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
"""The framework adds the charset."""
IS_HEAD = "is_head"
"""Where the scope says that a request is served as GET for the sake of its header fields alone."""
_random_bits = Random().getrandbits  # noqa: S311 - ids for logs, without a system call for each
_UNROUTED = "unrouted"
_LAGS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400)  # seconds
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
"""A caller's own request id that is taken over: what may stand in a log, and is long enough to be one."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SAFETY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Metrics:
    """Counters of one process, in a registry of its own: two apps in one process do not collide."""

    def __init__(self) -> None:
        self._registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._registry)
        prometheus_client.PlatformCollector(registry=self._registry)
        prometheus_client.GCCollector(registry=self._registry)
        self._requests = prometheus_client.Counter(
            "astrelo_http_requests",
            "Requests with a response.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = prometheus_client.Histogram(
            "astrelo_http_request_seconds",
            "Time from a request to the end of its response.",
            ["method", "route"],
            registry=self._registry,
        )
        self._feed_lag = prometheus_client.Histogram(
            "astrelo_feed_lag_seconds",
            "Time from the commit of a change until a consumer of the change feed asked for it.",
            buckets=_LAGS,
            registry=self._registry,
        )

        self._series: dict[
            tuple[str, str, int], tuple[prometheus_client.Counter, prometheus_client.Histogram]
        ] = {}
        """As many as the registry has: looking one up there takes longer than counting."""

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        key = method, route, status
        if key not in self._series:
            self._series[key] = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
        requests, duration = self._series[key]
        requests.inc()
        duration.observe(seconds)

    def observe_feed_lag(self, lag: timedelta) -> None:
        self._feed_lag.observe(lag.total_seconds())

    def exposition(self) -> bytes:
        return prometheus_client.generate_latest(self._registry)


class _AppDependencies:
    """Gives handlers the container's objects. Each lives as long as the container, so it is asked for each once."""

    def __init__(self, container: AsyncContainer) -> None:
        self._container = container
        self._known: dict[object, object] = {}

    async def get(self, kind: type[object], component: str = "") -> object:
        key = kind, component
        if key not in self._known:
            self._known[key] = await self._container.get(kind, component)
        return self._known[key]


def inject_from(container: AsyncContainer, app: ASGIApp) -> ASGIApp:
    """Let handlers take their dependencies from a container, without one of its own for each request."""
    dependencies = _AppDependencies(container)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["dishka_container"] = dependencies
        await app(scope, receive, send)

    return handle


def add_middleware(
    app: ASGIApp, metrics: Metrics, methods: Mapping[str, Collection[str]] = MappingProxyType({})
) -> ASGIApp:
    """Wrap the whole application, so that unrouted requests and failures are seen too.

    HEAD is served as GET without a body (RFC 9110 §9.3.2), which the router does not do. `methods` are those of each
    path, for `Allow`.
    """

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        request_id = Headers.from_scope(scope).get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = f"{_random_bits(128):032x}"
        scope[problems.REQUEST_ID] = request_id  # type: ignore[literal-required]
        method = scope["method"]
        if method == "HEAD":
            # A copy: the server goes by its own.
            scope = {**scope, "method": "GET", IS_HEAD: True}  # type: ignore[assignment]

        async def listen() -> ReceiveMessage:
            message = await receive()
            if message["type"] == "http.disconnect":
                scope[problems.HUNG_UP] = True  # type: ignore[literal-required]
            return message

        response = _Response(scope, send, request_id, methods, bodiless=method == "HEAD")
        began = time.perf_counter()
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await app(scope, listen, response.send)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
        # The path itself would make a label per id.
        route = scope.get("path_template") or _UNROUTED
        # One label for all unknown methods: a client may invent any number.
        label = method if method in _METHODS else "other"
        metrics.observe(label, route, response.status, time.perf_counter() - began)

    return handle


class _Response:
    """Passes a response on, adding headers that it does not set itself."""

    def __init__(
        self,
        scope: Scope,
        send: Send,
        request_id: str,
        methods: Mapping[str, Collection[str]],
        *,
        bodiless: bool,
    ) -> None:
        self._scope = scope
        self._send = send
        self._methods = methods
        self._headers = (*_SAFETY_HEADERS, (b"x-request-id", request_id.encode()))
        self._bodiless = bodiless
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given, names = message["headers"], {name.lower() for name, _ in message["headers"]}
            if b"allow" in names:
                given = [self._complete(name, value) for name, value in given]
            message["headers"] = [*given, *(field for field in self._headers if field[0] not in names)]
        elif message["type"] == "http.response.body" and self._bodiless:
            message["body"] = b""
        await self._send(message)

    def _complete(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        """Add to `Allow` the methods of the path's other routes."""
        if name.lower() != b"allow":
            return name, value
        others = self._methods.get(self._scope.get("path_template", ""), ())
        methods = {*value.decode().split(", "), *others}
        return name, ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set()))).encode()
