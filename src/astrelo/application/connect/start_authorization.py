"""Beginning to connect a CRM by OAuth 2.0 (RFC 6749, PKCE by RFC 7636), unless that is not needed."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.domain.connection import (
    STATE_LIFETIME,
    AuthorizationRequest,
    CrmConnection,
    PendingAuthorization,
)
from astrelo.domain.errors import (
    InvalidInput,
    ProviderNotConfigured,
    ReauthorizationRequired,
    SecretUnreadable,
)
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.crm import CrmProvider, CrmProviders
from astrelo.domain.ports.state import OAuthStates, UnitOfWork
from astrelo.domain.ports.system import Clock, Randomness

log = structlog.get_logger()

RETURN_PATH = "/app"
"""Where connecting ends unless the caller asks for a page below it."""

_MAX_RETURN_PATH_LENGTH = 200
_RETURN_PATH = re.compile(r"/app(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyConnected:
    """The connection works; nothing was started."""

    connection: CrmConnection
    return_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationStarted:
    """Send the browser to `authorize_url`, with `browser_token` in a cookie named for `flow`."""

    authorize_url: str = field(repr=False)
    browser_token: str = field(repr=False)
    flow: str
    """See `flow_id`."""


def flow_id(state: str) -> str:
    """Name a flow for its cookie: 16 hexadecimal digits that give nothing of the state away.

    One cookie per flow, so that two tabs do not overwrite each other's.
    """
    return secret_hash(state).hex()[:16]


class StartAuthorization:
    """Begin a connect flow, unless a connection works already."""

    def __init__(
        self,
        uow: UnitOfWork,
        states: OAuthStates,
        crms: CrmProviders,
        tokens: AccessTokens,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._uow = uow
        self._states = states
        self._crms = crms
        self._tokens = tokens
        self._clock = clock
        self._randomness = randomness

    async def __call__(
        self,
        user_id: UserId,
        provider: Provider,
        *,
        force: bool = False,
        replace: bool = False,
        return_path: str = RETURN_PATH,
        login_host: str | None = None,
    ) -> AlreadyConnected | AuthorizationStarted:
        """`force` skips the look at the connection there is; so does `replace`.

        `replace` lets the new grant be another account's: the old account's data are then deleted.
        `login_host` is where the user signs in at a CRM that has several such places. Of what was told only the
        host is kept: people paste whole addresses, and some hold a session.

        Raises ProviderNotConfigured, InvalidInput for a return path or login host that is none, and
        RateLimited, CrmUnavailable, CrmMisconfigured or CrmRejected when the CRM cannot say whether the connection
        works.
        """
        crm = self._crms.get(provider)
        if crm is None:
            raise ProviderNotConfigured(provider)
        _require_own_page(return_path)
        if not force and not replace:
            connection = await self._working_connection(user_id, provider)
            if connection is not None:
                return AlreadyConnected(connection=connection, return_path=return_path)
        return await self._start(
            user_id, crm, replace=replace, return_path=return_path, login_host=login_host
        )

    async def _working_connection(self, user_id: UserId, provider: Provider) -> CrmConnection | None:
        async with self._uow(user_id) as tx:
            connection = await tx.connections.get(provider)
            if connection is None or not connection.is_active:
                return None
        try:
            await self._tokens.get_access(connection)
        except (ReauthorizationRequired, SecretUnreadable) as error:
            log.info("connection.not_working", connection_id=str(connection.id), reason=str(error))
            return None
        return connection

    async def _start(
        self,
        user_id: UserId,
        crm: CrmProvider,
        *,
        replace: bool,
        return_path: str,
        login_host: str | None,
    ) -> AuthorizationStarted:
        state, browser_token, verifier = (self._randomness.token() for _ in range(3))
        authorize_url = crm.authorization_url(
            AuthorizationRequest(state=state, code_challenge=_challenge(verifier), login_host=login_host)
        )
        await self._states.add(
            PendingAuthorization(
                state_hash=secret_hash(state),
                browser_hash=secret_hash(browser_token),
                user_id=user_id,
                provider=crm.provider,
                code_verifier=verifier,
                replace=replace,
                return_path=return_path,
                expires_at=self._clock.now() + STATE_LIFETIME,
                login_host=None if login_host is None else urlsplit(authorize_url).netloc,
            )
        )
        log.info("authorization.started", provider=crm.provider, replace=replace)
        return AuthorizationStarted(
            authorize_url=authorize_url, browser_token=browser_token, flow=flow_id(state)
        )


def _require_own_page(return_path: str) -> None:
    if len(return_path) > _MAX_RETURN_PATH_LENGTH or not _RETURN_PATH.fullmatch(return_path):
        raise InvalidInput("return_path", f"must be {RETURN_PATH} or a path below it, without a query")


def _challenge(verifier: str) -> str:
    """Return the S256 code challenge of RFC 7636 §4.2."""
    return base64.urlsafe_b64encode(secret_hash(verifier)).rstrip(b"=").decode()


def secret_hash(text: str) -> bytes:
    """Return the SHA-256 by which a state and a browser's cookie are kept."""
    # What comes from a browser may be any text, lone surrogates included.
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
