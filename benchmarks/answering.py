"""What a page server sends: answers over HTTP/1.1, rendered as far as can be before the first request."""

from abc import abstractmethod
from typing import Protocol

OK, NOT_FOUND = b"200 OK", b"404 Not Found"


class Answers(Protocol):
    """One CRM's answers about the made-up account."""

    @abstractmethod
    def answer(self, method: bytes, target: bytes, body: bytes) -> bytes:
        """Return the whole response to a request."""

    @abstractmethod
    def change(self, every: int, now_ms: int) -> None:
        """Give every so-manieth record of each type a new name just now, one millisecond apart."""


def response(body: bytes, headers: bytes, status: bytes = OK) -> bytes:
    """`headers` are whole lines, each with its end."""
    return b"HTTP/1.1 %s\r\n%scontent-length: %d\r\n\r\n%s" % (status, headers, len(body), body)
