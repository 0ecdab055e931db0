"""Random changes of an org while a client reads it: a seeded script that runs step by step."""

from collections.abc import Callable, Sequence
from typing import Literal

from crm_sandbox import fake_data
from crm_sandbox.datasets import Association
from crm_sandbox.mutations import Mutation, Script
from crm_sandbox.salesforce.org.opportunity_stages import STANDARD_STAGES
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.org.person_accounts import is_person_account
from crm_sandbox.salesforce.org.records import RecordChange
from crm_sandbox.salesforce.org.store import Row
from crm_sandbox.salesforce.org.timestamps import format_csv_datetime
from crm_sandbox.salesforce.sobjects.schema import Value

Kind = Literal[
    "create", "change", "delete", "undelete", "erase", "merge", "swap_websites", "move_contacts", "change_roles",
    "change_owner", "bump", "burst",
]  # fmt: skip
WEIGHTS: dict[Kind, int] = {
    "create": 14,
    "change": 28,
    "delete": 4,
    "undelete": 5,
    "erase": 2,
    "merge": 5,
    "swap_websites": 8,
    "move_contacts": 12,
    "change_roles": 8,
    "change_owner": 4,
    "bump": 8,
    "burst": 2,
}
OBJECT_WEIGHTS = {"Account": 3, "Contact": 4, "Opportunity": 2}
BURST_SIZES = range(5, 41)

Properties = dict[str, Value]


class MutationScript(Script[Org]):
    """Changes of every kind.

    erase deletes for good, swap_websites exchanges the websites of two accounts, move_contacts gives contacts another
    account, change_roles gives an opportunity other contacts, change_owner gives a record another owner, bump moves
    SystemModstamp alone, and burst changes many records at one timestamp.
    """

    def step(self, org: Org) -> Mutation:
        kind, name = self._choose(WEIGHTS), self._choose(OBJECT_WEIGHTS)
        actions: dict[Kind, Callable[[Org, str], Mutation]] = {
            "create": self._create,
            "change": self._change,
            "delete": self._delete,
            "undelete": self._undelete,
            "erase": self._erase,
            "merge": self._merge,
            "swap_websites": self._swap_websites,
            "move_contacts": self._move_contacts,
            "change_roles": self._change_roles,
            "change_owner": self._change_owner,
            "bump": self._bump,
            "burst": self._burst,
        }
        return actions[kind](org, name)

    def _create(self, org: Org, name: str) -> Mutation:
        row_id = org.upsert(RecordChange(object_name=name, properties=self._random_properties(org, name)))
        if name == "Opportunity":
            org.set_roles(row_id, self._random_roles(org))
        return Mutation(kind="create", object=name, ids=(row_id,))

    def _change(self, org: Org, name: str) -> Mutation:
        ids = self._choose_ids(org, name, 1)
        for row_id in ids:
            changed = self._sample(self._random_properties(org, name))
            org.upsert(RecordChange(object_name=name, id=row_id, properties=changed))
        return Mutation(kind="change", object=name, ids=ids)

    def _delete(self, org: Org, name: str) -> Mutation:
        ids = self._choose_ids(org, name, 1)
        return Mutation(kind="delete", object=name, ids=tuple(one for one in ids if org.delete(name, one)))

    def _undelete(self, org: Org, name: str) -> Mutation:
        ids = self._choose_ids(org, name, 1, deleted=True)
        return Mutation(
            kind="undelete", object=name, ids=tuple(one for one in ids if org.undelete(name, one))
        )

    def _erase(self, org: Org, name: str) -> Mutation:
        ids = self._choose_ids(org, name, 1, deleted=self._rng.random() < 0.7)  # noqa: PLR2004 - mostly out of the bin
        return Mutation(kind="erase", object=name, ids=tuple(one for one in ids if org.erase(name, one)))

    def _merge(self, org: Org, name: str) -> Mutation:
        name = "Contact" if name == "Opportunity" else name
        ids = self._choose_ids(org, name, 2)
        kinds = {is_person_account(org.tables[name].rows[one]) for one in ids}
        if len(ids) < 2 or len(kinds) > 1:  # noqa: PLR2004 - it takes two to merge, of one kind
            return Mutation(kind="merge", object=name, ids=())
        org.merge(name, *ids)
        return Mutation(kind="merge", object=name, ids=ids)

    def _swap_websites(self, org: Org, _name: str) -> Mutation:
        pair = [org.tables["Account"].rows[one] for one in self._choose_ids(org, "Account", 2)]
        sites = [row.fields.get("Website") for row in pair]
        for row, site in zip(pair, reversed(sites), strict=True):
            org.upsert(RecordChange(object_name="Account", id=row.id, properties={"Website": site}))
        return Mutation(kind="swap_websites", object="Account", ids=tuple(row.id for row in pair))

    def _move_contacts(self, org: Org, _name: str) -> Mutation:
        ids = self._choose_ids(org, "Contact", self._rng.randint(1, 4))
        account = self._random_account_id(org)
        for row_id in ids:
            org.upsert(RecordChange(object_name="Contact", id=row_id, properties={"AccountId": account}))
        return Mutation(kind="move_contacts", object="Contact", ids=ids)

    def _change_roles(self, org: Org, _name: str) -> Mutation:
        ids = self._choose_ids(org, "Opportunity", 1)
        for row_id in ids:
            org.set_roles(row_id, self._random_roles(org))
        return Mutation(kind="change_roles", object="Opportunity", ids=ids)

    def _change_owner(self, org: Org, name: str) -> Mutation:
        ids, owners = self._choose_ids(org, name, 1), self._choose_ids(org, "User", 1)
        for row_id in ids:
            org.upsert(RecordChange(object_name=name, id=row_id, properties={"OwnerId": owners[0]}))
        return Mutation(kind="change_owner", object=name, ids=ids)

    def _bump(self, org: Org, name: str) -> Mutation:
        ids = self._choose_ids(org, name, 1)
        return Mutation(kind="bump", object=name, ids=tuple(one for one in ids if org.touch(name, one)))

    def _burst(self, org: Org, name: str) -> Mutation:
        updated_at = format_csv_datetime(org.clock.now())
        ids = self._choose_ids(org, name, self._rng.choice(BURST_SIZES))
        for row_id in ids:
            properties = self._random_properties(org, name)
            org.upsert(
                RecordChange(object_name=name, id=row_id, properties=properties, updated_at=updated_at)
            )
        return Mutation(kind="burst", object=name, ids=ids)

    def _random_properties(self, org: Org, name: str) -> Properties:
        return {
            "Account": self._random_account,
            "Contact": self._random_contact,
            "Opportunity": self._random_opportunity,
        }[name](org)

    def _random_account(self, org: Org) -> Properties:
        stem = fake_data.company_stem(self._rng.randrange(2_500))
        other = self._choose_row(org, "Account")
        own = f"{stem.lower()}{self._rng.choice(fake_data.TOP_LEVELS)}"
        return {
            "Name": f"{stem} {self._rng.choice(fake_data.COMPANY_KINDS)}",
            "Website": self._rng.choice(
                (own, own, own, f"www.{own}", other.fields.get("Website") if other else None, None)
            ),
            "NumberOfEmployees": self._rng.choice((self._rng.randrange(10_000), None)),
            "BillingCountry": self._rng.choice(fake_data.PLACES)[0],
        }

    def _random_contact(self, org: Org) -> Properties:
        first, last = self._rng.choice(fake_data.FIRST_NAMES), self._rng.choice(fake_data.LAST_NAMES)
        account = self._choose_row(org, "Account")
        site = str(account.fields.get("Website") or "") if account else ""
        host = site if site and not set(site) & set("/ :@") else "nowhere-known.com"
        mail = self._rng.choice((host, host, host, self._rng.choice(fake_data.FREE_MAIL)))
        return {
            "FirstName": first,
            "LastName": last,
            "Email": self._rng.choice((f"{first}.{last}@{mail}".lower()[:80],) * 5 + (None,)),
            "Title": self._rng.choice(fake_data.JOB_TITLES),
            "AccountId": self._random_account_id(org),
        }

    def _random_opportunity(self, org: Org) -> Properties:
        stem = fake_data.company_stem(self._rng.randrange(500))
        return {
            "Name": f"{stem} - {self._rng.choice(fake_data.DEAL_KINDS)}",
            "Amount": self._rng.choice((float(self._rng.randrange(500, 400_000)), None)),
            "StageName": self._rng.choice(STANDARD_STAGES).name,
            "AccountId": self._random_account_id(org),
        }

    def _random_account_id(self, org: Org) -> str | None:
        account = self._choose_row(org, "Account")
        account = None if is_person_account(account) else account
        return account.id if account is not None and self._rng.random() < 0.8 else None  # noqa: PLR2004 - some have none

    def _random_roles(self, org: Org) -> list[Association]:
        """Choose up to three contacts, the first of them primary."""
        ids = self._choose_ids(org, "Contact", self._rng.randrange(4))
        return [Association(id=one, primary=index == 0) for index, one in enumerate(ids)]

    def _choose_row(self, org: Org, name: str) -> Row | None:
        return org.tables[name].choose(self._rng)

    def _choose_ids(self, org: Org, name: str, count: int, *, deleted: bool = False) -> tuple[str, ...]:
        """Choose up to `count` ids at random, each once; of person accounts the Account's alone."""
        table = org.tables[name]
        chosen: Sequence[Row | None] = [table.choose(self._rng, deleted=deleted) for _ in range(count)]
        kept = [
            row.id for row in chosen if row is not None and not (name == "Contact" and is_person_account(row))
        ]
        return tuple(dict.fromkeys(kept))
