"""Everything that can go wrong, drawn once.

    AstreloError
    ├─ NotFound                     no such thing for this user
    ├─ InvalidTransition            the thing is in a state that does not allow this
    ├─ InvalidInput                 a value from outside that we cannot accept
    ├─ AuthorizationFailed          an OAuth flow ended without a connection; carries the reason
    ├─ ProviderNotConfigured        no client credentials for this CRM in the settings
    ├─ AccountBusy                  another run reads this CRM account now: come back a little later
    ├─ RunTakenOver                 the fence: another worker owns this run now, write nothing
    ├─ WebhookRejected              a call that is not the CRM's, too old, or not in its form
    ├─ SecretUnreadable             a ciphertext that no key opens, or that was moved
    ├─ StoreUnavailable             our own database does not answer, or a lock was not had in time
    └─ CrmError                     what a CRM answered
       ├─ RateLimited               wait exactly that long
       ├─ CrmUnavailable            transient: try again with backoff
       ├─ ReauthorizationRequired   the grant is gone: a person must connect again
       ├─ PermissionMissing         this object type is refused, the others may go on
       ├─ GrantRejected             the authorization code was refused: start the flow again
       ├─ CrmMisconfigured          our own credentials or redirect were refused: ours to mend
       └─ CrmRejected               an answer that makes no sense to us: the others may go on; a bug, theirs or ours

Each class exists because somebody does something different on catching it.
Messages are made from fields and never contain a token, a code or a record's content.
"""

from datetime import timedelta
from enum import StrEnum
from math import ceil

from astrelo.domain.identifiers import ObjectType, Provider

_MAX_MINUTES = 50
"""People count a longer time in hours."""


class AstreloError(Exception):
    """The root: catch it at the edges only."""


class NotFound(AstreloError):
    """No such thing for this user; also the answer to another tenant's id."""

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(f"There is no {kind} {identifier}.")
        self.kind = kind
        self.identifier = identifier


class InvalidTransition(AstreloError):
    """An action that the thing's present state does not allow."""

    def __init__(self, kind: str, state: str, action: str) -> None:
        super().__init__(f"A {kind} that is {state} cannot be {action}.")
        self.kind = kind
        self.state = state
        self.action = action


class InvalidInput(AstreloError):
    """A value from outside that we cannot accept; `field` names it, `reason` says what is allowed."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class AuthorizationFailure(StrEnum):
    """Why a connect flow ended without a connection. The values are part of the frontend's contract."""

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


class ProviderNotConfigured(AstreloError):
    """The settings hold no client credentials for this CRM."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(
            f"{provider.label} is not configured: set ASTRELO_{provider.upper()}_CLIENT_ID "
            f"and ASTRELO_{provider.upper()}_CLIENT_SECRET."
        )
        self.provider = provider


class AccountBusy(AstreloError):
    """Another run, perhaps another user's, is reading this CRM account: two would share its rate limit."""

    def __init__(self, run: object) -> None:
        super().__init__(f"Sync run {run} waits: another run reads the same CRM account now.")
        self.run = run


class RunTakenOver(AstreloError):
    """The run's epoch has moved: another worker, a cancel or a disconnect owns it. Roll back and stop."""

    def __init__(self, run: object) -> None:
        super().__init__(f"Sync run {run} was taken over; this worker must not write for it any more.")
        self.run = run


class WebhookRejected(AstreloError):
    """A webhook call whose signature, age or form is not the CRM's."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The webhook call was refused: {reason}.")
        self.reason = reason


class SecretUnreadable(AstreloError):
    """A stored secret that no configured key opens, or that was moved to another place."""

    def __init__(self, key_id: str, reason: str) -> None:
        super().__init__(f"A stored secret (key id {key_id}) cannot be read: {reason}.")
        self.key_id = key_id


class StoreUnavailable(AstreloError):
    """Our own database does not answer, or a lock in it was not had in time. Transient."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The database is not available: {reason}.")
        self.reason = reason


class CrmError(AstreloError):
    """What a CRM answered, in our terms.

    Its message is for people: what happened, to what, what to do; words for operators come last, in brackets. It
    ends without a full stop, since it may become part of a sentence.
    """

    def __init__(self, provider: Provider, message: str) -> None:
        super().__init__(f"{provider.label}: {message}")
        self.provider = provider


class RateLimited(CrmError):
    """The CRM asks for a pause of `retry_after` that is too long to wait in place: park.

    `policy` is the CRM's own word for what is in the way; `why` tells people.
    """

    def __init__(
        self, provider: Provider, retry_after: timedelta, policy: str, why: str = "it asks for a pause"
    ) -> None:
        super().__init__(provider, f"{why}; try again {_in_about(retry_after)} ({policy})")
        self.retry_after = retry_after
        self.policy = policy
        self.why = why


def _in_about(pause: timedelta) -> str:
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
    """The grant was revoked or the account is gone. Only a person can connect again."""

    def __init__(self, provider: Provider, reason: str) -> None:
        super().__init__(provider, f"it no longer accepts our access; connect it again ({reason})")
        self.reason = reason


class PermissionMissing(CrmError):
    """The grant does not cover this object type; None stands for the owners.

    `advice` says what to do where nobody can name what is to be granted.
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


class GrantRejected(CrmError):
    """The authorization code was unknown, used, expired, or its verifier was wrong."""

    def __init__(self, provider: Provider, reason: str) -> None:
        super().__init__(provider, f"it refused the authorization; start connecting again ({reason})")
        self.reason = reason


class CrmMisconfigured(CrmError):
    """Our client id, secret, redirect URI or scopes were refused. Never the customer's fault."""

    def __init__(self, provider: Provider, reason: str) -> None:
        super().__init__(provider, f"it refuses our own credentials, which is ours to mend ({reason})")
        self.reason = reason


class CrmRejected(CrmError):
    """An answer we do not understand or a request they do not: do not retry, tell a developer."""

    def __init__(self, provider: Provider, status: int | None, reason: str) -> None:
        detail = reason if status is None else f"HTTP {status}: {reason}"
        super().__init__(
            provider, f"it answered what makes no sense to us; try again, and if it stays, tell us ({detail})"
        )
        self.status = status
        self.reason = reason
        self.detail = detail
