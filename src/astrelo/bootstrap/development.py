"""What development does without settings: a state folder, secrets made once, a PostgreSQL of its own."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from astrelo.bootstrap.embedded_postgres import EmbeddedPostgres, default_state_dir
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
    state_dir = settings.state_dir or default_state_dir()
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
    state_dir = settings.state_dir or default_state_dir()
    try:
        server = EmbeddedPostgres.start(state_dir, binaries=settings.postgres_binaries)
    except OSError as error:
        raise _unusable(state_dir, error) from error
    with server:
        yield replace(settings, state_dir=state_dir, database_url=server.dsn)


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
