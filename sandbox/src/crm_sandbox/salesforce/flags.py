"""The flags of a Salesforce sandbox, which the admin API can change while it runs."""

from dataclasses import dataclass, field
from typing import Literal

from crm_sandbox.salesforce.errors import LoginRefusal
from crm_sandbox.state import CommonFlags

DAY_SECONDS = 86_400.0
DAILY_REQUESTS = 100_000
"""An Enterprise org's, without the requests that its licences add."""
MAX_ROWS_PER_PAGE = 2_000
BULK_ROWS_PER_PAGE = 10_000


@dataclass(slots=True, kw_only=True)
class Flags(CommonFlags):
    # logins
    rotate_refresh_tokens: bool = True
    max_grants_per_user: int = 5
    session_seconds: float = 7_200.0
    code_seconds: float = 120.0
    my_domain_only: bool = False
    instance_number: int = 0
    app_installed: bool = True
    login_refusal: LoginRefusal | None = None
    # what the user may see, and which features the org has
    hidden_fields: list[str] = field(default_factory=list)
    hidden_objects: list[str] = field(default_factory=list)
    hidden_records: list[str] = field(default_factory=list)
    state_country_picklists: bool = False
    multi_currency: bool = False
    dun_and_bradstreet: bool = False
    person_accounts: bool = False
    # the API
    api_enabled: bool = True
    newest_version: int = 68
    daily_limit: int = DAILY_REQUESTS
    daily_used: int = 0
    rows_per_page: int = MAX_ROWS_PER_PAGE
    short_page_every: int = 0
    max_open_cursors: int = 10
    locator_seconds: float = 2 * DAY_SECONDS
    publish_lag_seconds: float = 0.0
    deleted_log_seconds: float = 15 * DAY_SECONDS
    bin_seconds: float = 15 * DAY_SECONDS
    # Bulk API 2.0
    bulk_polls: int = 1
    bulk_outcome: Literal["JobComplete", "Failed", "Aborted"] = "JobComplete"
    bulk_rows_per_page: int = BULK_ROWS_PER_PAGE
    bulk_job_seconds: float = 7 * DAY_SECONDS
    result_pages_link: Literal["nextRecordsUrl", "nextRecordUrl"] = "nextRecordsUrl"
