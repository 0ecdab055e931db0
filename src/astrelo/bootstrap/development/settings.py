"""What development does without settings: a state folder, secrets made once, a PostgreSQL of its own."""

import base64
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres, default_state_dir, try_lock
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import KEY_BYTES, PREFIX, EncryptionKey, Settings


class DevelopmentSecrets(msgspec.Struct, frozen=True):
    """What `secrets.json` in the state folder holds: worth nothing outside of this machine."""

    encryption_key: str
    jwt_secret: str


def completed(settings: Settings) -> Settings:
    """Fill in the state folder, and the secrets that development may lack.

    The secrets are made at the first start and kept, so that tokens stored yesterday open today.
    """
    if settings.encryption_keys and settings.jwt_secret:
        return settings
    state_dir = _state_dir(settings)
    kept = _kept_secrets(state_dir)
    key = EncryptionKey("development", base64.b64decode(kept.encryption_key))
    return replace(
        settings,
        state_dir=state_dir,
        encryption_keys=settings.encryption_keys or (key,),
        jwt_secret=settings.jwt_secret or kept.jwt_secret,
    )


@contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """Give settings that name a database: the configured one, else the embedded server while this lasts.

    Enter it in the main thread (see EmbeddedPostgres).
    """
    if settings.database_url is not None:
        yield settings
        return
    with embedded_server(settings) as server:
        yield replace(settings, state_dir=_state_dir(settings), database_url=server.dsn)


@contextmanager
def embedded_server(settings: Settings) -> Iterator[EmbeddedPostgres]:
    """Run the server of the state folder, or attach to it, while this lasts. Enter it in the main thread."""
    state_dir = _state_dir(settings)
    try:
        server = EmbeddedPostgres.start(state_dir, binaries=settings.postgres_binaries)
    except OSError as error:
        raise _unusable(state_dir, error) from error
    with server:
        yield server


def server_gone(who: str) -> Problem:
    """Say why `who` cannot go on: an embedded server that comes back does so at another address."""
    return Problem(
        "The embedded PostgreSQL is gone: it ended with the process that owned it, or was killed. "
        f"Start the {who} again."
    )


@contextmanager
def only_demo(state_dir: Path) -> Iterator[None]:
    """Keep other demos of the state folder away while this lasts. Raises Problem when there is one."""
    lock = try_lock(_demo_lock(state_dir))
    if lock is None:
        raise Problem(
            f"A demo of this clone runs already. Stop it with Ctrl-C, {_elsewhere('give this one')}."
        )
    try:
        yield
    finally:
        os.close(lock)


def refuse_beside_demo(settings: Settings) -> None:
    """Raise Problem while a demo uses the state folder: a second worker, set up otherwise, would take its jobs."""
    file = _demo_lock(_state_dir(settings))
    if not file.exists():
        return
    lock = try_lock(file)
    if lock is None:
        raise Problem(
            "A demo of this clone runs and has a worker of its own. Stop it with Ctrl-C, "
            f"{_elsewhere('give this worker')}."
        )
    os.close(lock)


def _demo_lock(state_dir: Path) -> Path:
    return state_dir / "demo.lock"


def _elsewhere(whom: str) -> str:
    return f"or {whom} a folder of its own: {PREFIX}STATE_DIR=/some/folder"


def _state_dir(settings: Settings) -> Path:
    return settings.state_dir or default_state_dir()


def _kept_secrets(state_dir: Path) -> DevelopmentSecrets:
    file = state_dir / "secrets.json"
    try:
        if not file.exists():
            _keep(file)
        return msgspec.json.decode(file.read_bytes(), type=DevelopmentSecrets)
    except OSError as error:
        raise _unusable(state_dir, error) from error
    except msgspec.DecodeError as error:
        raise Problem(
            f"{file} is damaged. Remove it, and new secrets are made: connect your CRMs again."
        ) from error


def _unusable(state_dir: Path, error: OSError) -> Problem:
    reason = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    return Problem(
        f"The state folder {state_dir} cannot be used ({reason}). Name another one in {PREFIX}STATE_DIR."
    )


def _keep(file: Path) -> None:
    made = DevelopmentSecrets(
        encryption_key=base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
        jwt_secret=secrets.token_urlsafe(48),
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{secrets.token_hex(4)}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_bytes(msgspec.json.encode(made))
    try:
        # A link, not a rename: of two processes that start at once, the second must take the first's.
        file.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
