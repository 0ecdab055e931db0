"""Starting to connect a CRM by OAuth 2.0 (RFC 6749, with PKCE, RFC 7636), unless it is already connected."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.domain import errors
from astrelo.domain.connection import (
    STATE_LIFETIME,
    AuthorizationRequest,
    CrmConnection,
    PendingAuthorization,
)
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.crm import CrmProvider, CrmProviders
from astrelo.domain.ports.state import OAuthStates, UnitOfWork
from astrelo.domain.ports.system import Clock, Randomness

log = structlog.get_logger()

RETURN_PATH = "/app"
"""The page after connecting, unless the caller requests a page below it."""

_MAX_RETURN_PATH_LENGTH = 200
_RETURN_PATH = re.compile(r"/app(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyConnected:
    """The connection works, so no flow was started."""

    connection: CrmConnection
    return_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationStarted:
    """Redirect the browser to `authorize_url`, with `browser_token` in a cookie named for `flow`."""

    authorize_url: str = field(repr=False)
    browser_token: str = field(repr=False)
    flow: str
    """See `flow_id`."""


def flow_id(state: str) -> str:
    """Return the id of a flow for its cookie's name: 16 hexadecimal digits that do not reveal the state.

    Each flow has its own cookie, so that two tabs do not overwrite each other's.
    """
    return secret_hash(state).hex()[:16]


class StartAuthorization:
    """Start a connect flow, unless the CRM is connected and the connection works."""

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
        """Return the working connection, or the started flow.

        `force` and `replace` start a flow without checking the present connection. `replace` allows the new grant to
        be for another account: the old account's data are then deleted. `login_host` is where the user signs in at a
        CRM that has several such hosts; of a pasted URL only the host is kept, since some contain a session id.

        Raises ProviderNotConfigured, InvalidInput for an invalid return path or login host, and
        RateLimited, CrmUnavailable, CrmMisconfigured or CrmRejected when the CRM's response does not show whether
        the connection works.
        """
        crm = self._crms.get(provider)
        if crm is None:
            raise errors.ProviderNotConfigured(provider)
        if len(return_path) > _MAX_RETURN_PATH_LENGTH or not _RETURN_PATH.fullmatch(return_path):
            raise errors.InvalidInput(
                "return_path", f"must be {RETURN_PATH} or a path below it, without a query"
            )
        if not force and not replace:
            connection = await self._find_working_connection(user_id, provider)
            if connection is not None:
                return AlreadyConnected(connection=connection, return_path=return_path)
        return await self._start(
            user_id, crm, replace=replace, return_path=return_path, login_host=login_host
        )

    async def _find_working_connection(self, user_id: UserId, provider: Provider) -> CrmConnection | None:
        async with self._uow(user_id) as tx:
            connection = await tx.connections.get(provider)
            if connection is None or not connection.is_active:
                return None
        try:
            await self._tokens.get_access(connection)
        except (errors.ReauthorizationRequired, errors.SecretUnreadable) as error:
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
        # The S256 code challenge of RFC 7636 §4.2.
        code_challenge = base64.urlsafe_b64encode(secret_hash(verifier)).rstrip(b"=").decode()
        authorize_url = crm.authorization_url(
            AuthorizationRequest(state=state, code_challenge=code_challenge, login_host=login_host)
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


def secret_hash(text: str) -> bytes:
    """Return the SHA-256 that is stored for a state or a browser token."""
    # A browser may send any text, including lone surrogates.
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
