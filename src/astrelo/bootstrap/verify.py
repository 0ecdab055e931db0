"""`astrelo verify`: compare what is stored of a CRM with what the CRM holds."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import msgspec

from astrelo.application.read.readers import StoreHealth
from astrelo.application.sync.verify_sync import Comparison, Difference, VerifySync
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.development.database import provide_database
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import Settings
from astrelo.domain.errors import AstreloError, InvalidTransition
from astrelo.domain.identifiers import ConnectionId

IDS_SHOWN = 20
"""How many ids of each kind of difference are listed; the counts are complete."""

_WORDS = {
    Difference.MISSING_HERE: "missing here",
    Difference.GONE_THERE: "gone there",
    Difference.DIFFERENT: "different content",
    Difference.READ_BY_OTHER_RULES: "read by rules that have changed since",
}


def run_verify(settings: Settings, connection_id: UUID) -> Sequence[Comparison]:
    """Compare, and return what was found. Raises Problem when that is not possible now."""
    with provide_database(settings) as complete:
        return asyncio.run(_verify(complete, ConnectionId(connection_id)))


async def _verify(settings: Settings, connection_id: ConnectionId) -> Sequence[Comparison]:
    container = create_container(settings)
    try:
        if await (await container.get(StoreHealth)).pending_migrations():
            raise Problem("The database's schema is not up to date: run `astrelo migrate` first.")
        return await (await container.get(VerifySync))(connection_id)
    except InvalidTransition as error:
        raise Problem(f"{error} Try again when that has changed.") from error
    except AstreloError as error:
        raise Problem(f"Nothing was compared. {str(error).removesuffix('.')}.") from error
    finally:
        await container.close()


def as_text(compared: Sequence[Comparison]) -> str:
    return "\n".join(line for comparison in compared for line in _lines(comparison))


def _lines(comparison: Comparison) -> list[str]:
    name = f"{comparison.object_type:<10}"
    if comparison.refused is not None:
        return [f"{name} not compared: {comparison.refused}"]
    result = "equal" if comparison.is_equal else "differ"
    lines = [f"{name} {comparison.records} at the CRM: {result}"]
    if comparison.rejected:
        lines.append(f"  {comparison.rejected} cannot be kept, as in a sync")
    for kind, ids in comparison.differences.items():
        if ids:
            more = f" and {len(ids) - IDS_SHOWN} more" if len(ids) > IDS_SHOWN else ""
            lines.append(f"  {len(ids)} {_WORDS[kind]}: {', '.join(ids[:IDS_SHOWN])}{more}")
    return lines


def as_json(compared: Sequence[Comparison]) -> str:
    """Return one JSON object: `equal`, and per object type `records`, `rejected`, `refused` and each kind."""
    result = {
        "equal": all(comparison.is_equal for comparison in compared),
        "object_types": {
            str(comparison.object_type): {
                "equal": comparison.is_equal,
                "records": comparison.records,
                "rejected": comparison.rejected,
                "refused": comparison.refused,
            }
            | {
                str(kind): {"count": len(ids), "ids": ids[:IDS_SHOWN]}
                for kind, ids in comparison.differences.items()
            }
            for comparison in compared
        },
    }
    return msgspec.json.encode(result).decode()
