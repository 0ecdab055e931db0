"""The stack of `python -m tests.cases`: that it says where its logs are when it does not come up."""

import shutil
import subprocess
import sys
from pathlib import Path

STACK = '{"tokens": [{"kind": "k", "offsets": {}, "right": 200}]}'


def test_a_stack_that_does_not_come_up_fails_every_check(tmp_path: Path) -> None:
    (tmp_path / "portal.jsonl").write_text("no record\n")
    (tmp_path / "stack.json").write_text(STACK)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.cases", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert ended.returncode == 1
    assert ended.stdout.endswith("\n2 of 2 fail\n")
    logs = Path(ended.stdout.split("its logs are in ")[-1].split(":")[0])
    assert (logs / "worker.log").exists()
    shutil.rmtree(logs.parents[1])
