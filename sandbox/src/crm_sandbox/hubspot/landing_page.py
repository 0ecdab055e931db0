"""What the landing page says of a simulated HubSpot."""

from crm_sandbox.http.landing_page import AccountSummary, Landing
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.objects.object_types import OBJECT_TYPES
from crm_sandbox.hubspot.state import SandboxState


def landing(state: SandboxState) -> Landing:
    app = state.oauth.app
    return Landing(
        crm="HubSpot",
        id_name="Portal id",
        accounts=[
            AccountSummary(id=str(account.portal_id), name=account.name, counts=_counts(account))
            for account in state.accounts.values()
        ],
        app=app,
        scopes=app.required_scopes,
        authorize_path="/oauth/authorize",
        list_companies="/crm/objects/2026-09/companies?limit=2",
    )


def _counts(account: Account) -> dict[str, int]:
    counts = {kind.plural: sum(1 for _ in account.store.tables[kind.plural].live()) for kind in OBJECT_TYPES}
    return counts | {"owners": sum(not owner.archived for owner in account.owners.values())}
