"""The runner of real clients: what it skips, and what it fails for. Nothing here needs a network."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "clients" / "run_clients.py"
SUMMARY = "summary.tsv"


class Clients:
    """A folder of clients of one CRM, and an index that has one package: a pytest that ends as it is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clients"
        self.crm = self.folder / "acme"
        self.crm.mkdir(parents=True)
        self.index = folder / "index"
        self.index.mkdir()
        self.environments = folder / "environments"
        self.path = os.defpath

    def publish_pytest(self, status: int) -> None:
        """Publish it, and require it with its hash."""
        wheel = self.index / "pytest-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("pytest.py", f"raise SystemExit({status})")
            metadata = "Metadata-Version: 2.1\nName: pytest\nVersion: 1.0\n"
            archive.writestr("pytest-1.0.dist-info/METADATA", metadata)
            archive.writestr("pytest-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr("pytest-1.0.dist-info/RECORD", "")
        self.require("pytest==1.0", hashlib.sha256(wheel.read_bytes()).hexdigest())

    def require(self, package: str, digest: str) -> None:
        (self.crm / "requirements.txt").write_text(f"{package} --hash=sha256:{digest}\n")

    def run(self) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPT), "--clients", str(self.folder)]
        command += ["--environments", str(self.environments)]
        environ = {"PATH": self.path, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index)}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)

    def results(self) -> dict[str, str]:
        """Return what became of which clients, as CI reads it."""
        lines = (self.environments / SUMMARY).read_text().splitlines()
        return {clients: result for clients, result, _ in (line.split("\t") for line in lines)}


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    return Clients(tmp_path)


@pytest.mark.parametrize(("status", "result"), [(0, "passed"), (1, "FAILED")])
def test_a_run_ends_as_the_tests_of_the_clients_do(clients: Clients, status: int, result: str) -> None:
    clients.publish_pytest(status)
    assert clients.run().returncode == status
    assert clients.results() == {"clients of acme": result}


def test_what_no_index_has_is_named_and_is_no_failure(clients: Clients) -> None:
    clients.require("acme-client==1.0", "0" * 64)
    done = clients.run()
    assert done.returncode == 0
    assert "!! NOT RUN: clients of acme: pip: " in done.stderr
    assert "acme-client==1.0" in done.stderr
    assert clients.results()["clients of acme"].startswith("NOT RUN: pip: ")


def test_a_package_with_another_hash_is_a_failure(clients: Clients) -> None:
    clients.publish_pytest(0)
    clients.require("pytest==1.0", "0" * 64)
    done = clients.run()
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert clients.results() == {"clients of acme": "FAILED"}


def test_without_node_the_other_clients_run(clients: Clients) -> None:
    clients.publish_pytest(0)
    (clients.crm / "acme-js").mkdir()
    (clients.crm / "acme-js" / "package-lock.json").write_text("{}")
    clients.path = str(clients.index)
    done = clients.run()
    assert done.returncode == 0
    assert "!! NOT RUN: acme-js: node is not installed" in done.stderr
    assert clients.results() == {"clients of acme": "passed", "acme-js": "NOT RUN: node is not installed"}


def test_a_changed_lock_makes_the_environment_anew(clients: Clients) -> None:
    clients.publish_pytest(0)
    assert "Installing" in clients.run().stdout
    assert "Installing" not in clients.run().stdout
    clients.publish_pytest(1)
    assert "Installing" in clients.run().stdout
    assert clients.results() == {"clients of acme": "FAILED"}
