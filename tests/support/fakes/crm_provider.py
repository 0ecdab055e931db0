"""A CRM in memory: grants, tokens, records, what may become of them, and every way to fail."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple
from urllib.parse import quote

from astrelo.domain.connection import AuthorizationRequest, CrmAccount, Grant, TokenSet
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    GrantRejected,
    InvalidInput,
    PermissionMissing,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import CrmAccountId, Cursor, ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmProvider, CrmSession, TokensIssued
from astrelo.domain.ports.system import Clock
from astrelo.domain.records import CrmRecord, OwnerRecord, RecordPage, RejectedRecord, RejectionReason
from astrelo.domain.sync import Window

SCOPES = frozenset({"companies.read", "contacts.read", "deals.read"})
MAX_TOTAL_DELAY = timedelta(seconds=60)
"""A longer pause is not waited out in place."""


@dataclass(slots=True, eq=False)
class _Family:
    """A grant and the tokens that descend from it."""

    refresh_token: str
    access_tokens: set[str] = field(default_factory=set)
    is_revoked: bool = False


class _Code(NamedTuple):
    challenge: str
    login_host: str | None


class FakeCrmProvider(CrmProvider):
    """Records in the order in which they were first put.

    With `rotates`, a refresh token is good for one refresh, and one that is used again ends the grant. Without
    `reports_expiry` the end of an access token is reported by `fetch_expiry` alone.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        provider: Provider = Provider.HUBSPOT,
        account_id: str = "1",
        page_size: int = 100,
        rotates: bool = False,
        token_life: timedelta = timedelta(minutes=30),
        reports_expiry: bool = True,
        can_uninstall: bool = True,
        login_hosts: Sequence[str] = (),
    ) -> None:
        self._clock = clock
        self._provider = provider
        self._page_size = page_size
        self._rotates = rotates
        self._token_life = token_life
        self._reports_expiry = reports_expiry
        self._can_uninstall = can_uninstall
        self._ends: dict[str, datetime] = {}
        self._login_hosts = login_hosts
        self._issued = 0
        self._codes: dict[str, _Code] = {}
        self._families: list[_Family] = []
        self._spent: dict[str, _Family] = {}
        self.account = CrmAccount(account_id=CrmAccountId(account_id), name=f"Account {account_id}")
        self.records: dict[ObjectType, dict[RecordId, CrmRecord]] = {kind: {} for kind in ObjectType}
        self.archived: dict[ObjectType, set[RecordId]] = {kind: set() for kind in ObjectType}
        self.erased: set[RecordId] = set()
        self.merged: dict[ObjectType, dict[RecordId, RecordId]] = {kind: {} for kind in ObjectType}
        self.malformed: dict[ObjectType, set[RecordId]] = {kind: set() for kind in ObjectType}
        self.reps: dict[RecordId, OwnerRecord] = {}
        self.forbidden: set[ObjectType | None] = set()
        """None stands for owners."""
        self.failure: CrmError | None = None
        """What every call raises, until it is None again."""
        self.hiccups = 0
        """So many requests fail and are made again a second later."""
        self.limited_until: datetime | None = None
        self.knows_us = True
        """Whether our credentials are accepted."""
        self.knows_tokens = True
        """Whether access tokens are accepted at all."""
        self.loses_next_answer = False
        self.requests = 0
        self.hides_account = False
        """Whether tokens are given, and the account that they open is not reported."""

    @property
    def provider(self) -> Provider:
        return self._provider

    @property
    def required_scopes(self) -> frozenset[str]:
        return SCOPES

    @property
    def has_login_hosts(self) -> bool:
        return bool(self._login_hosts)

    @property
    def industry_labels(self) -> Mapping[str, str]:
        return {}

    def put(self, object_type: ObjectType, *records: CrmRecord) -> None:
        self.records[object_type].update({record.record_id: record for record in records})

    def consent(self, request: AuthorizationRequest) -> str:
        """Allow what is asked for; return the code."""
        code = self._issue("code")
        self._codes[code] = _Code(request.code_challenge, request.login_host)
        return code

    def expire_access_tokens(self) -> None:
        for family in self._families:
            family.access_tokens.clear()

    def end_every_grant(self) -> None:
        self.expire_access_tokens()
        for family in self._families:
            family.is_revoked = True

    def limit_rate(self, seconds: float) -> None:
        self.limited_until = self._clock.now() + timedelta(seconds=seconds)

    def authorization_url(self, request: AuthorizationRequest) -> str:
        if request.login_host is not None and request.login_host not in self._login_hosts:
            raise InvalidInput("login_host", "no place to sign in here")
        challenge = f"code_challenge={request.code_challenge}&code_challenge_method=S256"
        host = request.login_host or "login.crm.example"
        return f"https://{host}/authorize?state={quote(request.state, safe='')}&{challenge}"

    async def exchange(
        self,
        code: str,
        code_verifier: str,
        login_host: str | None = None,
        *,
        issued: TokensIssued | None = None,
    ) -> Grant:
        self._require_service()
        digest = hashlib.sha256(code_verifier.encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if self._codes.pop(code, None) != (challenge, login_host):
            raise GrantRejected(self._provider, "the code, its verifier or its place is wrong")
        family = _Family(self._issue("refresh"))
        self._families.append(family)
        tokens = self._tokens(family)
        self._require_arrival()
        if issued is not None:
            issued(tokens)
        if self.hides_account:
            raise CrmUnavailable(self._provider, "the account is not reported")
        return Grant(tokens=tokens, account=self.account)

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        self._require_service()
        family = self._family(tokens)
        if family is None or family.is_revoked:
            if (robbed := self._spent.get(tokens.refresh_token)) is not None:
                robbed.is_revoked = True
                robbed.access_tokens.clear()
            raise ReauthorizationRequired(self._provider, "the refresh token is not valid any more")
        if self._rotates:
            self._spent[family.refresh_token] = family
            family.refresh_token = self._issue("refresh")
        renewed = self._tokens(family)
        self._require_arrival()
        return renewed

    async def fetch_expiry(self, tokens: TokenSet) -> datetime | None:
        if self._reports_expiry:
            return tokens.expires_at
        try:
            self._require_service()
            self._require_arrival()
        except CrmError:
            return None
        return self._ends.get(tokens.access_token) if self._opens(tokens.access_token) else None

    async def can_refresh(self, tokens: TokenSet) -> bool:
        self._require_service()
        family = self._family(tokens)
        return family is not None and not family.is_revoked

    async def revoke(self, tokens: TokenSet) -> None:
        self._require_service()
        if (family := self._family(tokens)) is not None:
            family.is_revoked = True

    @property
    def can_uninstall(self) -> bool:
        return self._can_uninstall

    async def uninstall(self, session: CrmSession) -> None:
        if not self._can_uninstall:
            raise CrmRejected(self._provider, None, "no app can be uninstalled here")
        self._require_answer()
        if self.hiccups:
            self.hiccups -= 1
            raise CrmUnavailable(self._provider, "not now")
        await self._require_token(session)
        self.end_every_grant()
        self._require_arrival()

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        """The cursor counts the records that were ever put before the next page: none of them goes away."""
        start: int | None = int(cursor or 0)
        while start is not None:
            await self._require_access(session, object_type)
            total = sum(1 for _ in self._found(object_type, window, 0)) if start == 0 else None
            found = self._found(object_type, window, start)
            page = list(islice(found, self._page_size))
            following = next(found, None)
            start = None if following is None else page[-1][0] + 1
            yield self._page(
                object_type,
                [record for _, record in page],
                None if start is None else Cursor(str(start)),
                total,
            )

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        await self._require_access(session, object_type)
        live = {record.record_id: record for _, record in self._found(object_type, None, 0)}
        survivors = {asked: self._survivor(object_type, asked) for asked in ids}
        found = dict.fromkeys(survivors.values())
        gone = [asked for asked in dict.fromkeys(ids) if survivors[asked] not in live]
        page = self._page(object_type, [live[one] for one in found if one in live], None, None)
        return RecordPage(
            records=page.records,
            rejected=page.rejected,
            cursor=None,
            removed_ids=[asked for asked in gone if asked not in self.erased],
            erased_ids=[asked for asked in gone if asked in self.erased],
            merged={old: new for old, new in survivors.items() if old != new and new in live},
        )

    async def list_owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        await self._require_access(session, None)
        return list(self.reps.values())

    def _found(
        self, object_type: ObjectType, window: Window | None, start: int
    ) -> Iterator[tuple[int, CrmRecord]]:
        """Yield live records with their places, from one of them on."""
        gone = self.archived[object_type] | self.merged[object_type].keys()
        for place, record in enumerate(list(self.records[object_type].values())):
            if place >= start and record.record_id not in gone and _is_in(window, record):
                yield place, record

    def _page(
        self, object_type: ObjectType, found: Sequence[CrmRecord], cursor: Cursor | None, total: int | None
    ) -> RecordPage:
        bad = self.malformed[object_type]
        return RecordPage(
            records=[record for record in found if record.record_id not in bad],
            rejected=[
                RejectedRecord(record.record_id, RejectionReason.MALFORMED)
                for record in found
                if record.record_id in bad
            ],
            cursor=cursor,
            expected_total=total,
        )

    def _survivor(self, object_type: ObjectType, record_id: RecordId) -> RecordId:
        merged = self.merged[object_type]
        while record_id in merged:
            record_id = merged[record_id]
        return record_id

    def _family(self, tokens: TokenSet) -> _Family | None:
        return next((one for one in self._families if one.refresh_token == tokens.refresh_token), None)

    def _tokens(self, family: _Family) -> TokenSet:
        access_token = self._issue("access")
        family.access_tokens.add(access_token)
        end = self._ends[access_token] = self._clock.now() + self._token_life
        return TokenSet(
            access_token=access_token,
            refresh_token=family.refresh_token,
            expires_at=end if self._reports_expiry else None,
            scopes=SCOPES,
        )

    def _issue(self, kind: str) -> str:
        self._issued += 1
        return f"{kind}-{self.account.account_id}-{self._issued}"

    async def _require_access(self, session: CrmSession, object_type: ObjectType | None) -> None:
        self._require_answer()
        await self._wait_out_limit()
        while self.hiccups:
            self.hiccups -= 1
            await self._clock.sleep(1.0)
        await self._require_token(session)
        if object_type in self.forbidden:
            raise PermissionMissing(self._provider, object_type, (f"{object_type or 'owners'}.read",))

    async def _require_token(self, session: CrmSession) -> None:
        token = (await session.access()).token
        if not self._opens(token) and not self._opens((await session.access(token)).token):
            raise ReauthorizationRequired(self._provider, "the access token is refused twice")

    async def _wait_out_limit(self) -> None:
        if self.limited_until is None:
            return
        pause = max(self.limited_until - self._clock.now(), timedelta())
        if pause > MAX_TOTAL_DELAY:
            raise RateLimited(self._provider, pause, "TOO_MANY")
        await self._clock.sleep(pause.total_seconds())
        self.limited_until = None

    def _opens(self, token: str) -> bool:
        return self.knows_tokens and any(token in family.access_tokens for family in self._families)

    def _require_service(self) -> None:
        self._require_answer()
        if not self.knows_us:
            raise CrmMisconfigured(self._provider, "unknown client")

    def _require_arrival(self) -> None:
        if self.loses_next_answer:
            self.loses_next_answer = False
            raise CrmUnavailable(self._provider, "its answer was lost")

    def _require_answer(self) -> None:
        self.requests += 1
        if self.failure is not None:
            raise self.failure


def _is_in(window: Window | None, record: CrmRecord) -> bool:
    return window is None or window.start <= record.source_updated_at <= window.end
