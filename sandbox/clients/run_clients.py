"""Run each CRM's real clients against the sandbox: `make clients`.

A folder beside this file is a CRM's: its requirements.txt is installed into an environment of its own, its Node projects
by `npm ci`, then its tests run. What cannot be had here, for want of an index or of Node, is named as NOT RUN; that is
no failure. A lock that is wrong is one, as a failing test is.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parents[1] / ".clients"
NETWORK = ("--retries", "1", "--timeout", "20")
NPM_NETWORK = ("--fetch-retries=1", "--fetch-timeout=20000")
WRONG_LOCK = (
    "DO NOT MATCH THE HASHES",
    "--require-hashes mode",
    "ResolutionImpossible",
    "EINTEGRITY",
    "EUSAGE",
)
"""What pip and npm say of a lock that no index and no network could install."""


class Unavailable(Exception):
    """What some clients need cannot be had here; the message says why."""


class WrongLock(Exception):
    """A requirements.txt or a package-lock.json contradicts itself or the index; the message is pip's or npm's."""


@dataclass(frozen=True, slots=True)
class Outcome:
    clients: str
    result: str
    seconds: float = 0

    def __str__(self) -> str:
        return f"{self.clients}\t{self.result}\t{self.seconds:.0f}"


def main() -> int:
    """Return 1 when a test failed or a lock is wrong, else 0; write an outcome a line to `summary.tsv`."""
    parser = argparse.ArgumentParser(description="Run each CRM's real clients against the sandbox.")
    parser.add_argument("--clients", type=Path, default=HERE, help="a folder with one folder for each CRM")
    parser.add_argument(
        "--environments", type=Path, default=ENVIRONMENTS, help="where their environments are kept"
    )
    options = parser.parse_args()
    options.environments.mkdir(parents=True, exist_ok=True)
    folders = sorted(path.parent for path in options.clients.resolve().glob("*/requirements.txt"))
    environments = [options.environments / folder.name for folder in folders]
    with ThreadPoolExecutor() as side_by_side:
        outcomes = list(chain.from_iterable(side_by_side.map(run_clients, folders, environments)))
    lines = [str(outcome) for outcome in outcomes]
    (options.environments / "summary.tsv").write_text("".join(f"{line}\n" for line in lines))
    print("\n" + "\n".join(line.expandtabs(24) for line in lines))
    return int(any(outcome.result == "FAILED" for outcome in outcomes))


def run_clients(folder: Path, environment: Path) -> list[Outcome]:
    """Install the clients of one CRM and run their tests; the first outcome is that of all that could be installed."""
    began = time.monotonic()
    outcomes = []
    try:
        install_python(folder / "requirements.txt", environment)
        for project in sorted(path.parent for path in folder.glob("*/package-lock.json")):
            try:
                install_node(project)
            except Unavailable as reason:
                outcomes.append(not_run(project.name, reason))
        result = "passed" if run_tests(folder, environment) else "FAILED"
    except WrongLock as error:
        print(error, file=sys.stderr)
        result = "FAILED"
    except Unavailable as reason:
        return [not_run(f"clients of {folder.name}", reason)]
    return [Outcome(f"clients of {folder.name}", result, time.monotonic() - began), *outcomes]


def not_run(clients: str, reason: Unavailable) -> Outcome:
    print(f"\n!! NOT RUN: {clients}: {reason}\n", file=sys.stderr)
    return Outcome(clients, f"NOT RUN: {reason}")


def install_python(requirements: Path, environment: Path) -> None:
    if is_installed(requirements, environment):
        return
    print(f"Installing {requirements} into {environment} …", flush=True)
    try:
        venv.create(environment, clear=True, symlinks=True)
    except OSError as error:
        raise Unavailable(f"no virtual environment can be made ({error})") from error
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(environment),
        "--disable-pip-version-check",
        "install",
    ]
    # Most modules of these clients are never imported: compiling them takes longer than the tests.
    pip += ["-qq", "--no-compile", *NETWORK, "--require-hashes", "-r", str(requirements)]
    install(pip, requirements.parent)
    mark_installed(requirements, environment)


def install_node(project: Path) -> None:
    modules, lock = project / "node_modules", project / "package-lock.json"
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            raise Unavailable(f"{name} is not installed")
    if not is_installed(lock, modules):
        print(f"Installing {lock} …", flush=True)
        shutil.rmtree(modules, ignore_errors=True)
        install(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", *NPM_NETWORK], project)
        mark_installed(lock, modules)


def install(command: Sequence[str], folder: Path) -> None:
    """Run pip or npm. Raises WrongLock or Unavailable, with the first error it reports."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if any(words in done.stderr for words in WRONG_LOCK):
        raise WrongLock(done.stderr)
    errors = [line for line in done.stderr.splitlines() if "error" in line.lower()]
    raise Unavailable(
        f"{command[0] if command[0] == 'npm' else 'pip'}: {[*errors, 'no reason given'][0].strip()}"
    )


def is_installed(lock: Path, place: Path) -> bool:
    mark = place / ".ready"
    return mark.is_file() and mark.read_text() == fingerprint(lock, place)


def mark_installed(lock: Path, place: Path) -> None:
    (place / ".ready").write_text(fingerprint(lock, place))


def fingerprint(lock: Path, place: Path) -> str:
    """Tell by what an environment was made from: a changed lock, another Python or a moved clone makes it anew."""
    return hashlib.sha256(lock.read_bytes() + f"{sys.version}{place.resolve()}".encode()).hexdigest()


def run_tests(folder: Path, environment: Path) -> bool:
    # The sandbox runs in the interpreter of this script: what its clients need and what it needs never meet.
    command = os.getenv("CRM_SANDBOX_COMMAND", f"{shlex.quote(sys.executable)} -m crm_sandbox")
    pytest = [
        str(environment / "bin" / "python"),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        str(folder),
    ]
    environ = {**os.environ, "CRM_SANDBOX_COMMAND": command}  # noqa: TID251 - a child process needs one
    done = subprocess.run(
        pytest, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(f"\n== {folder.name}\n{done.stdout}", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
