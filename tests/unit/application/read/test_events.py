"""Which events a client gets that connects again, by the id of its last one."""

import pytest

from astrelo.application.read.events import ConnectionView, Event, PresentState
from astrelo.application.read.views import IntegrationStatus
from astrelo.domain.identifiers import Provider


def state(name: str = "Acme", position: int = 3, revision: int = 99) -> PresentState:
    connection = ConnectionView(
        provider=Provider.HUBSPOT, status=IntegrationStatus.ACTIVE, connection_id=None, account_name=name
    )
    return PresentState([connection], [], position, revision)


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def last_id(events: list[Event]) -> str:
    assert events[-1].id is not None
    return events[-1].id


EVERYTHING = ["connection.changed", "changes.available"]


def test_who_has_everything_gets_nothing() -> None:
    seen = last_id(state().events_after(None))
    assert state().events_after(seen) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (state(name="Bolt"), ["connection.changed"]),
        (state(position=4, revision=100), ["changes.available"]),
        (state(name="Bolt", position=4, revision=100), EVERYTHING),
        (state(revision=100), ["changes.available"]),
    ],
    ids=["connection", "feed", "both", "feed of another database"],
)
def test_who_missed_something_gets_what_may_have_changed(now: PresentState, expected: list[str]) -> None:
    seen = last_id(state().events_after(None))
    assert types(now.events_after(seen)) == expected
    assert now.events_after(last_id(now.events_after(seen))) == []


@pytest.mark.parametrize(
    "last_event_id",
    [
        "",
        "-",
        "1",
        "3-99",
        "3-99-",
        "3-99-ffffffffffffffff-",
        "x" * 5000,
        "né\x00",
        "5fe3b6a9-16f0-4cb2-8c61-7d10d18ddd3d",
    ],
)
def test_an_id_that_makes_no_sense_is_answered_with_everything(last_event_id: str) -> None:
    assert "connection.changed" in types(state().events_after(last_event_id))


def test_only_the_last_of_events_that_belong_together_has_an_id() -> None:
    """A client that loses its connection between them gets all of them again."""
    first, second = state().events_after(None)
    assert first.id is None
    assert second.id is not None


def test_what_has_changed_comes_with_the_id_that_a_client_resumes_from() -> None:
    former, now = state(), state(name="Bolt")
    assert types(now.events_since(former)) == ["connection.changed"]
    assert now.events_since(now) == []
    assert now.events_after(last_id(now.events_since(former))) == []
