"""The driven ports to the CRMs: sign-in, reading, webhooks."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from astrelo.domain.connection import ApiAccess, AuthorizationRequest, CrmAccount, Grant, TokenSet
from astrelo.domain.identifiers import CrmAccountId, Cursor, ObjectType, Provider, RecordId
from astrelo.domain.records import OwnerRecord, PendingRefetch, RecordPage
from astrelo.domain.sync import Window


class CrmSession(Protocol):
    """A CRM account, and access to its API for each request."""

    @property
    @abstractmethod
    def account(self) -> CrmAccount: ...

    @abstractmethod
    def access(self, rejected: str | None = None) -> Awaitable[ApiAccess]:
        """Return an access token that should be valid now, and the address of the account's API.

        `rejected` is a token that the CRM has just refused as expired: if it is still the current one, it
        is refreshed first. Raises ReauthorizationRequired, RateLimited, CrmUnavailable, CrmMisconfigured.
        """


TokensIssued = Callable[[TokenSet], object]
"""Receives tokens that a provider has just issued. Their refresh token is empty if it issued none."""


class CrmProvider(Protocol):
    """One kind of CRM. Its adapter takes care of rate limits, pagination and retries.

    Besides the errors named below every call may raise RateLimited (a pause too long to wait in
    place), CrmUnavailable (transient, after its own retries) and CrmRejected (a bug).
    """

    @property
    @abstractmethod
    def provider(self) -> Provider: ...

    @property
    @abstractmethod
    def required_scopes(self) -> frozenset[str]:
        """Return the scopes without which a connection is of no use."""

    @property
    @abstractmethod
    def has_login_hosts(self) -> bool:
        """Return whether users sign in at different hosts, so that a user may name one as `login_host`."""

    @property
    @abstractmethod
    def industry_labels(self) -> Mapping[str, str]:
        """Return what this CRM shows people in place of its values of `industry`, where those differ."""

    @abstractmethod
    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the URL to send the browser to. Its host is the login host at which to exchange the code.

        Raises InvalidInput for a login host that is not this provider's.
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
        """Exchange an authorization code for a grant, at the host of the authorization. Never retried.

        Calls `issued` with the tokens as soon as there are any, before anything else can fail: tokens stay valid
        even if this call fails, so the caller must revoke those of which no grant came. The adapter cannot do that,
        because only the caller knows whether a connection uses the same tokens. Unlike `refresh` it may send several
        requests: the account must be known before there is anything to store, and a lost grant costs the user one
        more click. Raises GrantRejected, CrmMisconfigured.
        """

    @abstractmethod
    async def refresh(self, tokens: TokenSet) -> TokenSet:
        """Get new tokens by exactly one request. Never retried.

        A refresh token may be single-use, and then the new one exists in this response only: the caller must store
        it before any other request, so none is sent here. `expires_at` is None where the response does not state it
        (`fetch_expiry` may know). Returns within 15 s. Raises ReauthorizationRequired, CrmMisconfigured,
        CrmUnavailable.
        """

    @abstractmethod
    async def fetch_expiry(self, tokens: TokenSet) -> datetime | None:
        """Return when the access token expires; None if it expires soon, or if the request fails.

        For tokens that are already stored. Returns within 5 s and raises no CrmError: an unknown expiry costs one
        refused request later.
        """

    @abstractmethod
    async def can_refresh(self, tokens: TokenSet) -> bool:
        """Return whether these tokens may be refreshed, without consuming them.

        Called after a refresh whose response was lost: presenting a consumed single-use token again
        can end the whole grant. Returns within 15 s. Raises CrmMisconfigured, CrmUnavailable.
        """

    @abstractmethod
    async def revoke(self, tokens: TokenSet) -> None:
        """End the grant at the provider. Idempotent: a grant that has ended already is no error."""

    @property
    @abstractmethod
    def can_uninstall(self) -> bool:
        """Return whether our app can be uninstalled from an account, apart from revoking one grant."""

    @abstractmethod
    async def uninstall(self, session: CrmSession) -> None:
        """Uninstall our app from the account for all its users: every grant ends, and the CRM notifies the customer.

        Only where `can_uninstall`. Sent once, and again only with another token if the first was refused: after an
        error the uninstall may still have happened. Raises ReauthorizationRequired, PermissionMissing.
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
        """Stream the records modified in `window` (without one, all live records), starting at `cursor`.

        Yields pages of any size, associations included, and prefetches the next ones; the last page has no cursor.
        A page may be empty: continue at its cursor. `removed_ids`, `erased_ids` and `merged` are not complete,
        and a record that is missing from a full listing may still be live.
        Close the generator when leaving early, so that prefetching stops.
        Raises PermissionMissing, ReauthorizationRequired.
        """

    @abstractmethod
    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        """Read records by id: those that are gone are in `removed_ids`, merged ones in `merged`."""

    @abstractmethod
    async def list_owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        """Return all owners, including archived ones. Raises PermissionMissing."""


RecordUrl = Callable[[str, str | None, ObjectType, str], str | None]
"""Returns where a person opens a record, from its account's id and pages, its type and its id; None if not known."""


@dataclass(frozen=True, slots=True)
class RecordUrls:
    """Where each CRM shows its records, by name; for all CRMs, configured or not."""

    by_name: Mapping[Provider, RecordUrl]

    def url(
        self,
        provider: Provider,
        account_id: str,
        app_url: str | None,
        object_type: ObjectType,
        record_id: str,
    ) -> str | None:
        return self.by_name[provider](account_id, app_url, object_type, record_id)


class WebhookRequest(NamedTuple):
    """A webhook call as it arrived."""

    method: str
    uri: str
    """The public URI that the CRM called, with its query, as received; bytes that are not UTF-8 are lone surrogates
    (`surrogateescape`)."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class CrmWebhooks(Protocol):
    @abstractmethod
    def check_headers(self, headers: Mapping[str, str], now: datetime) -> None:
        """Raise WebhookRejected for a call that its headers alone show not to be the CRM's, before its body is read.

        Names are in lower case.
        """

    @abstractmethod
    def parse(
        self, request: WebhookRequest, now: datetime
    ) -> Mapping[CrmAccountId, frozenset[PendingRefetch]]:
        """Verify the signature and return the records that the call names, by account; ignore unknown events.

        Raises WebhookRejected for a wrong signature, and for a call that is too old or malformed.
        """


@dataclass(frozen=True, slots=True)
class CrmProviders:
    """The configured CRMs, by name."""

    by_name: Mapping[Provider, CrmProvider]

    def get(self, provider: Provider) -> CrmProvider | None:
        return self.by_name.get(provider)


@dataclass(frozen=True, slots=True)
class ConfiguredWebhooks:
    """The CRMs whose webhooks are received, by name."""

    by_name: Mapping[Provider, CrmWebhooks]

    def get(self, provider: Provider) -> CrmWebhooks | None:
        return self.by_name.get(provider)
