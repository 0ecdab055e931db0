"""The tree of the application's errors.

    AstreloError
    ├─ NotFound                     the user has no such entity
    ├─ NotConnected                 the user has no connection to this CRM
    ├─ InvalidTransition            the entity's state does not allow the action
    ├─ InvalidInput                 a value from outside is not acceptable
    │  └─ InvalidCursor             a cursor of the change feed that this database never gave to this user
    ├─ CursorExpired                the change feed no longer reaches back to the cursor: begin anew
    ├─ LimitReached                 the user has as many of these as one may have
    ├─ TooManyStreams               the user has as many event streams open as one user may: close one
    ├─ StreamsExhausted             this process has no room for another event stream: retry elsewhere or later
    ├─ AuthorizationFailed          an OAuth flow ended without a connection; carries the reason
    ├─ SignInLinkInvalid            a sign-in link that was used, has expired, or was never issued
    ├─ ProviderNotConfigured        the settings hold no client credentials for this CRM
    ├─ AccountBusy                  another run reads this CRM account now: retry a little later
    ├─ RunTakenOver                 the fence: another worker owns this run now, write nothing
    ├─ WebhookRejected              a webhook call without a valid signature, too old, or malformed
    ├─ SecretUnreadable             no key decrypts a stored secret, or it was moved
    ├─ StoreUnavailable             our database does not respond, or a lock was not acquired in time
    ├─ QueryTooSlow                 a read took longer than reads may: ask for less
    ├─ TooManyRequests              the user's other requests use all that one user may: retry a little later
    └─ CrmError                     an error response of a CRM
       ├─ RateLimited               wait for the stated time
       ├─ CrmUnavailable            transient: retry with backoff
       ├─ ReauthorizationRequired   the grant has ended: the user must connect again
       ├─ PermissionMissing         the CRM refuses this object type; the others may continue
       ├─ GrantRejected             the CRM refused the authorization code: restart the flow
       ├─ CrmMisconfigured          the CRM refused our own credentials or redirect URI: an operator must fix it
       └─ CrmRejected               an unreadable response or a refused request: a bug of either side; others may continue

Each class is handled differently by a caller.
Messages are made from fields and never contain a token, a code or a record's content.
"""

from datetime import timedelta
from enum import StrEnum
from math import ceil

from astrelo.domain.identifiers import ObjectType, Provider

_MAX_MINUTES = 50
"""Longer times are stated in hours."""


class AstreloError(Exception):
    """The root: catch it at entry points only."""


class NotFound(AstreloError):
    """The user has no such entity; also raised for another tenant's id."""

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(f"There is no {kind} {identifier}.")
        self.kind = kind
        self.identifier = identifier


class NotConnected(AstreloError):
    """The user has not connected this CRM, or has disconnected it."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(f"{provider.label} is not connected.")
        self.provider = provider


class InvalidTransition(AstreloError):
    """An action that the entity's present state does not allow."""

    def __init__(self, kind: str, state: str, action: str) -> None:
        super().__init__(f"A {kind} that is {state} cannot be {action}.")
        self.kind = kind
        self.state = state
        self.action = action


class InvalidInput(AstreloError):
    """An unacceptable value from outside; `field` names it, `reason` says what is allowed."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class InvalidCursor(InvalidInput):
    """A cursor of the change feed that this database never gave to this user."""


class CursorExpired(AstreloError):
    """Deletions behind a cursor of the change feed have been forgotten: what was read so far may hold deleted records."""

    def __init__(self) -> None:
        super().__init__("The change feed no longer reaches back to this cursor.")


class LimitReached(AstreloError):
    """The user has as many of these entities as one user may have."""

    def __init__(self, kind: str, limit: int) -> None:
        super().__init__(f"There can be {limit} {kind} at most.")
        self.kind = kind
        self.limit = limit


class TooManyStreams(AstreloError):
    """The user has as many event streams open at this process as one user may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The user has {limit} event streams open, as many as one user may.")
        self.limit = limit


class StreamsExhausted(AstreloError):
    """This process has as many event streams open as it may, or is about to stop. Transient."""

    def __init__(self) -> None:
        super().__init__("No further event stream can be opened here.")


class AuthorizationFailure(StrEnum):
    """Why a connect flow ended without a connection. The frontend depends on the values."""

    STATE_INVALID = "oauth_state_invalid"
    STATE_EXPIRED = "oauth_state_expired"
    DENIED = "oauth_denied"
    FAILED = "oauth_failed"
    SCOPE_MISSING = "oauth_scope_missing"
    ACCOUNT_MISMATCH = "oauth_account_mismatch"
    NOT_CONFIGURED = "oauth_not_configured"


class AuthorizationFailed(AstreloError):
    """An OAuth flow ended without a connection. Nothing was stored."""

    def __init__(self, failure: AuthorizationFailure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail


class SignInLinkInvalid(AstreloError):
    """A sign-in link that was used, has expired, or was never issued: which of these, only the log says."""

    def __init__(self) -> None:
        super().__init__("The sign-in link was used already, or is too old.")


class ProviderNotConfigured(AstreloError):
    """The settings hold no client credentials for this CRM."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(
            f"{provider.label} is not configured: set ASTRELO_{provider.upper()}_CLIENT_ID "
            f"and ASTRELO_{provider.upper()}_CLIENT_SECRET."
        )
        self.provider = provider


class AccountBusy(AstreloError):
    """Another run, perhaps another user's, is reading this CRM account: runs would share its rate limit."""

    def __init__(self, run: object) -> None:
        super().__init__(f"Sync run {run} waits: another run reads the same CRM account now.")
        self.run = run


class RunTakenOver(AstreloError):
    """The run's epoch was raised by another worker, a cancel or a disconnect. Roll back and stop."""

    def __init__(self, run: object) -> None:
        super().__init__(f"Sync run {run} was taken over; this worker must not write for it any more.")
        self.run = run


class WebhookRejected(AstreloError):
    """A webhook call with a wrong signature, age or form."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The webhook call was refused: {reason}.")
        self.reason = reason


class SecretUnreadable(AstreloError):
    """A stored secret that no configured key decrypts, or that was moved to another row or column."""

    def __init__(self, key_id: str, reason: str) -> None:
        super().__init__(f"A stored secret (key id {key_id}) cannot be read: {reason}.")
        self.key_id = key_id


class StoreUnavailable(AstreloError):
    """Our database does not respond, or a lock in it was not acquired in time. Transient."""

    def __init__(self, reason: str, *, is_outage: bool = True) -> None:
        super().__init__(f"The database is not available: {reason}.")
        self.reason = reason
        self.is_outage = is_outage
        """False where the statement itself may be the cause, such as one that takes too long, and may fail each time."""


class QueryTooSlow(AstreloError):
    """A read was ended at its time limit; the same one would be again."""

    def __init__(self) -> None:
        super().__init__("The read took too long and was ended.")


class TooManyRequests(AstreloError):
    """The user has as many reads under way as one user may, and none of them ended in time. Transient."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The user's other requests are still running: {limit} at once may read.")
        self.limit = limit


class CrmError(AstreloError):
    """An error response of a CRM.

    Its own text is for logs and the command line, without a full stop, since it may become part of a sentence. What
    customers read about it is made of its fields, in application/messages.py.
    """

    def __init__(self, provider: Provider, message: str) -> None:
        super().__init__(f"{provider.label}: {message}")
        self.provider = provider


class RateLimited(CrmError):
    """The CRM asks for a pause of `retry_after`, too long to wait in place: park the run.

    `policy` is the CRM's name of the limit; `why` is a clause for users, None where there is only the pause.
    """

    def __init__(
        self, provider: Provider, retry_after: timedelta, policy: str, why: str | None = None
    ) -> None:
        what = why or "it asks for a pause"
        super().__init__(provider, f"{what}; try again {_describe_pause(retry_after)} ({policy})")
        self.retry_after = retry_after
        self.policy = policy
        self.why = why


def _describe_pause(pause: timedelta) -> str:
    minutes, hours = ceil(pause / timedelta(minutes=1)), round(pause / timedelta(hours=1))
    if minutes <= 1:
        return "in a minute"
    if minutes <= _MAX_MINUTES:
        return f"in about {minutes} minutes"
    return "in about an hour" if hours <= 1 else f"in about {hours} hours"


class CrmUnavailable(CrmError):
    """Transient, and still so after the adapter's own retries."""

    def __init__(self, provider: Provider, reason: str) -> None:
        super().__init__(provider, f"not available at the moment; try again in a few minutes ({reason})")
        self.reason = reason


class ReauthorizationRequired(CrmError):
    """The grant was revoked or the account is gone: the user must connect again."""

    def __init__(self, provider: Provider, reason: str) -> None:
        super().__init__(provider, f"it no longer accepts our access; connect it again ({reason})")
        self.reason = reason


class PermissionMissing(CrmError):
    """The grant does not cover this object type; None stands for the owners.

    `advice` says what to do where the missing permission has no name.
    """

    def __init__(
        self,
        provider: Provider,
        object_type: ObjectType | None,
        scopes: tuple[str, ...],
        advice: str | None = None,
    ) -> None:
        what = object_type or "owners"
        needs = ", ".join(scopes) or "the permission that is missing"
        super().__init__(
            provider,
            f"it does not let us read the {what}; {advice or f'grant {needs}, then connect it again'}",
        )
        self.object_type = object_type
        self.scopes = scopes
        self.advice = advice


class GrantRejected(CrmError):
    """The authorization code was unknown, used or expired, or its verifier was wrong."""

    def __init__(self, provider: Provider, reason: str) -> None:
        super().__init__(provider, f"it refused the authorization; start connecting again ({reason})")
        self.reason = reason


class CrmMisconfigured(CrmError):
    """The CRM refused our client id, secret, redirect URI or scopes. Never the customer's fault."""

    def __init__(self, provider: Provider, reason: str) -> None:
        super().__init__(provider, f"it refuses our application's own credentials ({reason})")
        self.reason = reason


class CrmRejected(CrmError):
    """A response that we cannot read, or a request that the CRM refuses as invalid: a bug, so do not retry."""

    def __init__(self, provider: Provider, status: int | None, reason: str) -> None:
        detail = reason if status is None else f"HTTP {status}: {reason}"
        super().__init__(provider, f"its response cannot be read ({detail})")
        self.status = status
        self.reason = reason
        self.detail = detail
