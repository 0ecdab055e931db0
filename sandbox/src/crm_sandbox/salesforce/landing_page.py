"""The content of the landing page of a simulated Salesforce."""

from crm_sandbox.http.landing_page import AccountSummary, Landing
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.org.setup_objects import SETUP_ROWS
from crm_sandbox.salesforce.state import SandboxState

_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""Of the verifier dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk: RFC 7636, appendix B."""


def landing(state: SandboxState) -> Landing:
    app = state.oauth.app
    version = f"v{state.flags.newest_version}.0"
    return Landing(
        crm="Salesforce",
        id_name="Org id",
        accounts=[
            AccountSummary(id=org.org_id, name=org.name, counts=_counts(org)) for org in state.orgs.values()
        ],
        app=app,
        scopes=app.scopes,
        authorize_path="/services/oauth2/authorize",
        authorize_parameters={"code_challenge": _CHALLENGE, "code_challenge_method": "S256"},
        list_companies=f"/services/data/{version}/query?q=SELECT+Id,Name+FROM+Account+LIMIT+2",
    )


def _counts(org: Org) -> dict[str, int]:
    return {
        name: sum(1 for _ in table.live_rows())
        for name, table in org.tables.items()
        if name not in SETUP_ROWS
    }
