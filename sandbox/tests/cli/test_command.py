import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crm_sandbox import Dataset
from crm_sandbox.cli.command import cli
from tests.salesforce.builders import record

WRONG = [
    (["--port", "nonsense"], "'--port'"),
    (["pipedrive"], "'pipedrive' is not one of"),
    (["hubspot", "--crm", "salesforce"], "The CRM is hubspot and --crm says salesforce"),
    (["hubspot", "--person-accounts"], "HubSpot has none"),
    (["--host", " "], "'--host': it is empty"),
    (["--port", "0", "--companies", "1", "--host", "no.such.host.invalid"], "Nothing can listen on"),
    (["--port", "0", "--companies", "1", "--host", "a..b"], "'a..b' is the name of no host"),
    (["--port", "0", "--companies", "1", "--host", "a..b", "--tls"], "'a..b' is the name of no host"),
    (["--client-id", ""], "'--client-id': it is empty"),
    (["--client-secret", " "], "'--client-secret': it is empty"),
    (["--redirect-uri", "/callback"], "'/callback' is no absolute URI"),
    (["--redirect-uri", "http://localhost/a#b"], "'http://localhost/a#b' is no absolute URI"),
    (["--redirect-uri", "http://[::1/callback"], "is no absolute URI"),
    (["--redirect-uri", "http://localhost:99999/"], "is no absolute URI"),
    (["--redirect-uri", "http://local host/"], "is no absolute URI"),
    (["--scopes", " , "], "is no list of scopes"),
    (["--scopes", 'api "id"'], "is no list of scopes"),
    (["--dataset", "/no/such/dataset.jsonl"], "/no/such/dataset.jsonl"),
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize(("arguments", "says"), WRONG)
def test_a_bad_value_is_wrong_usage_explained_in_a_sentence(arguments: list[str], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    *usage, sentence = result.stderr.strip().splitlines()
    assert usage[0].startswith("Usage: ")
    assert sentence.startswith("Error: ")
    assert says in sentence


@pytest.mark.parametrize("dataset_first", [True, False])
def test_an_account_of_its_own_and_a_size_for_a_made_up_one_are_not_taken_together(
    tmp_path: Path, dataset_first: bool
) -> None:
    file, size = tmp_path / "dataset.jsonl", ["--companies", "500"]
    file.touch()
    dataset = ["--dataset", str(file)]
    result = run(*(dataset + size if dataset_first else size + dataset))
    assert result.exit_code == 2
    assert "leave one of them out" in result.stderr


def test_a_portal_or_a_fault_plan_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    plan, dataset = tmp_path / "plan.json", tmp_path / "dataset.jsonl"
    plan.write_text("{", encoding="utf-8")
    dataset.write_text("{", encoding="utf-8")
    with_plan = run("--port", "0", "--companies", "1", "--fault-plan", str(plan))
    assert with_plan.exit_code == 2
    assert "plan.json: the fault plan cannot be used" in with_plan.stderr
    with_dataset = run("--port", "0", "--dataset", str(dataset))
    assert with_dataset.exit_code == 2
    assert "dataset.jsonl" in with_dataset.stderr


def test_hubspot_does_not_take_salesforces_records(tmp_path: Path) -> None:
    Dataset.from_records([record("Account", 1, {"Name": "One"})]).save(tmp_path / "org.jsonl")
    result = run("hubspot", "--port", "0", "--dataset", str(tmp_path / "org.jsonl"))
    assert result.exit_code == 2
    assert "org holds Salesforce's records" in result.stderr


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = run("--companies", "1", "--port", str(listener.getsockname()[1]))
    assert result.exit_code == 1
    assert "is taken" in result.stderr


def test_the_command_explains_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crm_sandbox", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage: crm-sandbox [OPTIONS] [hubspot|salesforce]")


def test_the_readme_names_every_option() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    options = {name for option in cli.params for name in (*option.opts, *option.secondary_opts)}
    listed_elsewhere = {"--rate-limit", "--version", "crm"}  # the default, every command's, and the argument
    assert [name for name in sorted(options - listed_elsewhere) if f"`{name}`" not in readme] == []
