"""People at work in the account while it is read: records made, changed, moved, archived and merged."""

from collections.abc import Callable
from random import Random

import httpx

from astrelo.sandbox import Portal

KINDS = ("companies", "contacts", "deals")


class Mutations:
    """A seeded script over the sandbox's administrator's door; each step is one change."""

    def __init__(self, seed: int, portal: Portal, door: httpx.AsyncClient) -> None:
        self.made = 0
        self._chance = Random(seed)
        self._door = door
        self._live = {
            kind: [record.id for record in portal.records if record.object == kind and not record.archived]
            for kind in KINDS
        }
        self._archived: list[tuple[str, str]] = []
        self._steps: list[Callable[[], object]] = []

    async def step(self) -> None:
        self.made += 1
        deeds = [self._create, self._change, self._change, self._swap, self._associate]
        deeds += [self._archive, self._restore, self._merge, self._bump]
        await self._chance.choice(deeds)()

    async def _create(self) -> None:
        kind = self._kind()
        told = {
            "object": kind,
            "properties": self._properties(kind),
            "associations": self._associations(kind),
        }
        answer = await self._post("records", {"records": [told]})
        self._live[kind] += answer["ids"]  # type: ignore[arg-type] # a list of ids

    async def _change(self) -> None:
        kind = self._kind()
        await self._put(kind, self._one(kind), self._properties(kind))

    async def _bump(self) -> None:
        kind = self._kind()
        await self._put(kind, self._one(kind), {})

    async def _swap(self) -> None:
        """Let two companies change sites, in one call."""
        first, second = self._one("companies"), self._one("companies")
        one, other = self._site(), self._site()
        for pair in ((one, other), (other, one)):
            records = [
                {"object": "companies", "id": name, "properties": {"domain": site}}
                for name, site in zip((first, second), pair, strict=True)
            ]
            await self._post("records", {"records": records})

    async def _associate(self) -> None:
        kind = self._chance.choice(["contacts", "deals"])
        told = {"object": kind, "id": self._one(kind), "associations": self._associations(kind)}
        await self._post("records", {"records": [told]})

    async def _archive(self) -> None:
        kind = self._kind()
        gone = self._one(kind)
        self._live[kind].remove(gone)
        if self._chance.random() < 0.3:
            await self._post("delete", {"object": kind, "ids": [gone]})
            return
        self._archived.append((kind, gone))
        await self._post("archive", {"object": kind, "ids": [gone]})

    async def _restore(self) -> None:
        if self._archived:
            kind, back = self._archived.pop(self._chance.randrange(len(self._archived)))
            self._live[kind].append(back)
            await self._put(kind, back, {})

    async def _merge(self) -> None:
        kind = self._chance.choice(["companies", "contacts"])
        primary, other = self._chance.sample(self._live[kind], 2)
        answer = await self._post("merge", {"object": kind, "primary": primary, "other": other})
        self._live[kind] = [name for name in self._live[kind] if name not in {primary, other}]
        self._live[kind].append(str(answer["id"]))

    async def _put(self, kind: str, name: str, properties: dict[str, str | None]) -> None:
        await self._post("records", {"records": [{"object": kind, "id": name, "properties": properties}]})

    async def _post(self, call: str, body: object) -> dict[str, object]:
        answer = await self._door.post(f"/_sandbox/{call}", json=body)
        answer.raise_for_status()
        told: dict[str, object] = answer.json()
        return told

    def _kind(self) -> str:
        return self._chance.choices(KINDS, [3, 3, 1])[0]

    def _one(self, kind: str) -> str:
        return self._chance.choice(self._live[kind])

    def _site(self) -> str:
        return f"site{self._chance.randrange(40)}.example.com"

    def _properties(self, kind: str) -> dict[str, str | None]:
        word = f"{self._chance.randrange(10_000)}"
        if kind == "companies":
            site = self._chance.choice([self._site(), self._site(), None, "facebook.com"])
            return {"name": f"Firm {word}", "domain": site, "numberofemployees": word}
        if kind == "contacts":
            return {"firstname": f"Ann {word}", "email": f"ann{word}@{self._site()}"}
        return {"dealname": f"Deal {word}", "amount": word}

    def _associations(self, kind: str) -> dict[str, list[dict[str, object]]]:
        if kind == "companies":
            return {}
        company = {"id": self._one("companies"), "primary": True}
        told: dict[str, list[dict[str, object]]] = {"companies": [company]}
        if kind == "deals":
            told["contacts"] = [{"id": self._one("contacts")} for _ in range(self._chance.randrange(3))]
        return told
