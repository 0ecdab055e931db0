"""A HubSpot dataset of invented companies, as dirty as real ones.

Everything follows from the seed. Shares are round numbers chosen to make every kind of dirt appear in a
dataset of a few hundred companies; times end well before any clock the sandbox may run under.
"""

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TypeVar

import msgspec

from crm_sandbox import fake_data
from crm_sandbox.clock import format_iso
from crm_sandbox.datasets.dataset import Association, DatasetRecord
from crm_sandbox.datasets.hubspot_values import DEAL_STAGES, LIFECYCLE_STAGES, industries

OLDEST = dt.datetime(2019, 1, 1, tzinfo=dt.UTC).timestamp()
NEWEST = dt.datetime(2025, 6, 30, tzinfo=dt.UTC).timestamp()
CONTACTS_PER_COMPANY = 2.2
DEALS_PER_COMPANY = 0.6
ARCHIVED_SHARE = 0.02
OWNERS = 12
ARCHIVED_OWNERS = 3
FIRST_OWNER_ID = 50_000_001
FIRST_RECORD_ID = 9_100_000_001
UNKNOWN_OWNER_ID = "59999999"

Properties = dict[str, str | None]
T = TypeVar("T")


def generate_records(companies: int, seed: int) -> Iterator[DatasetRecord]:
    """Generate owners, companies, contacts and deals, in that order."""
    yield from _DatasetWriter(random.Random(f"{seed}:{companies}")).write(companies)


class _DatasetWriter:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._ids = count(FIRST_RECORD_ID, 7)
        self._owner_ids = [str(FIRST_OWNER_ID + number) for number in range(OWNERS)]
        self._company_ids: list[str] = []
        self._domains: dict[str, str] = {}
        self._contacts_of: dict[str, list[str]] = {}

    def write(self, companies: int) -> Iterator[DatasetRecord]:
        yield from (self._owner(number) for number in range(OWNERS))
        if not companies:
            return
        yield from self._live_and_archived(companies, self._company)
        yield from self._live_and_archived(round(companies * CONTACTS_PER_COMPANY), self._contact)
        yield from self._live_and_archived(round(companies * DEALS_PER_COMPANY), self._deal)

    def _live_and_archived(self, live: int, make: Callable[[], DatasetRecord]) -> Iterator[DatasetRecord]:
        """Make that many live records, and a few archived ones on top."""
        for _ in range(live):
            yield make()
        for _ in range(round(live * ARCHIVED_SHARE)):
            yield msgspec.structs.replace(make(), archived=True)

    def _owner(self, number: int) -> DatasetRecord:
        first, last = self._person()
        properties: Properties = {
            "email": f"{first}.{last}@sandbox-customer.example".lower(),
            "firstName": first,
            "lastName": last,
            "userId": str(7100 + number),
        }
        return DatasetRecord(
            object="owners",
            id=self._owner_ids[number],
            properties=properties,
            created_at=format_iso(OLDEST),
            updated_at=format_iso(OLDEST),
            archived=number >= OWNERS - ARCHIVED_OWNERS,
        )

    def _company(self) -> DatasetRecord:
        stem = fake_data.company_stem(len(self._company_ids))
        own_domain = f"{stem.lower()}{self._pick(fake_data.TOP_LEVELS)}"
        country, state, city = self._pick(fake_data.PLACES)
        properties: Properties = {
            "name": self._company_name(stem),
            "domain": self._domain(own_domain),
            "industry": self._industry(),
            "numberofemployees": self._employees(),
            "annualrevenue": self._revenue(),
            "country": country,
            "state": state,
            "city": city,
            "description": self._pick((None, *fake_data.DESCRIPTIONS)),
            "phone": self._phone(),
            "linkedin_company_page": self._pick((None, f"https://www.linkedin.com/company/{stem.lower()}")),
            "hubspot_owner_id": self._owner_id(),
            "lifecyclestage": self._pick(LIFECYCLE_STAGES),
        }
        record = self._record("companies", properties)
        self._company_ids.append(record.id)
        self._domains[record.id] = own_domain
        return record

    def _company_name(self, stem: str) -> str | None:
        name = f"{stem} {self._pick(fake_data.COMPANY_KINDS)}"
        return self._draw(
            (0.92, name), (0.03, name.upper()), (0.03, f"  {name} "), (0.01, None), (0.01, f"{name} 🚀")
        )

    def _domain(self, own: str) -> str | None:
        """Mostly the company's own; else noisy, missing, another company's, shared by many, or no domain at all."""
        other = self._domains[self._pick(self._company_ids)] if self._company_ids else own
        return self._draw(
            (0.66, own),
            (0.12, self._pick(fake_data.DOMAIN_NOISE).format(own, own.upper())),
            (0.08, None),
            (0.05, other),
            (0.02, f"www.{other}"),
            (0.04, self._pick(fake_data.SHARED_DOMAINS)),
            (0.01, f"shop.{other}"),
            (0.02, self._pick(fake_data.UNREADABLE_DOMAINS)),
        )

    def _industry(self) -> str | None:
        value = self._pick(industries())[0]
        return self._draw((0.8, value), (0.15, None), (0.05, "Widgets & Gadgets"))

    def _employees(self) -> str | None:
        number = int(self._rng.paretovariate(0.7) * 5) % 200_000
        return self._draw(
            (0.66, str(number)),
            (0.14, None),
            (0.08, f"{number + 1000:,}"),
            (0.06, self._pick(fake_data.EMPLOYEE_RANGES)),
            (0.04, "n/a"),
            (0.02, self._pick(fake_data.ODD_NUMBERS)),
        )

    def _revenue(self) -> str | None:
        number = int(self._rng.lognormvariate(15, 2))
        return self._draw(
            (0.6, str(number)),
            (0.25, None),
            (0.06, f"{number}.50"),
            (0.04, f"{number:,}"),
            (0.03, "n/a"),
            (0.02, self._pick(fake_data.ODD_NUMBERS)),
        )

    def _contact(self) -> DatasetRecord:
        company = self._pick(self._company_ids)
        associations = self._contact_companies(company)
        first, last = self._person()
        primary = next((one.id for one in associations if one.primary), None)
        properties: Properties = {
            "email": self._email(f"{first}.{last}".lower(), self._domains[company]),
            "firstname": self._pick((first, first, first, None)),
            "lastname": last,
            "jobtitle": self._pick(fake_data.JOB_TITLES),
            "phone": self._phone(),
            "associatedcompanyid": primary,
            "hubspot_owner_id": self._owner_id(),
            "lifecyclestage": self._pick(LIFECYCLE_STAGES),
        }
        record = self._record("contacts", properties, {"companies": associations} if associations else {})
        self._contacts_of.setdefault(company, []).append(record.id)
        return record

    def _contact_companies(self, company: str) -> list[Association]:
        """Mostly the one primary company; some have a second, some only an unlabelled one, many none."""
        second = self._pick(self._company_ids)
        both = [Association(id=second)] if second != company else []
        return self._draw(
            (0.7, [Association(id=company, primary=True)]),
            (0.04, [*both, Association(id=company, primary=True)]),
            (0.02, [Association(id=company)]),
            (0.24, []),
        )

    def _email(self, name: str, domain: str) -> str | None:
        return self._draw(
            (0.78, f"{name}@{domain}"),
            (0.06, f"{name}@mail.{domain}"),
            (0.03, f"{name.title()}@{domain.upper()} "),
            (0.05, f"{name}@{self._pick(fake_data.FREE_MAIL)}"),
            (0.03, None),
            (0.03, self._pick(fake_data.INVALID_EMAILS)),
            (0.02, f"{name}@{self._pick(fake_data.FOREIGN_DOMAINS)}"),
        )

    def _deal(self) -> DatasetRecord:
        company = self._pick(self._company_ids)
        pipeline, stage = self._pick(DEAL_STAGES)
        closed = stage in {"closedwon", "closedlost"}
        people = self._contacts_of.get(company, [])
        chosen = self._rng.sample(people, k=min(len(people), self._rng.randrange(4)))
        properties: Properties = {
            "dealname": f"{fake_data.company_stem(self._rng.randrange(500))} - {self._pick(fake_data.DEAL_KINDS)}",
            "amount": self._draw(
                (0.85, str(self._rng.randrange(500, 400_000))), (0.1, None), (0.05, "12500.00")
            ),
            "deal_currency_code": self._pick(("USD", "USD", "USD", "EUR", "GBP", None)),
            "pipeline": pipeline,
            "dealstage": stage,
            "dealtype": self._pick(("newbusiness", "existingbusiness", None)),
            "closedate": self._pick((format_iso(self._draw_time(OLDEST)), None)),
            "hs_is_closed": str(closed).lower(),
            "hs_is_closed_won": str(stage == "closedwon").lower(),
            "hubspot_owner_id": self._owner_id(),
        }
        associations = {"contacts": [Association(id=person) for person in chosen]} if chosen else {}
        if self._rng.random() < 0.95:  # noqa: PLR2004 - one deal in twenty has no company
            associations["companies"] = [Association(id=company, primary=True)]
        return self._record("deals", properties, associations)

    def _record(
        self,
        object_name: str,
        properties: Properties,
        associations: dict[str, list[Association]] | None = None,
    ) -> DatasetRecord:
        created = self._draw_time(OLDEST)
        return DatasetRecord(
            object=object_name,
            id=str(next(self._ids)),
            properties=properties,
            created_at=format_iso(created),
            updated_at=format_iso(self._draw_time(created)),
            associations=associations or {},
        )

    def _draw_time(self, earliest: float) -> float:
        return round(self._rng.uniform(earliest, NEWEST), 3)

    def _person(self) -> tuple[str, str]:
        return self._pick(fake_data.FIRST_NAMES), self._pick(fake_data.LAST_NAMES)

    def _phone(self) -> str | None:
        number = f"+1 555 01{self._rng.randrange(100):02}"
        return self._draw((0.5, number), (0.3, None), (0.1, "call reception"), (0.1, "(555) 0100 ext. 7"))

    def _owner_id(self) -> str | None:
        return self._draw((0.85, self._pick(self._owner_ids)), (0.1, None), (0.05, UNKNOWN_OWNER_ID))

    def _pick(self, choices: Sequence[T]) -> T:
        return self._rng.choice(choices)

    def _draw(self, *shares: tuple[float, T]) -> T:
        """Draw one of the values, each with its share; the shares make up 1."""
        point = self._rng.random()
        for share, value in shares:
            point -= share
            if point < 0:
                return value
        return shares[-1][1]
