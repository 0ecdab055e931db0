"""What the socket, the transport and the faults know of a CRM that is played."""

from abc import abstractmethod
from typing import Protocol

from crm_sandbox.http.messages import Request, Response


class ConnectionDropped(Exception):
    """The server is to cut the connection without another byte."""


class Refused(Exception):
    """The CRM says no, in a way that can be told to a person as well."""


class SimulatedCrm(Protocol):
    @abstractmethod
    async def respond(self, request: Request) -> Response:
        """Answer as the CRM would; raise ConnectionDropped when a fault asks for it."""

    @abstractmethod
    async def close(self) -> None:
        """End what runs in the background; whoever serves the sandbox calls it at the end."""
