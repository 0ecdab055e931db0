"""The driven ports to the CRMs: sign-in, reading, webhooks."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from astrelo.domain.connection import (
    ApiAccess,
    AuthorizationRequest,
    CrmAccount,
    Grant,
    TokenSet,
)
from astrelo.domain.identifiers import (
    CrmAccountId,
    Cursor,
    ObjectType,
    Provider,
    RecordId,
)
from astrelo.domain.records import OwnerRecord, PendingRefetch, RecordPage
from astrelo.domain.sync import Window


class CrmSession(Protocol):
    """What reading one account takes: the account, and access to its API at each request."""

    @property
    @abstractmethod
    def account(self) -> CrmAccount: ...

    @abstractmethod
    def access(self, rejected: str | None = None) -> Awaitable[ApiAccess]:
        """Return a token that should work now, and where the account's API is.

        `rejected` is a token that the CRM has just refused as expired: if it is still the current one, it
        is refreshed first. Raises ReauthorizationRequired, RateLimited, CrmUnavailable, CrmMisconfigured.
        """


TokensIssued = Callable[[TokenSet], object]
"""Takes tokens that a provider has just given. Their refresh token is empty if it gave none."""


class CrmProvider(Protocol):
    """One kind of CRM. Rate budget, paging style and retries live behind it.

    Besides the errors named below every call may raise RateLimited (a pause too long to wait in
    place), CrmUnavailable (transient, after its own retries) and CrmRejected (a bug).
    """

    @property
    @abstractmethod
    def provider(self) -> Provider: ...

    @property
    @abstractmethod
    def required_scopes(self) -> frozenset[str]:
        """Scopes without which a connection is of no use."""

    @property
    @abstractmethod
    def has_login_hosts(self) -> bool:
        """Tell whether there are several places to sign in, so that a user may name one as `login_host`."""

    @abstractmethod
    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return where to send the browser. Its host is a login host too: the one at which to exchange the code.

        Raises InvalidInput for a login host that is none of this provider's.
        """

    @abstractmethod
    async def exchange(
        self,
        code: str,
        code_verifier: str,
        login_host: str | None = None,
        *,
        issued: TokensIssued | None = None,
    ) -> Grant:
        """Turn an authorization code into a grant, where the authorization was requested. Never retried.

        `issued` is told the tokens as soon as there are any, before anything else can fail: they live on whatever
        becomes of this call, and whoever made it revokes those of which no grant came. It is not done here, because
        only the caller knows whether a connection lives on the same ones. Unlike `refresh` it may ask several times:
        the account must be known before there is anything to store, and a grant that is lost on the way costs the
        user one more click. Raises GrantRejected, CrmMisconfigured.
        """

    @abstractmethod
    async def refresh(self, tokens: TokenSet) -> TokenSet:
        """Get new tokens by one request, and return what its answer says. Never retried.

        A refresh token may be single-use, and then the new one exists in this answer alone: whoever called stores
        it before anything else is asked, so nothing else is asked here. `expires_at` is None where the answer does
        not tell it (`fetch_expiry` may). Returns within 15 s. Raises ReauthorizationRequired, CrmMisconfigured,
        CrmUnavailable.
        """

    @abstractmethod
    async def fetch_expiry(self, tokens: TokenSet) -> datetime | None:
        """Tell when the access token ends; None if it ends before long, and whatever goes wrong in asking.

        For tokens that are stored already. Returns within 5 s and raises no CrmError: not to know it costs one
        refused request, later.
        """

    @abstractmethod
    async def can_refresh(self, tokens: TokenSet) -> bool:
        """Tell, without using them up, whether these tokens may be refreshed.

        Asked after a refresh whose answer was lost: a single-use token that was used up and is presented
        again can end the whole grant. Returns within 15 s. Raises CrmMisconfigured, CrmUnavailable.
        """

    @abstractmethod
    async def revoke(self, tokens: TokenSet) -> None:
        """End the grant at the provider. Idempotent: a grant that is gone already is no error."""

    @property
    @abstractmethod
    def can_uninstall(self) -> bool:
        """Tell whether our app can be removed from an account, beside the end of one grant."""

    @abstractmethod
    async def uninstall(self, session: CrmSession) -> None:
        """Remove our app from the account, for all its users: every grant ends, and the customer's people are told.

        Only for a provider that can. Sent once, and again only with another token where one was refused: after an
        error it may have happened all the same. Raises ReauthorizationRequired, PermissionMissing.
        """

    @abstractmethod
    def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        """Walk the records modified in `window` (all live ones without), from `cursor` on.

        Yields pages of at most about 1,000 records, associations included; the last one has no cursor.
        A page may be empty: its cursor is where to go on all the same. `removed_ids`, `erased_ids` and
        `merged` are what it happens to meet; what is missing from a walk over all records may still live.
        Whoever leaves early closes it, so that what is fetched ahead stops.
        Raises PermissionMissing, ReauthorizationRequired.
        """

    @abstractmethod
    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        """Read records by id: those that are gone come as `removed_ids`, merged ones in `merged`."""

    @abstractmethod
    async def list_owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        """Return every owner, archived ones too. Raises PermissionMissing."""


class WebhookRequest(NamedTuple):
    """A webhook call as it arrived."""

    method: str
    uri: str
    """The public URI that the CRM called, query included, spelt as it came; bytes that are no UTF-8 as lone surrogates
    (`surrogateescape`)."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class CrmWebhooks(Protocol):
    @abstractmethod
    def parse(
        self, request: WebhookRequest, now: datetime
    ) -> Mapping[CrmAccountId, frozenset[PendingRefetch]]:
        """Check the call's signature and return what it names, by account; unknown events name nothing.

        Raises WebhookRejected when the call is not the CRM's, is too old, or is not in its form.
        """


@dataclass(frozen=True, slots=True)
class CrmProviders:
    """The configured CRMs, by name."""

    by_name: Mapping[Provider, CrmProvider]

    def get(self, provider: Provider) -> CrmProvider | None:
        return self.by_name.get(provider)


@dataclass(frozen=True, slots=True)
class ConfiguredWebhooks:
    """The CRMs whose webhooks are taken, by name."""

    by_name: Mapping[Provider, CrmWebhooks]

    def get(self, provider: Provider) -> CrmWebhooks | None:
        return self.by_name.get(provider)
