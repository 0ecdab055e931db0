"""Our app's registration at Salesforce, Salesforce's address, and how much of an org's limits we use."""

from dataclasses import dataclass, field

API_VERSION = "68.0"
"""Winter '27. A version is supported for at least three years; a removed one returns 410."""

REQUIRED_SCOPES = ("api", "refresh_token", "openid")


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceConfig:
    """Our External Client App's registration, and how much of an org's limits we use."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    """Must equal one of the app's callback URLs, character by character."""
    login_url: str = "https://login.salesforce.com"
    """Where users sign in who enter no host of their own. A loopback address makes loopback hosts trusted."""
    bulk_threshold: int = 50_000
    """Records; more of them are read by a Bulk API job."""
    batch_size: int = 2_000
    """Records per page of a query; Salesforce accepts 200 to 2,000, and only as a suggestion."""
    daily_share: float = 0.8
    """The share of an org's daily requests, of all its applications together, after which we pause."""
