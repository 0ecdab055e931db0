"""A CRM account as the conformance suite needs it: what is put into it, who reads it, how it fails."""

import hashlib
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import pytest

from astrelo.domain.connection import AuthorizationRequest, Grant
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.ports.crm import CrmProvider
from astrelo.domain.ports.system import Clock
from tests.support.contracts.crm.records import RecordDraft
from tests.support.fakes.crm_session import FakeCrmSession

VERIFIER = "a-code-verifier-of-at-least-43-characters--"


class Consent(NamedTuple):
    """What the browser brings to our callback."""

    code: str
    state: str


class CrmAccountUnderTest(ABC):
    """One account at the CRM, and the person who may open it to us.

    Records go by names of the suite's own, unique within their kind; ids are the CRM's. Everything takes effect at
    once, at `clock`'s time, which the CRM goes by as well.
    """

    provider: CrmProvider
    clock: Clock
    login_hosts: Sequence[str] = ()
    """Places to sign in that the provider takes, besides the one it takes unasked."""
    resolution: timedelta = timedelta(milliseconds=1)
    """The smallest difference between two modification times that the CRM records."""

    @property
    @abstractmethod
    def requests(self) -> int:
        """How many requests the CRM has received until now, from whomever."""

    @abstractmethod
    async def consent(self, authorization_url: str) -> Consent:
        """Go there as a browser would, and allow everything that is asked for."""

    @abstractmethod
    def put(self, *drafts: RecordDraft) -> None:
        """Create or change records. What is left out of one is empty afterwards."""

    @abstractmethod
    def record_id(self, object_type: ObjectType, name: str) -> RecordId:
        """Return the id that a record has, or had when it was last there."""

    @abstractmethod
    def unknown_id(self, object_type: ObjectType) -> RecordId:
        """Return an id that looks like one of this CRM's, and never was one."""

    @abstractmethod
    def archive(self, object_type: ObjectType, name: str) -> None:
        """Delete a record in the way that can be undone."""

    @abstractmethod
    def restore(self, object_type: ObjectType, name: str) -> None:
        """Bring an archived record back."""

    @abstractmethod
    def erase_contact(self, name: str) -> None:
        """Delete a contact for good, as privacy law demands."""

    @abstractmethod
    def merge(self, object_type: ObjectType, kept: str, gone: str) -> RecordId:
        """Merge two live records into one that has the name `kept`; return its id, old or new."""

    @abstractmethod
    def malform(self, object_type: ObjectType, name: str) -> None:
        """Make the CRM return this record in a form that cannot be stored, except for its id."""

    @abstractmethod
    def forbid(self, object_type: ObjectType | None) -> None:
        """Take the permission for one object type, or for owners, from every grant."""

    @abstractmethod
    def expire_access_tokens(self) -> None: ...

    @abstractmethod
    def uninstall(self) -> None:
        """End every grant."""

    @abstractmethod
    def refuse_our_credentials(self) -> None:
        """Forget our client id or secret; access tokens live on."""

    @abstractmethod
    def limit_rate(self, seconds: float) -> None:
        """Refuse requests to the API from now on, for so long or a little longer, and ask for a pause."""

    @abstractmethod
    def stumble(self) -> None:
        """Have the next few requests fail in each of the ways that pass: no answer, half of one, a server error."""

    @abstractmethod
    def lose_next_answer(self) -> None:
        """Act on the next request, and let its answer never arrive."""

    @abstractmethod
    def hide_itself(self) -> None:
        """Give tokens for codes, and answer nothing when asked which account they open, until `recover`."""

    @abstractmethod
    def break_down(self) -> None:
        """Answer nothing any more, from now until `recover`."""

    @abstractmethod
    def talk_nonsense(self, body: str) -> None:
        """Answer every request with success and this, from now until `recover`."""

    @abstractmethod
    def refuse_requests(self) -> None:
        """Call every request wrong, from now until `recover`."""

    @abstractmethod
    def refuse_access_tokens(self) -> None:
        """Refuse every access token, be it as new as may be, from now until `recover`. Refreshing works."""

    @abstractmethod
    def recover(self) -> None:
        """Answer as usual again."""

    @abstractmethod
    def restart(self) -> None:
        """Put another provider in the place of ours, as a new process does: it remembers nothing."""

    @abstractmethod
    def pass_time(self, seconds: float) -> None: ...


async def connect(account: CrmAccountUnderTest, login_host: str | None = None) -> Grant:
    consent = await give_consent(account, login_host)
    return await account.provider.exchange(consent.code, VERIFIER, login_host)


async def give_consent(account: CrmAccountUnderTest, login_host: str | None = None) -> Consent:
    return await account.consent(account.provider.authorization_url(request(login_host=login_host)))


def request(state: str = "state", login_host: str | None = None) -> AuthorizationRequest:
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
    return AuthorizationRequest(state=state, code_challenge=challenge, login_host=login_host)


class OverAnAccount:
    """What each part of the suite runs on. The test module that runs it gives `account`, new for every test."""

    @pytest.fixture
    def account(self) -> CrmAccountUnderTest:
        raise NotImplementedError

    @pytest.fixture
    async def session(self, account: CrmAccountUnderTest) -> FakeCrmSession:
        return FakeCrmSession(account.provider, await connect(account))
