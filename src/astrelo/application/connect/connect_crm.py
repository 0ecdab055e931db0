"""Finishing a connect flow (see `start_authorization`): the CRM's redirect becomes a connection."""

import asyncio
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta

import structlog

from astrelo.application import messages
from astrelo.application.connect.disconnect_crm import lock_readable_tokens, purge_records, stop_using
from astrelo.application.connect.start_authorization import secret_hash
from astrelo.application.connection_lifecycle import ConnectionLifecycle
from astrelo.application.sync.run_lifecycle import RunLifecycle
from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.application.tokens.revocation import revoke
from astrelo.domain import errors
from astrelo.domain.connection import STATE_LIFETIME, CrmConnection, Grant, PendingAuthorization, TokenSet
from astrelo.domain.icp import IcpProfile
from astrelo.domain.identifiers import ConnectionId, IcpProfileId, Provider, UserId
from astrelo.domain.ports.crm import CrmProvider, CrmProviders, TokensIssued
from astrelo.domain.ports.state import OAuthStates, Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock, Randomness

log = structlog.get_logger()

_LOOKUP_TIMEOUT = timedelta(seconds=5)
"""How long the store may take to return the connection's tokens before other tokens are revoked."""

_DENIALS = frozenset({"access_denied", "access-denied"})
"""RFC 6749 §4.1.2.1, and the spelling on a help page of one CRM."""

_CODE = re.compile(r"[\x20-\x7e]{1,4096}")
"""Visible characters, by RFC 6749 appendix A.11; the maximum length is our own."""

_ERROR_CODE = re.compile(r"[A-Za-z_]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    connection: CrmConnection
    return_path: str


class ConnectCrm:
    """Finish a connect flow: make a connection from the CRM's redirect, and request its first sync.

    Connecting the same account again keeps the connection's id and data, and revokes its former grant. A grant for
    another account is refused and revoked, unless the flow was started to replace the account.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        states: OAuthStates,
        crms: CrmProviders,
        tokens: AccessTokens,
        lifecycle: RunLifecycle,
        connections: ConnectionLifecycle,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._uow = uow
        self._states = states
        self._crms = crms
        self._tokens = tokens
        self._lifecycle = lifecycle
        self._connections = connections
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
        """Connect for the user who started the flow. The parameters are the callback's, not validated.

        Raises AuthorizationFailed, with nothing stored, and StoreUnavailable.
        """
        crm = self._crms.get(provider)
        if crm is None:
            detail = str(errors.ProviderNotConfigured(provider)).removesuffix(".")
            raise _make_error(errors.AuthorizationFailure.NOT_CONFIGURED, detail)
        pending = await self._consume_state(provider, state, browser_token, session_user)
        valid_code = _validate_code(provider, code, error)
        # Read before the exchange: the store may be unavailable when the exchange has failed.
        async with self._uow(pending.user_id) as tx:
            stored_refresh_token = await _get_refresh_token(tx, pending.provider)
            uninstall = await tx.connections.latest_uninstall()
        issued: list[TokenSet] = []
        try:
            grant = await _exchange(crm, valid_code, pending, issued.append)
            connection, superseded = await self._store_grant(pending, grant, uninstall)
        except BaseException:
            # On any error, also a cancellation: the exchange has created a grant that is stored nowhere.
            for tokens in issued:
                await self._revoke_unless_stored(crm, pending, tokens, stored_refresh_token)
            raise
        self._tokens.forget(connection.id)
        if superseded is not None and superseded.refresh_token != grant.tokens.refresh_token:
            await revoke(crm, superseded)
        log.info("connection.established", connection_id=str(connection.id), provider=provider)
        return Connected(connection=connection, return_path=pending.return_path)

    async def _consume_state(
        self, provider: Provider, state: str | None, browser_token: str | None, session_user: UserId | None
    ) -> PendingAuthorization:
        """Consume the state even when it is refused: a state that was seen elsewhere must not be used again."""
        pending = await self._states.consume(secret_hash(state)) if state else None
        if pending is None or pending.provider is not provider:
            raise _make_error(
                errors.AuthorizationFailure.STATE_INVALID,
                "this sign-in is unknown or was used already; start again",
            )
        # Before the cookie, which expires with the state: an expired flow would otherwise look like another browser's.
        if pending.is_expired(self._clock.now()):
            minutes = STATE_LIFETIME.total_seconds() / 60
            raise _make_error(
                errors.AuthorizationFailure.STATE_EXPIRED,
                f"the sign-in took over {minutes:.0f} minutes; start again",
            )
        if browser_token is None or not hmac.compare_digest(secret_hash(browser_token), pending.browser_hash):
            raise _make_error(
                errors.AuthorizationFailure.STATE_INVALID,
                "this sign-in was begun in another browser; start again here",
            )
        if session_user is not None and session_user != pending.user_id:
            raise _make_error(
                errors.AuthorizationFailure.STATE_INVALID,
                "this sign-in was begun by another user; start again",
            )
        return pending

    async def _store_grant(
        self, pending: PendingAuthorization, grant: Grant, uninstall: int
    ) -> tuple[CrmConnection, TokenSet | None]:
        """Save the connection; return it and its former tokens, or those of the account that it replaced.

        `uninstall` is the number of the last one before the grant: a later one of the account may have ended the
        grant.
        """
        async with self._uow(pending.user_id) as tx:
            existing = await tx.connections.lock(pending.provider)
            superseded = None
            if existing is not None and existing.account.account_id == grant.account.account_id:
                # Locked, so that a refresh in progress ends first: its new tokens are the superseded ones.
                superseded = await lock_readable_tokens(tx, existing)
            elif existing is not None:
                if not pending.replace:
                    detail = (
                        f"you chose the account {grant.account.label}, "
                        f"but are connected to {existing.account.label}; "
                        "choose that one, or ask to replace it, which deletes its data here"
                    )
                    raise _make_error(errors.AuthorizationFailure.ACCOUNT_MISMATCH, detail)
                ended = existing.disconnect(messages.REPLACED.reason)
                await self._connections.save(tx, ended, former=existing)
                superseded = await stop_using(
                    tx, existing, self._lifecycle, messages.CANCELLED_BY_REPLACEMENT.reason
                )
                await purge_records(tx, existing, self._clock.now())
                existing = None
            account_id = grant.account.account_id
            if await tx.connections.is_uninstalled_since(pending.provider, account_id, uninstall):
                crm = pending.provider.label
                detail = f"our app was removed from this {crm} account while you connected it; start again in a minute"
                raise _make_error(errors.AuthorizationFailure.FAILED, detail)
            if existing is not None:
                connection = existing.reauthorize(grant, self._clock.now())
            else:
                connection = CrmConnection.establish(
                    ConnectionId(self._randomness.uuid()),
                    pending.user_id,
                    pending.provider,
                    grant,
                    self._clock.now(),
                )
            await self._connections.save(tx, connection, former=existing)
            await tx.tokens.put(connection.id, grant.tokens)
            profile_id = IcpProfileId(self._randomness.uuid())
            await tx.icp_profiles.add_default(IcpProfile.default(profile_id, pending.user_id))
            await self._lifecycle.request(tx, connection)
        return connection, superseded

    async def _revoke_unless_stored(
        self, crm: CrmProvider, pending: PendingAuthorization, tokens: TokenSet, before: str | None
    ) -> None:
        """Revoke a grant that is not kept, unless a connection uses the same refresh token.

        If the store is unavailable, `before` decides, the refresh token that was stored before the exchange. The
        user sees that connecting failed and can retry; an existing connection continues to work.
        """
        try:
            async with asyncio.timeout(_LOOKUP_TIMEOUT.total_seconds()), self._uow(pending.user_id) as tx:
                stored = await _get_refresh_token(tx, pending.provider)
        except (errors.StoreUnavailable, TimeoutError) as error:
            log.warning("grant.store_not_asked", provider=crm.provider, reason=str(error))
            stored = before
        if stored != tokens.refresh_token:
            await revoke(crm, tokens)


async def _get_refresh_token(tx: Transaction, provider: Provider) -> str | None:
    """Read the connection's refresh token without a lock, so as not to wait for a refresh in progress."""
    connection = await tx.connections.get(provider)
    if connection is None:
        return None
    try:
        return (await tx.tokens.get(connection.id)).tokens.refresh_token
    except (errors.NotFound, errors.SecretUnreadable):
        return None


async def _exchange(
    crm: CrmProvider, code: str, pending: PendingAuthorization, issued: TokensIssued
) -> Grant:
    name = crm.provider.label
    try:
        grant = await crm.exchange(code, pending.code_verifier, pending.login_host, issued=issued)
    except errors.GrantRejected as error:
        detail = f"{name} refused the authorization code ({error.reason}); start again"
        raise _make_error(errors.AuthorizationFailure.FAILED, detail) from error
    except errors.RateLimited as error:
        raise _make_error(errors.AuthorizationFailure.FAILED, str(error)) from error
    except errors.CrmUnavailable as error:
        detail = f"{name} does not answer at the moment; try again in a minute"
        raise _make_error(errors.AuthorizationFailure.FAILED, detail) from error
    except errors.CrmMisconfigured as error:
        log.error("crm.our_credentials_refused", provider=crm.provider, reason=error.reason)  # noqa: TRY400 - the traceback would say no more than the reason
        detail = f"{name} refused our application's credentials; the fault is ours, not yours"
        raise _make_error(errors.AuthorizationFailure.FAILED, detail) from error
    except errors.CrmError as error:
        log.exception("authorization.answer_not_understood", provider=crm.provider)
        why = error.reason if isinstance(error, errors.CrmRejected) else "its answer makes no sense to us"
        detail = f"{name} could not be connected: {why}; try again later; if it happens again, contact us"
        raise _make_error(errors.AuthorizationFailure.FAILED, detail) from error
    if missing := crm.required_scopes - grant.tokens.scopes:
        detail = f"these permissions were not granted: {', '.join(sorted(missing))}"
        raise _make_error(errors.AuthorizationFailure.SCOPE_MISSING, detail)
    return grant


def _validate_code(provider: Provider, code: str | None, error: str | None) -> str:
    if error in _DENIALS:
        raise _make_error(errors.AuthorizationFailure.DENIED, f"access was not granted at {provider.label}")
    if error is not None:
        reported = error if _ERROR_CODE.fullmatch(error) else "an unknown error"
        raise _make_error(
            errors.AuthorizationFailure.FAILED, f"{provider.label} ended the sign-in: {reported}"
        )
    if not code or not _CODE.fullmatch(code):
        detail = f"{provider.label} sent no authorization code that can be one; start again"
        raise _make_error(errors.AuthorizationFailure.FAILED, detail)
    return code


def _make_error(failure: errors.AuthorizationFailure, detail: str) -> errors.AuthorizationFailed:
    sentence = detail[0].upper() + detail[1:] + "."
    return errors.AuthorizationFailed(failure, sentence)
