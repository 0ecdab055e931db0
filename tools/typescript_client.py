"""Generate a TypeScript client from the OpenAPI document, lint the document, compile a program: `make client`.

clients/typescript is copied into a build folder outside of git, with what npm installs and what is generated.
"""

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from dishka import make_async_container

from astrelo.adapters.inbound.http.app import create_app
from astrelo.adapters.inbound.http.config import HttpConfig

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "clients" / "typescript"
BUILD = ROOT / ".clients" / "typescript"
PROGRAM = "compiled/program.js"
_NPM_NETWORK = ("--fetch-retries=1", "--fetch-timeout=20000")


class Unavailable(Exception):
    """Node, npm or its packages cannot be had here; the message says why."""


class Failed(Exception):
    """The document or the program has an error; the message is the tool's."""


def build(folder: Path = BUILD) -> Path:
    """Return the compiled program. Raises Unavailable, and Failed when a tool finds an error."""
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            raise Unavailable(f"{name} is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        for source in SOURCES.iterdir():
            if source.is_file():
                shutil.copy(source, folder)
        (folder / "openapi.json").write_text(json.dumps(openapi_document(), indent=1), encoding="utf-8")
        _install(folder)
        found = json.loads(run(folder, "redocly", "lint", "openapi.json", "--format=json"))
        if found["totals"]["errors"] or found["totals"]["warnings"]:
            raise Failed(json.dumps(found["problems"], indent=1))
        compile_program(folder)
    return folder / PROGRAM


def compile_program(folder: Path) -> None:
    """Generate the types of `openapi.json` and compile the program with them. Raises Failed."""
    run(folder, "openapi-typescript", "openapi.json", "--output", "schema.d.ts")
    run(folder, "tsc", "--project", ".")


def openapi_document() -> dict[str, object]:
    """Return the document as every deployment serves it; no database is needed for it."""
    config = HttpConfig(frontend_url="https://app.example.com", jwt_secret="-" * 32)
    return create_app(make_async_container(), config).openapi_schema.to_schema()


def run(folder: Path, tool: str, *arguments: str) -> str:
    """Run one of the installed tools and return what it prints. Raises Failed."""
    silent = ("REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
    command = ["env", *silent, str(folder / "node_modules" / ".bin" / tool), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{tool}: {done.stdout}{done.stderr}")
    return done.stdout


def _install(folder: Path) -> None:
    mark = folder / "node_modules" / ".ready"
    fingerprint = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() == fingerprint:
        return
    print(f"Installing {folder / 'package-lock.json'} …", file=sys.stderr)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", *_NPM_NETWORK]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        mark.write_text(fingerprint)
        return
    if any(code in done.stderr for code in ("EINTEGRITY", "EUSAGE")):
        raise Failed(done.stderr)
    errors = [line for line in done.stderr.splitlines() if "error" in line.lower()]
    raise Unavailable(f"npm: {[*errors, 'no reason given'][0].strip()}")


def main() -> int:
    """Return 1 when something cannot be had or is wrong."""
    try:
        print(build())
    except (Unavailable, Failed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
