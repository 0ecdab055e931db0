import os
import socket
from pathlib import Path

import pytest

from astrelo.bootstrap.development.processes import ChildDied, Children, free_port, port_is_taken, usual_ports
from astrelo.bootstrap.problems import Problem

ENVIRON = dict(os.environ)  # noqa: TID251 - what a child process needs to find its interpreter


def test_a_child_that_dies_is_explained_by_the_end_of_its_log(tmp_path: Path) -> None:
    with Children() as children:
        child = children.start(
            "sandbox", ["--port", "nonsense"], ENVIRON, tmp_path / "sandbox.log", "crm_sandbox"
        )
        assert child.wait_until_stopped(30)
        with pytest.raises(ChildDied, match=r"The sandbox ended \(exit code 2\)") as caught:
            children.check()
    assert "Invalid value for '--port'" in str(caught.value)
    assert str(tmp_path / "sandbox.log") in str(caught.value)


def test_children_are_stopped_when_the_block_ends(tmp_path: Path) -> None:
    with Children() as children:
        child = children.start("worker", ["worker"], ENVIRON, tmp_path / "worker.log")
        children.check()
    with pytest.raises(ChildDied):
        child.check()


def test_a_port_that_a_process_listens_on_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert port_is_taken("127.0.0.1", listener.getsockname()[1])
    assert not port_is_taken("127.0.0.1", free_port())
    assert free_port() < 32_768, "from there on Linux takes ports for outgoing connections"


def test_usual_ports_are_the_same_each_time_and_differ_between_owners() -> None:
    ports = usual_ports("mine", 3)
    assert usual_ports("mine", 3) == ports
    assert len({*ports, *usual_ports("yours", 3)}) == 6


def test_a_usual_port_that_a_process_listens_on_is_replaced() -> None:
    first, second = usual_ports("mine", 2)
    with socket.create_server(("127.0.0.1", first)):
        replaced, kept = usual_ports("mine", 2)
    assert replaced != first
    assert kept == second


def test_an_address_of_another_machine_is_no_port_that_is_taken_but_a_problem() -> None:
    with pytest.raises(Problem, match=r"Nothing can listen on 203\.0\.113\.1:"):
        port_is_taken("203.0.113.1", free_port())
