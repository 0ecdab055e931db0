"""Which host is which: the login hosts, an org's My Domain, and the instance that its API answers at.

Under a host of salesforce.com the sandbox plays Salesforce's own names. Under any other, as on a socket, the same
application is login host and instance, and the two are told apart as 127.0.0.1 and localhost.
"""

from crm_sandbox.http.requests import Request
from crm_sandbox.salesforce.org import Org

LOGIN_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})
DEFAULT_LOGIN = "login.salesforce.com"
_TWINS = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}


def host_of(request: Request) -> str:
    return request.headers.get("host", DEFAULT_LOGIN).lower()


def is_simulated(host: str) -> bool:
    """Whether the host is one of Salesforce's names."""
    return host.partition(":")[0].endswith(".salesforce.com")


def base_url(host: str, scheme: str) -> str:
    """Return where a host is; `scheme` is that of the socket, Salesforce's own names have https."""
    return f"https://{host}" if is_simulated(host) else f"{scheme}://{host}"


def instance_host(org: Org, login_host: str, moves: int) -> str:
    """Return where the API is for who logged in at `login_host`, after the org was moved so many times."""
    if is_simulated(login_host):
        suffix = f"--na{moves}" if moves else ""
        return f"{org.my_domain}{suffix}.my.salesforce.com"
    name, colon, port = login_host.partition(":")
    return f"{name if moves % 2 else _TWINS.get(name, name)}{colon}{port}"


def may_log_in(org: Org, host: str, *, my_domain_only: bool) -> bool:
    """Whether an org's users can log in and refresh at a host; an org may forbid all but its own name."""
    if not is_simulated(host):
        return True
    if host in LOGIN_HOSTS:
        return not my_domain_only
    return host.startswith((f"{org.my_domain}.", f"{org.my_domain}--"))
