"""Changes to an account while a client reads it: a seeded script of mutations."""

from collections.abc import Callable, Sequence
from typing import Literal

from crm_sandbox import fake_data
from crm_sandbox.clock import format_iso
from crm_sandbox.datasets import Association
from crm_sandbox.datasets.hubspot_values import DEAL_STAGES
from crm_sandbox.hubspot.account.account import Account, RecordChange
from crm_sandbox.hubspot.account.store import Record
from crm_sandbox.mutations import Mutation, Script

Kind = Literal[
    "create", "change", "archive", "restore", "merge", "swap_domains", "reassociate", "bump", "gdpr_delete", "bulk"
]  # fmt: skip
WEIGHTS: dict[Kind, int] = {
    "create": 12,
    "change": 30,
    "archive": 8,
    "restore": 5,
    "merge": 6,
    "swap_domains": 8,
    "reassociate": 14,
    "bump": 10,
    "gdpr_delete": 2,
    "bulk": 2,
}
TYPE_WEIGHTS = {"companies": 3, "contacts": 4, "deals": 2}
BULK_SIZES = range(5, 41)

Properties = dict[str, str | None]


class MutationScript(Script[Account]):
    """Changes of every kind.

    create, change, archive, restore and merge are what they say; swap_domains exchanges two companies' domains,
    reassociate gives a contact or a deal other companies without touching its modified date, bump moves a modified
    date and nothing else, gdpr_delete deletes a contact for good, bulk changes many records in one millisecond.
    """

    def step(self, account: Account) -> Mutation:
        kind = self._choose(WEIGHTS)
        object_name = self._choose(TYPE_WEIGHTS)
        actions: dict[Kind, Callable[[Account, str], Mutation]] = {
            "create": self._create,
            "change": self._change,
            "archive": self._archive,
            "restore": self._restore,
            "merge": self._merge,
            "swap_domains": self._swap_domains,
            "reassociate": self._reassociate,
            "bump": self._bump,
            "gdpr_delete": self._gdpr_delete,
            "bulk": self._bulk,
        }
        return actions[kind](account, object_name)

    def _create(self, account: Account, name: str) -> Mutation:
        change = RecordChange(
            object_name=name,
            properties=self._properties(account, name),
            associations=self._associations(account, name),
        )
        return Mutation(kind="create", object=name, ids=(account.upsert(change),))

    def _change(self, account: Account, name: str) -> Mutation:
        ids = [record.id for record in self._draw(account, name, 1)]
        for record_id in ids:
            changed = self._sample(self._properties(account, name))
            account.upsert(RecordChange(object_name=name, id=record_id, properties=changed))
        return Mutation(kind="change", object=name, ids=tuple(ids))

    def _archive(self, account: Account, name: str) -> Mutation:
        ids = tuple(record.id for record in self._draw(account, name, 1))
        for record_id in ids:
            account.archive(name, record_id)
        return Mutation(kind="archive", object=name, ids=ids)

    def _restore(self, account: Account, name: str) -> Mutation:
        ids = tuple(record.id for record in self._draw(account, name, 1, archived=True))
        for record_id in ids:
            account.restore(name, record_id)
        return Mutation(kind="restore", object=name, ids=ids)

    def _merge(self, account: Account, name: str) -> Mutation:
        ids = [record.id for record in self._draw(account, name, 2)]
        if len(ids) == 2:  # noqa: PLR2004 - it takes two to merge
            ids.append(account.merge(name, *ids))
        return Mutation(kind="merge", object=name, ids=tuple(ids) if len(ids) > 1 else ())

    def _swap_domains(self, account: Account, _name: str) -> Mutation:
        pair = self._draw(account, "companies", 2)
        domains = [record.properties.get("domain") for record in pair]
        for record, domain in zip(pair, reversed(domains), strict=True):
            change = RecordChange(object_name="companies", id=record.id, properties={"domain": domain})
            account.upsert(change)
        return Mutation(kind="swap_domains", object="companies", ids=tuple(record.id for record in pair))

    def _reassociate(self, account: Account, name: str) -> Mutation:
        name = "contacts" if name == "companies" else name
        ids = tuple(record.id for record in self._draw(account, name, 1))
        for record_id in ids:
            for target, associations in self._associations(account, name).items():
                account.associate(name, record_id, target, associations)
        return Mutation(kind="reassociate", object=name, ids=ids)

    def _bump(self, account: Account, name: str) -> Mutation:
        ids = tuple(record.id for record in self._draw(account, name, 1))
        for record_id in ids:
            account.upsert(RecordChange(object_name=name, id=record_id))
        return Mutation(kind="bump", object=name, ids=ids)

    def _gdpr_delete(self, account: Account, _name: str) -> Mutation:
        archived = self._rng.random() < 0.3  # noqa: PLR2004 - a share of those that are deleted for good
        ids = tuple(record.id for record in self._draw(account, "contacts", 1, archived=archived))
        for record_id in ids:
            account.gdpr_delete(record_id)
        return Mutation(kind="gdpr_delete", object="contacts", ids=ids)

    def _bulk(self, account: Account, name: str) -> Mutation:
        updated_at = format_iso(account.clock.now())
        ids = tuple(record.id for record in self._draw(account, name, self._rng.choice(BULK_SIZES)))
        for record_id in ids:
            account.upsert(
                RecordChange(
                    object_name=name,
                    id=record_id,
                    properties=self._properties(account, name),
                    updated_at=updated_at,
                )
            )
        return Mutation(kind="bulk", object=name, ids=ids)

    def _properties(self, account: Account, name: str) -> Properties:
        return {"companies": self._company, "contacts": self._contact, "deals": self._deal}[name](account)

    def _company(self, account: Account) -> Properties:
        stem = fake_data.company_stem(self._rng.randrange(2_500))
        others = self._draw(account, "companies", 1)
        shared = others[0].properties.get("domain") if others else None
        own = f"{stem.lower()}{self._rng.choice(fake_data.TOP_LEVELS)}"
        return {
            "name": f"{stem} {self._rng.choice(fake_data.COMPANY_KINDS)}",
            "domain": self._rng.choice((own, own, own, f"www.{own}", shared, None)),
            "numberofemployees": self._rng.choice((str(self._rng.randrange(10_000)), None, "50-100")),
            "country": self._rng.choice(fake_data.PLACES)[0],
        }

    def _contact(self, account: Account) -> Properties:
        first, last = self._rng.choice(fake_data.FIRST_NAMES), self._rng.choice(fake_data.LAST_NAMES)
        companies = self._draw(account, "companies", 1)
        domain = (companies[0].properties.get("domain") if companies else None) or "nowhere-known.com"
        mail = self._rng.choice((domain, domain, domain, self._rng.choice(fake_data.FREE_MAIL)))
        return {
            "firstname": first,
            "lastname": last,
            "email": self._rng.choice((f"{first}.{last}@{mail}".lower(),) * 5 + (None,)),
            "jobtitle": self._rng.choice(fake_data.JOB_TITLES),
        }

    def _deal(self, _account: Account) -> Properties:
        pipeline, stage = self._rng.choice(DEAL_STAGES)
        stem = fake_data.company_stem(self._rng.randrange(500))
        return {
            "dealname": f"{stem} - {self._rng.choice(fake_data.DEAL_KINDS)}",
            "amount": self._rng.choice((str(self._rng.randrange(500, 400_000)), None)),
            "pipeline": pipeline,
            "dealstage": stage,
            "hs_is_closed": str(stage in {"closedwon", "closedlost"}).lower(),
            "hs_is_closed_won": str(stage == "closedwon").lower(),
        }

    def _associations(self, account: Account, name: str) -> dict[str, list[Association]]:
        """Draw up to two companies, the first of them primary; a deal gets up to three contacts too."""
        if name == "companies":
            return {}
        companies = self._draw(account, "companies", self._rng.choice((0, 1, 1, 1, 2)))
        drawn = {"companies": [Association(id=one.id, primary=one is companies[0]) for one in companies]}
        if name == "deals":
            people = self._draw(account, "contacts", self._rng.randrange(4))
            drawn["contacts"] = [Association(id=one.id) for one in people]
        return drawn

    def _draw(self, account: Account, name: str, most: int, *, archived: bool = False) -> Sequence[Record]:
        """Draw up to that many different records, in the order drawn."""
        table = account.store.tables[name]
        drawn = [table.pick(self._rng, archived=archived) for _ in range(most)]
        return list({record.id: record for record in drawn if record is not None}.values())
