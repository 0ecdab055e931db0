"""Ending a connect flow (see `start_authorization`): what the CRM's redirect brought becomes a connection."""

import asyncio
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta

import structlog

from astrelo.application.connect.disconnect_crm import fence_off, purge_records, readable_tokens
from astrelo.application.connect.start_authorization import secret_hash
from astrelo.application.sync.schedule_syncs import RequestSync
from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.application.tokens.revocation import revoke
from astrelo.domain.connection import (
    STATE_LIFETIME,
    CrmConnection,
    Grant,
    PendingAuthorization,
    TokenSet,
)
from astrelo.domain.errors import (
    AuthorizationFailed,
    AuthorizationFailure,
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    GrantRejected,
    NotFound,
    ProviderNotConfigured,
    RateLimited,
    SecretUnreadable,
    StoreUnavailable,
)
from astrelo.domain.icp import IcpProfile
from astrelo.domain.identifiers import ConnectionId, IcpProfileId, Provider, UserId
from astrelo.domain.ports.crm import CrmProvider, CrmProviders, TokensIssued
from astrelo.domain.ports.state import OAuthStates, Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock, Randomness

log = structlog.get_logger()

_LOOKING_LIMIT = timedelta(seconds=5)
"""How long the store may take to say whether a connection lives on tokens that are to be revoked."""

_DENIALS = frozenset({"access_denied", "access-denied"})
"""RFC 6749 §4.1.2.1, and as a help page of one CRM prints it."""

_CODE = re.compile(r"[\x20-\x7e]{1,4096}")
"""Visible characters, by RFC 6749 appendix A.11; the limit is ours."""

_ERROR_CODE = re.compile(r"[A-Za-z_]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    connection: CrmConnection
    return_path: str


class ConnectCrm:
    """Finish a connect flow: what the CRM's redirect brought becomes a connection and its first sync.

    Connecting the same account again keeps the connection's id and its data, and ends its former grant. Another
    account's grant is refused and revoked, unless the flow was started to replace the account.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        states: OAuthStates,
        crms: CrmProviders,
        tokens: AccessTokens,
        request_sync: RequestSync,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._uow = uow
        self._states = states
        self._crms = crms
        self._tokens = tokens
        self._request_sync = request_sync
        self._clock = clock
        self._randomness = randomness

    async def __call__(
        self,
        provider: Provider,
        *,
        state: str | None,
        browser_token: str | None,
        code: str | None,
        error: str | None,
        session_user: UserId | None,
    ) -> Connected:
        """Take the callback's parameters as they came; the user is the one who began the flow.

        Raises AuthorizationFailed, with nothing stored, and StoreUnavailable.
        """
        crm = self._crms.get(provider)
        if crm is None:
            raise _failed(
                AuthorizationFailure.NOT_CONFIGURED, str(ProviderNotConfigured(provider)).removesuffix(".")
            )
        pending = await self._claim(provider, state, browser_token, session_user)
        granted_code = _granted_code(provider, code, error)
        # While the store answers: it may not when this has come to nothing.
        living, uninstall = await self._before_exchange(pending)
        issued: list[TokenSet] = []
        try:
            grant = await _exchange(crm, granted_code, pending, issued.append)
            _require_scopes(crm, grant)
            connection, superseded = await self._keep(pending, grant, uninstall)
        except BaseException:
            # Whatever it was, a cancellation too: from the exchange on there is a grant of which nobody else knows.
            for tokens in issued:
                await self._give_back(crm, pending, tokens, living)
            raise
        self._tokens.forget(connection.id)
        if superseded is not None and superseded.refresh_token != grant.tokens.refresh_token:
            await revoke(crm, superseded)
        log.info("connection.established", connection_id=str(connection.id), provider=provider)
        return Connected(connection=connection, return_path=pending.return_path)

    async def _claim(
        self, provider: Provider, state: str | None, browser_token: str | None, session_user: UserId | None
    ) -> PendingAuthorization:
        """Consume the state, whoever brings it: a state that was seen elsewhere is worth nothing any more."""
        pending = await self._states.consume(secret_hash(state)) if state else None
        if pending is None or pending.provider is not provider:
            raise _failed(
                AuthorizationFailure.STATE_INVALID, "this sign-in is unknown or was used already; start again"
            )
        # Before the cookie, whose life is no longer: without it an expired flow would look like a foreign one.
        if pending.is_expired(self._clock.now()):
            minutes = STATE_LIFETIME.total_seconds() / 60
            raise _failed(
                AuthorizationFailure.STATE_EXPIRED,
                f"the sign-in took over {minutes:.0f} minutes; start again",
            )
        if browser_token is None or not hmac.compare_digest(secret_hash(browser_token), pending.browser_hash):
            raise _failed(
                AuthorizationFailure.STATE_INVALID,
                "this sign-in was begun in another browser; start again here",
            )
        if session_user is not None and session_user != pending.user_id:
            raise _failed(
                AuthorizationFailure.STATE_INVALID, "this sign-in was begun by another user; start again"
            )
        return pending

    async def _keep(
        self, pending: PendingAuthorization, grant: Grant, uninstall: int
    ) -> tuple[CrmConnection, TokenSet | None]:
        """Return the connection, and the tokens that it lived on before, or those of an account that it replaced.

        `uninstall` is the last one from before the grant: a later one of its account may have ended it.
        """
        async with self._uow(pending.user_id) as tx:
            existing = await tx.connections.lock(pending.provider)
            superseded = None
            if existing is not None and existing.account.account_id == grant.account.account_id:
                # With their lock, so that a refresh under way ends first: it is its new tokens that are superseded.
                superseded = await readable_tokens(tx, existing)
            elif existing is not None:
                if not pending.replace:
                    raise _other_account(existing, grant)
                superseded = await fence_off(tx, existing, "the CRM account was replaced", self._clock.now())
                await purge_records(tx, existing, self._clock.now())
                existing = None
            account_id = grant.account.account_id
            if await tx.connections.is_uninstalled_since(pending.provider, account_id, uninstall):
                raise _uninstalled_meanwhile(pending.provider)
            connection = self._established(existing, pending, grant)
            await tx.connections.save(connection)
            await tx.tokens.put(connection.id, grant.tokens)
            profile_id = IcpProfileId(self._randomness.uuid())
            await tx.icp_profiles.add_default(IcpProfile.default(profile_id, pending.user_id))
            await self._request_sync(tx, connection)
        return connection, superseded

    def _established(
        self, existing: CrmConnection | None, pending: PendingAuthorization, grant: Grant
    ) -> CrmConnection:
        now = self._clock.now()
        if existing is not None:
            return existing.reauthorize(grant, now)
        connection_id = ConnectionId(self._randomness.uuid())
        return CrmConnection.establish(connection_id, pending.user_id, pending.provider, grant, now)

    async def _before_exchange(self, pending: PendingAuthorization) -> tuple[str | None, int]:
        """Return the refresh token that a connection lives on, and the number of the last uninstall."""
        async with self._uow(pending.user_id) as tx:
            living = await _kept_refresh_token(tx, pending.provider)
            return living, await tx.connections.latest_uninstall()

    async def _living_on(self, pending: PendingAuthorization) -> str | None:
        async with self._uow(pending.user_id) as tx:
            return await _kept_refresh_token(tx, pending.provider)

    async def _give_back(
        self, crm: CrmProvider, pending: PendingAuthorization, tokens: TokenSet, before: str | None
    ) -> None:
        """Revoke a grant we do not keep, unless the CRM gave the very token that a connection lives on.

        A store that cannot say now counts for what it said before the exchange. Whoever connects is told that
        it failed, and connects again; a connection that lived goes on.
        """
        try:
            async with asyncio.timeout(_LOOKING_LIMIT.total_seconds()):
                living = await self._living_on(pending)
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("grant.store_not_asked", provider=crm.provider, reason=str(error))
            living = before
        if living != tokens.refresh_token:
            await revoke(crm, tokens)


async def _kept_refresh_token(tx: Transaction, provider: Provider) -> str | None:
    """Read without a lock: a refresh under way would keep us waiting."""
    connection = await tx.connections.get(provider)
    if connection is None:
        return None
    try:
        return (await tx.tokens.get(connection.id)).tokens.refresh_token
    except (NotFound, SecretUnreadable):
        return None


async def _exchange(
    crm: CrmProvider, code: str, pending: PendingAuthorization, issued: TokensIssued
) -> Grant:
    name = crm.provider.label
    try:
        return await crm.exchange(code, pending.code_verifier, pending.login_host, issued=issued)
    except GrantRejected as error:
        detail = f"{name} refused the authorization code ({error.reason}); start again"
        raise _failed(AuthorizationFailure.FAILED, detail) from error
    except RateLimited as error:
        raise _failed(AuthorizationFailure.FAILED, str(error)) from error
    except CrmUnavailable as error:
        detail = f"{name} does not answer at the moment; try again in a minute"
        raise _failed(AuthorizationFailure.FAILED, detail) from error
    except CrmMisconfigured as error:
        log.error("crm.our_credentials_refused", provider=crm.provider, reason=error.reason)  # noqa: TRY400 - the traceback would say no more than the reason
        detail = f"{name} refused our application's credentials; the fault is ours, not yours"
        raise _failed(AuthorizationFailure.FAILED, detail) from error
    except CrmError as error:
        log.exception("authorization.answer_not_understood", provider=crm.provider)
        why = error.reason if isinstance(error, CrmRejected) else "its answer makes no sense to us"
        detail = f"{name} could not be connected: {why}; try again later, and if it stays, tell us"
        raise _failed(AuthorizationFailure.FAILED, detail) from error


def _granted_code(provider: Provider, code: str | None, error: str | None) -> str:
    if error in _DENIALS:
        raise _failed(AuthorizationFailure.DENIED, f"access was not granted at {provider.label}")
    if error is not None:
        told = error if _ERROR_CODE.fullmatch(error) else "an unknown error"
        raise _failed(AuthorizationFailure.FAILED, f"{provider.label} ended the sign-in: {told}")
    if not code or not _CODE.fullmatch(code):
        detail = f"{provider.label} sent no authorization code that can be one; start again"
        raise _failed(AuthorizationFailure.FAILED, detail)
    return code


def _require_scopes(crm: CrmProvider, grant: Grant) -> None:
    missing = crm.required_scopes - grant.tokens.scopes
    if missing:
        detail = f"these permissions were not granted: {', '.join(sorted(missing))}"
        raise _failed(AuthorizationFailure.SCOPE_MISSING, detail)


def _other_account(existing: CrmConnection, grant: Grant) -> AuthorizationFailed:
    detail = (
        f"you chose the account {grant.account.name} ({grant.account.account_id}), "
        f"but are connected to {existing.account.name} ({existing.account.account_id}); "
        "choose that one, or ask to replace it, which deletes its data here"
    )
    return _failed(AuthorizationFailure.ACCOUNT_MISMATCH, detail)


def _uninstalled_meanwhile(provider: Provider) -> AuthorizationFailed:
    detail = f"our app was removed from this {provider.label} account while you connected it; start again in a minute"
    return _failed(AuthorizationFailure.FAILED, detail)


def _failed(failure: AuthorizationFailure, detail: str) -> AuthorizationFailed:
    sentence = detail[0].upper() + detail[1:] + "."
    return AuthorizationFailed(failure, sentence)
