"""What the API needs to know of its surroundings. bootstrap fills it in from the settings."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """`frontend_url` has no trailing slash; the callback lands on `{frontend_url}/app`."""

    frontend_url: str
    jwt_secret: str = field(repr=False)
    """At least 32 bytes (RFC 7518 §3.2)."""
    public_url: str = ""
    """Where the world reaches this API, without a trailing slash: webhook calls are signed over it."""
    cors_origins: tuple[str, ...] = ()
    """Origins beside our own whose pages may call the API with the session cookie."""
    secure_cookies: bool = True
    """False only for development over plain http."""
    development: bool = False
    """Serves the page at /app, with ways to sign in to it as the user, unless the console is on."""
    console: bool = False
    """Serves the page at /app read-only, for those who are signed in by a link."""
