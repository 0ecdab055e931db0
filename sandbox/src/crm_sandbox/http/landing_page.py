"""What a sandbox shows at `/`: what it holds, which app it knows, and where to begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from urllib.parse import urlencode

from crm_sandbox.http.pages import page
from crm_sandbox.http.requests import Request
from crm_sandbox.not_simulated import DOCUMENTATION
from crm_sandbox.oauth import RegisteredApp

_ADMIN_LINKS = {
    "about": "accounts, time and flags",
    "stats": "requests so far",
    "requests": "each request",
    "secrets": "each code and token",
    "faults": "waiting faults",
    "fault-plan": "the plan of faults",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSummary:
    id: str
    name: str
    counts: Mapping[str, int]
    """Live records by object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """What the landing page says of a CRM."""

    crm: str
    id_name: str
    """What the CRM calls an account's id."""
    accounts: Sequence[AccountSummary]
    app: RegisteredApp
    scopes: Sequence[str]
    """What an authorization is to ask for."""
    authorize_path: str
    authorize_parameters: Mapping[str, str] = field(default_factory=dict)
    """What an authorization needs beyond client, redirect URI, response type and scopes."""
    list_companies: str
    """Path and query of a request that lists two companies."""

    @property
    def authorization(self) -> str:
        """Return the consent page's URL, below the sandbox's own, for the app's first redirect URI."""
        parameters = {
            "client_id": self.app.client_id,
            "redirect_uri": self.app.redirect_uris[0].replace(":*", ""),
            "response_type": "code",
            "scope": " ".join(self.scopes),
            **self.authorize_parameters,
        }
        return f"{self.authorize_path}?{urlencode(parameters)}"


def landing_page(landing: Landing, request: Request) -> str:
    crm = escape(landing.crm)
    content = f"""
<h1>A simulated {crm}</h1>
<p>This is <code>crm-sandbox</code>, not {crm}, which gets nothing of what is sent here.
<a href="/_sandbox/reference">Its documentation</a> says what it does, and <a href="{DOCUMENTATION}">how it says what it
does not</a>.</p>
<h2>Accounts</h2>{_accounts(landing)}
<h2>The registered app</h2>{_app(landing)}
<h2>A first request</h2>{_first_request(landing, request)}
<h2>Behind the scenes</h2>{_admin_links()}
"""
    return page(f"Simulated {landing.crm}", content, "60rem")


def _accounts(landing: Landing) -> str:
    objects = dict.fromkeys(name for account in landing.accounts for name in account.counts)
    rows = [_row("th", ["Name", landing.id_name, *objects])]
    for account in landing.accounts:
        counts = (f"{account.counts.get(name, 0):,}" for name in objects)
        rows.append(_row("td", [account.name, account.id, *counts]))
    return f"<table>{''.join(rows)}</table>"


def _row(tag: str, texts: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(text)}</{tag}>' for text in texts)}</tr>"


def _app(landing: Landing) -> str:
    rows = {
        "client id": _codes([landing.app.client_id]),
        "client secret": "what <code>--client-secret</code> said, else the one in "
        '<a href="/_sandbox/reference#the-registered-app">the documentation</a>',
        "redirect URIs": _codes(landing.app.redirect_uris) + " (<code>:*</code> is any port)",
        "scopes": _codes(landing.scopes),
        "authorize URL": f"<code>{escape(landing.authorize_path)}</code>: "
        f'<a href="{escape(landing.authorization)}">the consent page</a>, as the app would open it',
    }
    return (
        f"<table>{''.join(f'<tr><th>{name}</th><td>{cell}</td></tr>' for name, cell in rows.items())}</table>"
    )


def _codes(texts: Sequence[str]) -> str:
    return "<br>".join(f"<code>{escape(text)}</code>" for text in texts)


def _first_request(landing: Landing, request: Request) -> str:
    trust = " --cacert CA_FILE" if request.url.scheme == "https" else ""
    commands = (
        f"SANDBOX={request.origin}\n"
        f'TOKEN=$(curl -s{trust} -X POST $SANDBOX/_sandbox/connect | sed \'s/.*"access_token":"\\([^"]*\\).*/\\1/\')\n'
        f'curl -s{trust} -H "Authorization: Bearer $TOKEN" "$SANDBOX{landing.list_companies}"'
    )
    return f"<p>A token without a browser, and two companies:</p><pre>{escape(commands)}</pre>"


def _admin_links() -> str:
    links = (
        f'<li><a href="/_sandbox/{name}">/_sandbox/{name}</a>: {text}</li>'
        for name, text in _ADMIN_LINKS.items()
    )
    return (
        f"<ul>{''.join(links)}</ul><p>Time, records, failures and much more are changed there too: "
        '<a href="/_sandbox/reference#the-admin-api">the calls</a>.</p>'
    )
