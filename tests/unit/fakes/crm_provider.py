"""A CRM in memory: grants, tokens, records, and everything about them that a test may change."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

from astrelo.domain.connection import AuthorizationRequest, CrmAccount, Grant, TokenSet
from astrelo.domain.errors import CrmUnavailable, GrantRejected, PermissionMissing, ReauthorizationRequired
from astrelo.domain.identifiers import CrmAccountId, Cursor, ObjectType, Provider, RecordId
from astrelo.domain.ports import Clock, CrmProvider, CrmSession
from astrelo.domain.records import CrmRecord, OwnerRecord, RecordPage
from astrelo.domain.sync import Window

SCOPES = frozenset({"companies.read", "contacts.read", "deals.read"})


@dataclass(slots=True)
class _Family:
    """A grant and the tokens that descend from it."""

    refresh_token: str
    access_tokens: set[str] = field(default_factory=set)
    is_revoked: bool = False


class FakeCrmProvider(CrmProvider):
    """Records in the order they were put. With `rotates`, a refresh token is good for one refresh."""

    def __init__(
        self,
        clock: Clock,
        *,
        provider: Provider = Provider.HUBSPOT,
        account_id: str = "1",
        page_size: int = 100,
        rotates: bool = False,
    ) -> None:
        self._clock = clock
        self._provider = provider
        self._page_size = page_size
        self._rotates = rotates
        self._issued = 0
        self._codes: dict[str, str] = {}
        self._families: list[_Family] = []
        self.account = CrmAccount(account_id=CrmAccountId(account_id), name=f"Account {account_id}")
        self.scopes = SCOPES
        self.records: dict[ObjectType, dict[RecordId, CrmRecord]] = {kind: {} for kind in ObjectType}
        self.archived: dict[ObjectType, set[str]] = {kind: set() for kind in ObjectType}
        self.erased: set[str] = set()
        self.merged: dict[RecordId, RecordId] = {}
        self.reps: list[OwnerRecord] = []
        self.forbidden: set[ObjectType] = set()
        self.is_down = False
        """Every call fails as a CRM that does not answer."""
        self.refreshes = 0
        self.revocations = 0

    @property
    def provider(self) -> Provider:
        return self._provider

    @property
    def required_scopes(self) -> frozenset[str]:
        return SCOPES

    def put(self, object_type: ObjectType, *records: CrmRecord) -> None:
        self.records[object_type].update({record.record_id: record for record in records})

    def consent(self, request: AuthorizationRequest) -> str:
        """Allow what is asked for; return the code."""
        code = self._issue("code")
        self._codes[code] = request.code_challenge
        return code

    def expire_access_tokens(self) -> None:
        for family in self._families:
            family.access_tokens.clear()

    def uninstall(self) -> None:
        self.expire_access_tokens()
        for family in self._families:
            family.is_revoked = True

    def authorization_url(self, request: AuthorizationRequest) -> str:
        challenge = f"code_challenge={request.code_challenge}&code_challenge_method=S256"
        return f"https://crm.example/authorize?state={quote(request.state, safe='')}&{challenge}"

    async def exchange(self, code: str, code_verifier: str, login_host: str | None = None) -> Grant:
        self._require_up()
        challenge = self._codes.pop(code, None)
        digest = hashlib.sha256(code_verifier.encode()).digest()
        if challenge != urlsafe_b64encode(digest).rstrip(b"=").decode():
            raise GrantRejected(self._provider, "the code or its verifier is wrong")
        family = _Family(self._issue("refresh"))
        self._families.append(family)
        return Grant(tokens=self._tokens(family), account=self.account)

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        self._require_up()
        self.refreshes += 1
        family = next((one for one in self._families if one.refresh_token == tokens.refresh_token), None)
        if family is None or family.is_revoked:
            raise ReauthorizationRequired(self._provider, "the refresh token is not valid any more")
        if self._rotates:
            family.refresh_token = self._issue("refresh")
        return self._tokens(family)

    async def can_refresh(self, tokens: TokenSet) -> bool:
        self._require_up()
        return any(one.refresh_token == tokens.refresh_token and not one.is_revoked for one in self._families)

    async def revoke(self, tokens: TokenSet) -> None:
        self._require_up()
        self.revocations += 1
        for family in self._families:
            if family.refresh_token == tokens.refresh_token:
                family.is_revoked = True

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        walked = [record for record in self._live(object_type) if _is_in(window, record)]
        start = int(cursor or 0)
        while True:
            await self._require_access(session, object_type)
            end = start + self._page_size
            yield RecordPage(
                records=walked[start:end],
                cursor=Cursor(str(end)) if end < len(walked) else None,
                expected_total=len(walked) if start == 0 else None,
            )
            if end >= len(walked):
                return
            start = end

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        await self._require_access(session, object_type)
        live = {record.record_id: record for record in self._live(object_type)}
        merged = {asked: self.merged[asked] for asked in ids if asked in self.merged}
        found = dict.fromkeys(merged.get(asked, asked) for asked in ids)
        gone = [record_id for record_id in found if record_id not in live]
        return RecordPage(
            records=[live[record_id] for record_id in found if record_id in live],
            cursor=None,
            removed_ids=[record_id for record_id in gone if record_id not in self.erased],
            erased_ids=[record_id for record_id in gone if record_id in self.erased],
            merged=merged,
        )

    async def owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        await self._require_access(session, None)
        return self.reps

    def _live(self, object_type: ObjectType) -> list[CrmRecord]:
        gone = self.archived[object_type] | set(self.merged)
        return [record for record in self.records[object_type].values() if record.record_id not in gone]

    def _tokens(self, family: _Family) -> TokenSet:
        access_token = self._issue("access")
        family.access_tokens.add(access_token)
        return TokenSet(
            access_token=access_token,
            refresh_token=family.refresh_token,
            expires_at=self._clock.now() + timedelta(minutes=30),
            scopes=self.scopes,
        )

    def _issue(self, kind: str) -> str:
        self._issued += 1
        return f"{kind}-{self.account.account_id}-{self._issued}"

    async def _require_access(self, session: CrmSession, object_type: ObjectType | None) -> None:
        self._require_up()
        token = (await session.access()).token
        if not self._opens(token) and not self._opens((await session.access(token)).token):
            raise ReauthorizationRequired(self._provider, "the access token is refused twice")
        if object_type in self.forbidden:
            raise PermissionMissing(self._provider, object_type, (f"{object_type}.read",))

    def _opens(self, token: str) -> bool:
        return any(token in family.access_tokens for family in self._families)

    def _require_up(self) -> None:
        if self.is_down:
            raise CrmUnavailable(self._provider, "no answer")


def _is_in(window: Window | None, record: CrmRecord) -> bool:
    return window is None or window.start <= record.source_updated_at <= window.end
