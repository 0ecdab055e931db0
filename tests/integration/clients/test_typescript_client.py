"""The OpenAPI document is good for clients: it lints, generates and compiles, and what is compiled works."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools import typescript_client

from tests.support.environ import child_environ
from tests.support.secret_watch import Spawn

COMPANIES = 25


@pytest.fixture(scope="module")
def program() -> Path:
    """Build the client and its program; the document's lint is part of that."""
    try:
        return typescript_client.build()
    except typescript_client.Unavailable as reason:
        pytest.skip(f"No TypeScript client can be built here: {reason}")


@pytest.fixture
def state_dir() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="astrelo-client-"))
    home.chmod(0o711)  # as root, the database server runs as another user, who must pass through
    yield home / "state"
    shutil.rmtree(home)


def test_the_compiled_program_reads_companies_and_changes_follows_a_sync_and_handles_problems(
    program: Path, spawn: Spawn, state_dir: Path
) -> None:
    environ = child_environ({"ASTRELO_STATE_DIR": str(state_dir), "HOME": "/nonexistent"})
    demo = spawn(sys.executable, "-m", "astrelo", "demo", "--companies", str(COMPANIES), env=environ)
    api = demo.wait_for(r"the API +(\S+)/schema")[1]
    command = demo.wait_for(r"a token +(\S.*)")[1]
    token = subprocess.check_output(command, shell=True, env=environ, text=True).strip()
    run = spawn(
        "node",
        program,
        env=child_environ({"ASTRELO_API_URL": api, "ASTRELO_TOKEN": token}),
    )
    assert run.wait() == 0, run.stderr
    assert "records received" in run.stdout
    summary = json.loads(run.stdout.splitlines()[-1])
    companies = summary.pop("companies")
    assert 0 < companies <= COMPANIES
    assert summary.pop("changes") > companies  # contacts, deals and owners too
    assert "companies upserted: " in run.stdout
    assert summary == {"run": "completed", "problem": "not_found", "remedy": "correct"}


def test_a_problem_code_that_the_program_does_not_handle_does_not_compile(
    program: Path, tmp_path: Path
) -> None:
    folder = program.parents[1]
    for name in ("package.json", "tsconfig.json", "program.ts"):
        shutil.copy(folder / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    document = json.loads((folder / "openapi.json").read_text())
    document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].append("unheard_of")
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    with pytest.raises(typescript_client.Failed, match="unheard_of"):
        typescript_client.compile_program(tmp_path)
