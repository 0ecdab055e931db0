"""The consumer in docs/consuming.md, as a reader would run it."""

import asyncio
import json
import re
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from astrelo.bootstrap.development.processes import free_port
from tests.support.environ import child_environ, needed_settings
from tests.support.harness.api import JWT_SECRET, ApiHarness, api_harness, token_of
from tests.support.secret_watch import Spawn

pytestmark = pytest.mark.anyio

DOCUMENT = Path(__file__).parents[3] / "docs" / "consuming.md"


class Pause(Exception):
    """The consumer has nothing more to read, and would sleep."""


def consume() -> None:
    """Run the program until it pauses."""
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    with pytest.raises(Pause):
        exec(compile(program, DOCUMENT.name, "exec"), {})


def pause(seconds: float) -> None:
    raise Pause(seconds)


async def stored(api: ApiHarness) -> dict[str, object]:
    lists = [await api.data(f"/api/{name}") for name in ("companies", "contacts", "deals", "owners")]
    return {entry["id"]: entry for entries in lists for entry in entries}


def copied(file: Path) -> dict[str, object]:
    with sqlite3.connect(file) as copy:
        return {id_: json.loads(data) for id_, data in copy.execute("select id, data from record")}


async def test_the_consumer_of_the_documentation_has_what_is_stored(
    database: str, spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, file = free_port(), tmp_path / "copy.db"
    settings = needed_settings(database) | {"ASTRELO_PORT": str(port), "ASTRELO_JWT_SECRET": JWT_SECRET}
    async with api_harness(database) as api:
        server = spawn(sys.executable, "-m", "astrelo", "serve", env=child_environ(settings))
        server.wait_for("http.listening")
        monkeypatch.setenv("ASTRELO_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("ASTRELO_TOKEN", token_of(api.user_id))
        monkeypatch.setenv("COPY", str(file))
        monkeypatch.setattr(time, "sleep", pause)
        for lay in (api.company, api.contact, api.deal, api.owner, api.company):
            await lay()
            await asyncio.to_thread(consume)
            assert copied(file) == await stored(api)
        await api.company()
        monkeypatch.setenv("ASTRELO_URL", f"http://127.0.0.1:{free_port()}")
        await asyncio.to_thread(consume)  # nobody there: it waits
        monkeypatch.setenv("ASTRELO_URL", f"http://127.0.0.1:{port}")
        await api.pool.execute("update feed_heads set pruned_through = position")
        await asyncio.to_thread(consume)  # its cursor has expired: it begins anew
        assert copied(file) == {}
        await asyncio.to_thread(consume)
        assert copied(file) == await stored(api)
