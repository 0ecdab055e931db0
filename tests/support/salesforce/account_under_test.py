"""A Salesforce sandbox as the account under test of the contract suite."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from astrelo.domain.identifiers import ObjectType, RecordId
from crm_sandbox import Association, Dataset, SandboxTransport
from crm_sandbox.faults.fault import Fault
from crm_sandbox.salesforce import App, Flags, RecordChange, create_sandbox, record_id
from tests.support.contracts.crm.account import Consent, CrmAccountUnderTest
from tests.support.contracts.crm.records import Company, Contact, Deal, Owner, RecordDraft
from tests.support.crm.browser import give_consent
from tests.support.fakes.clock import FakeClock
from tests.support.salesforce.sandbox import config, salesforce_over

ALWAYS = 10**9


OBJECTS = {
    ObjectType.COMPANIES: "Account",
    ObjectType.CONTACTS: "Contact",
    ObjectType.DEALS: "Opportunity",
}


API = "/services/data/"


MAX_WAIT_IN_PLACE = 60.0


AT_ONCE = {"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests Limit exceeded."}


MALFORMED = {"errorCode": "MALFORMED_QUERY", "message": "unexpected token"}


class SalesforceAccount(CrmAccountUnderTest):
    resolution = timedelta(seconds=1)

    def __init__(self, bulk_page: int = 10_000, **settings: Any) -> None:
        self.clock = self._time = FakeClock()
        dataset = Dataset(name="Empty", account_id=101, records=())
        flags = Flags(bulk_rows_per_page=bulk_page)
        self._sandbox = create_sandbox(dataset, clock=lambda: self._time.now().timestamp(), flags=flags)
        self._org = self._sandbox.org
        self._ids: dict[tuple[str, str], str] = {}
        self._limited_until: float | None = None
        self.login_hosts = ("test.salesforce.com", f"{self._org.my_domain}.my.salesforce.com")
        self._config = config(**settings)
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
                    owner_id = self._id("User", owner)
                    self._put("Account", name, {"Name": name, "BillingCity": city, "OwnerId": owner_id})
                case Contact(name, title, company):
                    account_id = self._id("Account", company)
                    self._put("Contact", name, {"LastName": name, "Title": title, "AccountId": account_id})
                case Deal(name, amount, company, contacts):
                    account_id = self._id("Account", company)
                    fields = {"Name": name, "Amount": amount, "AccountId": account_id}
                    self._put("Opportunity", name, fields, contacts)
                case Owner(name, archived):
                    self._put("User", name, {"LastName": name}, archived=archived)

    def record_id(self, object_type: ObjectType, name: str) -> RecordId:
        return RecordId(self._ids[OBJECTS[object_type], name])

    def unknown_id(self, object_type: ObjectType) -> RecordId:
        return RecordId(record_id(OBJECTS[object_type], 10**6))

    def archive(self, object_type: ObjectType, name: str) -> None:
        assert self._org.delete(OBJECTS[object_type], self.record_id(object_type, name))

    def restore(self, object_type: ObjectType, name: str) -> None:
        assert self._org.undelete(OBJECTS[object_type], self.record_id(object_type, name))

    def erase_contact(self, name: str) -> None:
        assert self._org.erase("Contact", self.record_id(ObjectType.CONTACTS, name))
        self._time.advance(1.0)  # the log of deletions ends before the present moment

    def merge(self, object_type: ObjectType, kept: str, gone: str) -> RecordId:
        primary, other = (self.record_id(object_type, name) for name in (kept, gone))
        return RecordId(self._org.merge(OBJECTS[object_type], primary, other))

    def malform(self, object_type: ObjectType, name: str) -> None:
        """Make queries return a value that is no row, and bulk results a row without SystemModstamp."""
        table = self._org.tables[OBJECTS[object_type]]
        row = table.rows[self.record_id(object_type, name)]
        table.rows[row.id] = replace(
            row, fields={**row.fields, "SystemModstamp": None}, raw={"Id": row.id, "SystemModstamp": []}
        )

    def forbid(self, object_type: ObjectType | None) -> None:
        name = "User" if object_type is None else OBJECTS[object_type]
        self._sandbox.flags.hidden_objects.append(name)

    def expire_access_tokens(self) -> None:
        self._sandbox.oauth.expire_access_tokens()

    def uninstall(self) -> None:
        self._sandbox.oauth.uninstall()

    def refuse_our_credentials(self) -> None:
        self._sandbox.oauth.app = App(client_secret="another-secret")

    def limit_rate(self, seconds: float) -> None:
        """Use the day's requests up; a shorter pause is asked for when too many come at once."""
        if seconds <= MAX_WAIT_IN_PLACE:
            self._fault(Fault(kind="respond", match=API, status=403, body=[AT_ONCE]))
            return
        self._limited_until = self._time.monotonic() + seconds
        self._sandbox.flags.daily_used = self._sandbox.flags.daily_limit

    def stumble(self) -> None:
        self._fault(
            Fault(kind="drop", match=API),
            Fault(kind="cut", match=API),
            Fault(kind="truncate", match=API),
            Fault(kind="respond", match=API, status=502),
            Fault(kind="respond", match=API, status=503),
        )

    def lose_next_answer(self) -> None:
        self._fault(Fault(kind="drop_response"))

    def hide_itself(self) -> None:
        self._fault(Fault(kind="respond", match="/userinfo", status=503, times=ALWAYS))

    def break_down(self) -> None:
        self._fault(Fault(kind="respond", status=503, times=ALWAYS))

    def talk_nonsense(self, body: str) -> None:
        self._fault(Fault(kind="respond", status=200, body=body, times=ALWAYS))

    def refuse_requests(self) -> None:
        self._fault(Fault(kind="respond", status=400, body=[MALFORMED], times=ALWAYS))

    def refuse_access_tokens(self) -> None:
        self._fault(Fault(kind="respond", match=API, status=401, times=ALWAYS))

    def recover(self) -> None:
        self._sandbox.faults.clear()

    def restart(self) -> None:
        self.provider = salesforce_over(SandboxTransport(self._sandbox), self._time, self._config)

    def pass_time(self, seconds: float) -> None:
        self._time.advance(seconds)
        if self._limited_until is not None and self._time.monotonic() >= self._limited_until:
            self._sandbox.flags.daily_used = 0

    def _fault(self, *faults: Fault) -> None:
        self._sandbox.faults.add(*faults)

    def _id(self, object_name: str, name: str | None) -> str | None:
        return None if name is None else self._ids[object_name, name]

    def _put(
        self,
        object_name: str,
        name: str,
        properties: Mapping[str, str | int | float | None],
        contacts: Iterable[str] = (),
        *,
        archived: bool = False,
    ) -> None:
        change = RecordChange(
            object_name=object_name,
            id=self._ids.get((object_name, name)),
            properties=dict(properties),
            archived=archived,
        )
        if object_name == "Opportunity":
            change.associations["Contact"] = [Association(id=self._ids["Contact", one]) for one in contacts]
        self._ids[object_name, name] = self._org.upsert(change)
