import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crm_sandbox.cli import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize("portal_first", [True, False])
def test_an_account_of_its_own_and_a_size_for_a_made_up_one_are_not_taken_together(
    tmp_path: Path, portal_first: bool
) -> None:
    file, size = tmp_path / "portal.jsonl", ["--companies", "500"]
    file.touch()
    portal = ["--portal", str(file)]
    result = run(*(portal + size if portal_first else size + portal))
    assert result.exit_code == 2
    assert "leave one of them out" in result.stderr


def test_a_fault_plan_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text("{", encoding="utf-8")
    result = run("--port", "0", "--companies", "1", "--fault-plan", str(plan))
    assert result.exit_code == 1
    assert "the fault plan cannot be used" in result.output


def test_a_port_that_is_no_number_is_wrong_usage() -> None:
    result = run("--port", "nonsense")
    assert result.exit_code == 2
    assert "Invalid value for '--port'" in result.stderr


def test_the_command_explains_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crm_sandbox", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage: crm-sandbox [OPTIONS]")
