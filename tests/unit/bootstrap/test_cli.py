import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from astrelo.bootstrap.cli import cli


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> CliRunner:
    monkeypatch.setenv("ASTRELO_STATE_DIR", str(tmp_path_factory.mktemp("state")))
    return CliRunner()


def run(runner: CliRunner, *arguments: str, **environ: str) -> Result:
    return runner.invoke(cli, arguments, env=dict(environ))


def test_wrong_settings_are_reported_without_a_traceback_and_with_exit_code_2(runner: CliRunner) -> None:
    result = run(runner, "migrate", ASTRELO_PORT="no", ASTRELO_NONSENSE="1")
    assert result.exit_code == 2
    assert "ASTRELO_PORT: must be a whole number" in result.stderr
    assert "ASTRELO_NONSENSE: is not a setting" in result.stderr
    assert "Traceback" not in result.output


def test_a_database_that_does_not_answer_is_reported_without_its_password(runner: CliRunner) -> None:
    result = run(runner, "migrate", ASTRELO_DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/x")
    assert result.exit_code == 1
    assert "No PostgreSQL answers at 127.0.0.1:1/x" in result.stderr
    assert "hunter2" not in result.output


def test_a_database_url_with_parameters_that_make_no_sense_is_reported_without_its_password(
    runner: CliRunner,
) -> None:
    url = "postgresql://u:hunter2@127.0.0.1:1/x?sslmode=hunter2"
    result = run(runner, "migrate", ASTRELO_DATABASE_URL=url)
    assert result.exit_code == 1
    assert "ASTRELO_DATABASE_URL" in result.stderr
    assert "Traceback" not in result.output
    assert "hunter2" not in result.output


def test_a_token_is_printed_alone(runner: CliRunner) -> None:
    result = run(runner, "token", "--user", str(uuid4()))
    assert result.exit_code == 0
    assert result.stdout.count(".") == 2
    assert result.stdout.count("\n") == 1


def test_no_development_token_in_production(runner: CliRunner) -> None:
    result = run(
        runner,
        "token",
        "--user",
        str(uuid4()),
        ASTRELO_ENVIRONMENT="production",
        ASTRELO_DATABASE_URL="postgresql://u@h/d",
        ASTRELO_ENCRYPTION_KEYS=f"k:{'A' * 43}=",
        ASTRELO_JWT_SECRET="s" * 32,
        ASTRELO_PUBLIC_URL="https://api.example.com",
        ASTRELO_FRONTEND_URL="https://app.example.com",
    )
    assert result.exit_code == 1
    assert "not made in production" in result.stderr


def test_a_user_that_is_no_uuid_is_wrong_usage(runner: CliRunner) -> None:
    assert run(runner, "token", "--user", "me").exit_code == 2


def test_a_portal_that_is_not_there_is_wrong_usage(runner: CliRunner) -> None:
    result = run(runner, "demo", "--portal", "/no/such/portal.jsonl")
    assert result.exit_code == 2
    assert "/no/such/portal.jsonl" in result.stderr


@pytest.mark.parametrize("portal_first", [True, False])
def test_a_portal_of_its_own_and_a_size_for_a_made_up_one_are_not_taken_together(
    runner: CliRunner, tmp_path: Path, portal_first: bool
) -> None:
    file, size = tmp_path / "portal.jsonl", ["--companies", "500"]
    file.touch()
    dataset = ["--portal", str(file)]
    result = run(runner, "demo", *(dataset + size if portal_first else size + dataset))
    assert result.exit_code == 2
    assert "leave one of them out" in result.stderr


def test_without_the_sandbox_the_demo_says_in_one_sentence_what_to_install() -> None:
    code = (
        "import sys; sys.modules['crm_sandbox'] = None; sys.argv = ['astrelo', 'demo', '--once'];"
        "from astrelo.bootstrap.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "run `pip install ./sandbox` in a clone" in done.stderr


@pytest.mark.parametrize("command", ["demo", "serve", "worker", "migrate", "token", "verify"])
def test_every_command_explains_itself(runner: CliRunner, command: str) -> None:
    result = run(runner, command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_the_command_line_loads_nothing_heavy_before_it_knows_the_command() -> None:
    heavy = "('litestar', 'uvicorn', 'asyncpg', 'httpx', 'rich', 'pgqueuer', 'pydantic', 'structlog')"
    code = f"import sys, astrelo.bootstrap.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
