"""Starlette's request with its body read, which is how handlers see it."""

from typing import Self

from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.types import Message, Receive, Scope

from crm_sandbox.simulated_crm import ConnectionDropped

MAX_BODY_SIZE = 16 * 2**20
_CONTENT_TOO_LARGE = 413
REQUESTED_PATH = "crm_sandbox.requested_path"
"""Key of a scope whose path was rewritten for routing."""


class Request(StarletteRequest):
    content: bytes = b""

    @classmethod
    async def read(cls, scope: Scope, receive: Receive) -> Self:
        """Read the body too; HTTPException 413 when it is larger than `MAX_BODY_SIZE`.

        Raises ConnectionDropped when the client goes before the end of it.
        """
        request = cls(scope, receive)
        content = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionDropped
            content += message.get("body", b"")
            if len(content) > MAX_BODY_SIZE:
                raise HTTPException(_CONTENT_TOO_LARGE)
            if not message.get("more_body"):
                break
        request.content = bytes(content)
        return request

    async def replay(self) -> Message:
        """Receive the body once more, for an application behind the one that has read it."""
        return {"type": "http.request", "body": self.content}

    @property
    def path(self) -> str:
        """Return the path as it was requested."""
        return str(self.scope.get(REQUESTED_PATH) or self.scope["path"])

    @property
    def target(self) -> str:
        query = self.scope["query_string"].decode("ascii", "replace")
        return f"{self.path}?{query}" if query else self.path

    @property
    def origin(self) -> str:
        """Return scheme and host, as the client sees them."""
        return f"{self.scope['scheme']}://{self.headers.get('host', 'localhost')}"

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def list_parameter(self, name: str) -> list[str]:
        """Split a comma-separated query parameter, also when it is repeated; blanks are dropped."""
        values = self.query_params.getlist(name)
        return [part.strip() for value in values for part in value.split(",") if part.strip()]
