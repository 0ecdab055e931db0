"""What every simulated authorization server has: a registered app, PKCE, and a record of the secrets it issued."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field

from starlette.datastructures import QueryParams

from crm_sandbox.http.requests import Request

FORM = "application/x-www-form-urlencoded"
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
"""What an S256 code challenge looks like."""


class UntrustedRequest(Exception):
    """The person at the browser gets a page that says why; a request like this is never redirected."""


class InvalidForm(Exception):
    """A client's form cannot be read; `status` is the HTTP status it deserves."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApp:
    """What a CRM knows of the client. In a redirect URI, `:*` stands for any port."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]

    def allows_redirect(self, uri: str) -> bool:
        patterns = (re.escape(known).replace(re.escape(":*"), r"(:\d{1,5})?") for known in self.redirect_uris)
        return any(re.fullmatch(pattern, uri) for pattern in patterns)

    def matches_secret(self, secret: str | None) -> bool:
        return secret is not None and secrets.compare_digest(secret.encode(), self.client_secret.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSecret:
    kind: str
    value: str = field(repr=False)


class IssuedSecrets(list[IssuedSecret]):
    """Every secret of an authorization server, in the order it was made."""

    def issue(self, kind: str, value: str) -> str:
        self.append(IssuedSecret(kind=kind, value=value))
        return value


def default_redirect_uris(provider: str) -> tuple[str, ...]:
    """Return where an app on a developer's machine waits for a CRM's codes, whatever its port."""
    path = f"/api/integrations/{provider}/callback"
    return f"http://localhost:*{path}", f"http://127.0.0.1:*{path}"


def compute_challenge(verifier: str) -> str:
    """Return the S256 code challenge of RFC 7636."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def read_form(request: Request) -> dict[str, str]:
    """Read a form with each parameter once; nothing comes from the query string, where logs keep secrets."""
    if request.query_params:
        raise InvalidForm("parameters belong into the form body, not into the URL")
    if request.media_type != FORM:
        raise InvalidForm(f"the body must be {FORM}", status=415)
    form = QueryParams(request.content.decode(errors="replace"))
    if repeated := [name for name in form if len(form.getlist(name)) > 1]:
        raise InvalidForm(f"parameters sent twice: {', '.join(repeated)}")
    return dict(form)
