"""Secrets that development may lack in its settings: made once, kept in the state folder."""

import base64
import secrets
from pathlib import Path

import msgspec

from astrelo.bootstrap.development.state_dir import state_dir_of, unusable_state_dir
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import KEY_BYTES, EncryptionKey, Settings


class DevelopmentSecrets(msgspec.Struct, frozen=True):
    """What `secrets.json` in the state folder holds: worth nothing outside of this machine."""

    encryption_key: str
    jwt_secret: str


def complete_settings(settings: Settings) -> Settings:
    """Fill in the state folder, and the secrets that development may lack.

    The secrets are made at the first start and kept, so that tokens stored yesterday open today.
    """
    if settings.encryption_keys and settings.jwt_secret:
        return settings
    state_dir = state_dir_of(settings)
    kept = _load_secrets(state_dir)
    key = EncryptionKey("development", base64.b64decode(kept.encryption_key))
    return settings.model_copy(
        update={
            "state_dir": state_dir,
            "encryption_keys": settings.encryption_keys or (key,),
            "jwt_secret": settings.jwt_secret or kept.jwt_secret,
        }
    )


def _load_secrets(state_dir: Path) -> DevelopmentSecrets:
    file = state_dir / "secrets.json"
    try:
        if not file.exists():
            _create_secrets(file)
        return msgspec.json.decode(file.read_bytes(), type=DevelopmentSecrets)
    except OSError as error:
        raise unusable_state_dir(state_dir, error) from error
    except msgspec.DecodeError as error:
        raise Problem(
            f"{file} is damaged. Remove it, and new secrets are made: connect your CRMs again."
        ) from error


def _create_secrets(file: Path) -> None:
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
