"""A HubSpot sandbox as the account under test of the contract suite."""

from collections.abc import Iterable, Mapping

from astrelo.domain.identifiers import ObjectType, RecordId
from crm_sandbox import Association
from crm_sandbox.faults.fault import Fault
from crm_sandbox.hubspot import App, RecordChange, create_sandbox
from tests.support.contracts.crm.account import Consent, CrmAccountUnderTest
from tests.support.contracts.crm.records import Company, Contact, Deal, Owner, RecordDraft
from tests.support.crm.browser import give_consent
from tests.support.fakes.clock import FakeClock
from tests.support.hubspot.sandbox import EMPTY_DATASET, hubspot_over

ALWAYS = 10**9


class HubSpotAccount(CrmAccountUnderTest):
    def __init__(self) -> None:
        self.clock = self._time = FakeClock()
        self._sandbox = create_sandbox(EMPTY_DATASET, clock=lambda: self._time.now().timestamp())
        self._account = self._sandbox.account
        self._ids: dict[tuple[str, str], str] = {}
        self.restart()

    @property
    def requests(self) -> int:
        return len(self._sandbox.journal.entries)

    async def consent(self, authorization_url: str) -> Consent:
        return await give_consent(self._sandbox, authorization_url)

    def put(self, *drafts: RecordDraft) -> None:
        for one in drafts:
            match one:
                case Company(name, city, owner):
                    owner_id = None if owner is None else self._ids["owners", owner]
                    properties = {"name": name, "city": city, "hubspot_owner_id": owner_id}
                    self._put("companies", name, properties)
                case Contact(name, title, company):
                    links = {"companies": self._links("companies", [company])}
                    self._put("contacts", name, {"lastname": name, "jobtitle": title}, links)
                case Deal(name, amount, company, contacts):
                    links = {
                        "companies": self._links("companies", [company]),
                        "contacts": self._links("contacts", contacts),
                    }
                    amount_text = None if amount is None else str(amount)
                    self._put("deals", name, {"dealname": name, "amount": amount_text}, links)
                case Owner(name, archived):
                    self._put("owners", name, {"lastName": name}, archived=archived)

    def record_id(self, object_type: ObjectType, name: str) -> RecordId:
        return RecordId(self._ids[object_type, name])

    def unknown_id(self, object_type: ObjectType) -> RecordId:
        return RecordId("999999999")

    def archive(self, object_type: ObjectType, name: str) -> None:
        assert self._account.archive(object_type, self.record_id(object_type, name))

    def restore(self, object_type: ObjectType, name: str) -> None:
        assert self._account.restore(object_type, self.record_id(object_type, name))

    def erase_contact(self, name: str) -> None:
        assert self._account.gdpr_delete(self.record_id(ObjectType.CONTACTS, name))

    def merge(self, object_type: ObjectType, kept: str, gone: str) -> RecordId:
        old = self.record_id(object_type, kept)
        self._ids[object_type, kept] = self._account.merge(
            object_type, old, self.record_id(object_type, gone)
        )
        return self.record_id(object_type, kept)

    def malform(self, object_type: ObjectType, name: str) -> None:
        record_id = self.record_id(object_type, name)
        shown = {"id": record_id, "properties": "none"}
        self._account.upsert(RecordChange(object_name=object_type, id=record_id, raw=shown))

    def forbid(self, object_type: ObjectType | None) -> None:
        self._sandbox.oauth.remove_scope(f"crm.objects.{object_type or 'owners'}.read")

    def expire_access_tokens(self) -> None:
        self._sandbox.oauth.expire_access_tokens()

    def uninstall(self) -> None:
        self._sandbox.oauth.uninstall()

    def refuse_our_credentials(self) -> None:
        self._sandbox.oauth.app = App(client_secret="another-secret")

    def limit_rate(self, seconds: float) -> None:
        headers = {"retry-after": str(seconds)}
        self._fault(Fault(kind="respond", match="/crm/", status=429, headers=headers))

    def stumble(self) -> None:
        self._fault(
            Fault(kind="drop", match="/crm/"),
            Fault(kind="cut", match="/crm/"),
            Fault(kind="truncate", match="/crm/"),
            Fault(kind="respond", match="/crm/", status=502),
            Fault(kind="respond", match="/crm/", status=423),
        )

    def lose_next_answer(self) -> None:
        self._fault(Fault(kind="drop_response"))

    def hide_itself(self) -> None:
        self._fault(Fault(kind="respond", match="/account-info/", status=503, times=ALWAYS))

    def break_down(self) -> None:
        self._fault(Fault(kind="respond", status=503, times=ALWAYS))

    def talk_nonsense(self, body: str) -> None:
        self._fault(Fault(kind="respond", status=200, body=body, times=ALWAYS))

    def refuse_requests(self) -> None:
        self._fault(Fault(kind="respond", status=400, times=ALWAYS))

    def refuse_access_tokens(self) -> None:
        self._fault(Fault(kind="respond", match="/crm/", status=401, times=ALWAYS))

    def recover(self) -> None:
        self._sandbox.faults.clear()

    def restart(self) -> None:
        self.provider = hubspot_over(self._sandbox, self._time)

    def pass_time(self, seconds: float) -> None:
        self._time.advance(seconds)

    def _fault(self, *faults: Fault) -> None:
        self._sandbox.faults.add(*faults)

    def _put(
        self,
        object_name: str,
        name: str,
        properties: Mapping[str, str | None],
        links: Mapping[str, list[Association]] | None = None,
        *,
        archived: bool = False,
    ) -> None:
        change = RecordChange(
            object_name=object_name,
            id=self._ids.get((object_name, name)),
            properties=dict(properties),
            associations=dict(links or {}),
            archived=archived,
        )
        self._ids[object_name, name] = self._account.upsert(change)

    def _links(self, object_name: str, names: Iterable[str | None]) -> list[Association]:
        return [
            Association(id=self._ids[object_name, name], primary=object_name == "companies")
            for name in names
            if name is not None
        ]
