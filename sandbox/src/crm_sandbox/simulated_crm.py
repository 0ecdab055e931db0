"""What the server, the transport and the faults know of any simulated CRM."""

from abc import abstractmethod

from crm_sandbox.http.responses import Response


class ConnectionDropped(Exception):
    """Raised through the ASGI application: the server is to end the connection without another byte."""


class Refused(Exception):
    """The CRM refuses a request; the message is fit for people."""

    @abstractmethod
    def response(self) -> Response:
        """Return what the client gets."""
