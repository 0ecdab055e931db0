import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from astrelo.bootstrap.development.secrets import complete_settings
from astrelo.bootstrap.development.state_dir import hold_demo_lock, require_no_demo
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import Settings, parse_settings


def in_folder(folder: Path) -> Settings:
    return parse_settings({"ASTRELO_STATE_DIR": str(folder)})


def test_missing_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first, second = (
        complete_settings(in_folder(tmp_path / "state")),
        complete_settings(in_folder(tmp_path / "state")),
    )
    assert first.jwt_secret
    assert (first.jwt_secret, first.encryption_keys) == (second.jwt_secret, second.encryption_keys)


def test_kept_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    complete_settings(in_folder(tmp_path))
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_secrets_that_are_set_are_left_alone(tmp_path: Path) -> None:
    given = in_folder(tmp_path).model_copy(update={"jwt_secret": "set by hand, and long enough for HS256"})
    assert complete_settings(given).jwt_secret == given.jwt_secret


def test_processes_that_start_at_once_agree_on_their_secrets(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: complete_settings(in_folder(tmp_path)).jwt_secret, range(8)))
    assert len(set(made)) == 1


def test_a_state_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match="Name another one in ASTRELO_STATE_DIR"):
        complete_settings(in_folder(tmp_path / "file" / "state"))


def test_damaged_secrets_are_explained(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(Problem, match=r"secrets\.json is damaged"):
        complete_settings(in_folder(tmp_path))


def test_no_worker_of_its_own_beside_a_demo(tmp_path: Path) -> None:
    settings = in_folder(tmp_path)
    require_no_demo(settings)
    with hold_demo_lock(tmp_path), pytest.raises(Problem, match="has a worker of its own"):
        require_no_demo(settings)
    require_no_demo(settings)
