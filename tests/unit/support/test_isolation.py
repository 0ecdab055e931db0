import socket

import pytest


def test_the_outside_world_is_out_of_reach() -> None:
    with socket.socket() as outward, pytest.raises(pytest.fail.Exception, match=r"198\.51\.100\.1"):
        outward.connect(("198.51.100.1", 80))


def test_this_machine_can_be_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as inward:
        inward.connect(server.getsockname())
