"""What the page does with the server's events."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from astrelo.adapters.inbound.http import console

SCRIPT = (Path(console.__file__).parent / "page" / "data" / "live.js").read_text()
NODE = shutil.which("node")
BROWSER = """
const done = [];
class Source {
  constructor(path) { done.push(["connect", path]); this.readyState = 1; this.on = {}; }
  addEventListener(type, action) { this.on[type] = action; }
  close() { done.push(["close"]); }
}
const live = new LiveUpdates((path) => new Source(path), (run) => done.push(["progress", run.id]), (ms) => done.push(["redraw", ms]));
live.follow();
"""

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node.js to run the page's script")


def done_after(actions: str) -> list[Any]:
    """Run the page's script without a page, and return what it did after it had connected."""
    assert NODE is not None
    ran = subprocess.run(
        [NODE, "--input-type=module", "-"],
        input=f"{SCRIPT}\n{BROWSER}\n{actions}\nconsole.log(JSON.stringify(done));",
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    done: list[Any] = json.loads(ran.stdout)
    assert done[0] == ["connect", "/api/events"]
    return done[1:]


def test_progress_is_drawn_from_the_event_alone() -> None:
    event = 'live.source.on["run.progress"]({ data: JSON.stringify({ id: "a run" }) });'
    assert done_after(event) == [["progress", "a run"]]


@pytest.mark.parametrize("event", ["run.ended", "connection.changed", "open", "error"])
def test_what_ends_or_begins_has_everything_drawn_again(event: str) -> None:
    assert done_after(f'live.source.on["{event}"]({{ data: "{{}}" }});') == [["redraw", 0]]


def test_changed_records_are_drawn_a_little_later() -> None:
    assert done_after('live.source.on["changes.available"]({ data: "{}" });') == [["redraw", 2000]]


def test_a_page_follows_once_however_often_it_is_drawn() -> None:
    assert done_after("live.follow(); live.follow();") == []


def test_a_stream_that_was_refused_is_opened_again_when_the_page_was_drawn() -> None:
    refused = "live.source.readyState = 2; live.source.on.error(); live.follow();"
    assert done_after(refused) == [["close"], ["redraw", 5000], ["connect", "/api/events"]]


def test_a_page_that_is_signed_out_follows_no_more() -> None:
    assert done_after("live.stop(); live.stop();") == [["close"]]
