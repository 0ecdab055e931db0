"""Host names: login hosts, an org's My Domain, and the instance that serves its API.

At hosts of salesforce.com the sandbox uses Salesforce's own names. At any other, as on a socket, the application is
both login host and instance, one of them as 127.0.0.1 and the other as localhost.
"""

from crm_sandbox.http.requests import Request
from crm_sandbox.salesforce.org.org import Org

LOGIN_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})
DEFAULT_LOGIN = "login.salesforce.com"
_OTHER_LOCAL_NAMES = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}


def get_host(request: Request) -> str:
    return request.headers.get("host", DEFAULT_LOGIN).lower()


def is_salesforce_host(host: str) -> bool:
    """Return whether the host is one of Salesforce's."""
    return host.partition(":")[0].endswith(".salesforce.com")


def base_url(host: str, scheme: str) -> str:
    """Return a host's URL: https for Salesforce's hosts, `scheme` for a socket."""
    return f"https://{host}" if is_salesforce_host(host) else f"{scheme}://{host}"


def instance_host(org: Org, login_host: str, moves: int) -> str:
    """Return the host of the API after a login at `login_host`; `moves` counts the org's moves to other instances."""
    if is_salesforce_host(login_host):
        suffix = f"--na{moves}" if moves else ""
        return f"{org.my_domain}{suffix}.my.salesforce.com"
    name, colon, port = login_host.partition(":")
    return f"{name if moves % 2 else _OTHER_LOCAL_NAMES.get(name, name)}{colon}{port}"


def can_log_in(org: Org, host: str, *, my_domain_only: bool) -> bool:
    """Return whether an org's users can log in and refresh at a host; an org may forbid all but its My Domain."""
    if not is_salesforce_host(host):
        return True
    if host in LOGIN_HOSTS:
        return not my_domain_only
    return host.startswith((f"{org.my_domain}.", f"{org.my_domain}--"))
