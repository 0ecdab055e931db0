"""Everything a sandbox remembers, open to tests and to the administrator's calls."""

from collections.abc import Mapping, Sequence

from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import Portal
from crm_sandbox.faults.plan import FaultPlan, PlannedFaults
from crm_sandbox.hubspot.account.account import Account, Switches
from crm_sandbox.hubspot.mutations import MutationScript
from crm_sandbox.hubspot.oauth.authorization_server import App, AuthorizationServer
from crm_sandbox.hubspot.webhooks.delivery import Webhooks
from crm_sandbox.state import PlayedState, Quirks


class SandboxState(PlayedState):
    """`accounts` by portal id, `oauth` with every grant and secret it issued, `script` of mutations, `webhooks` that tell of changes."""

    switches: Switches

    def __init__(
        self, portals: Sequence[Portal], app: App, clock: SandboxClock, switches: Switches, webhooks: Webhooks
    ) -> None:
        super().__init__(clock, switches)
        self.accounts = {portal.account_id: Account(portal, clock, switches) for portal in portals}
        self.oauth = AuthorizationServer(app, clock, switches)
        self.webhooks = webhooks
        for account in self.accounts.values():
            account.on_event = webhooks.tell
        self.set_plan(FaultPlan())
        self.set_script(0)

    def set_plan(self, plan: FaultPlan) -> None:
        """Replace the fault plan, and the moods of every account's index."""
        self.planned = PlannedFaults(plan)
        for account in self.accounts.values():
            account.index.set_moods(plan.index, plan.seed)

    @property
    def authority(self) -> AuthorizationServer:
        return self.oauth

    def accounts_told(self) -> list[Mapping[str, object]]:
        return [
            {"id": str(account.portal_id), "portal_id": account.portal_id, "name": account.name}
            for account in self.accounts.values()
        ]

    def mutate(self) -> None:
        """Change the first account by one step of the script."""
        self.script.step(self.account)
        self.webhooks.wake()

    def set_script(self, seed: int) -> None:
        """Begin the script of mutations anew."""
        self.script = MutationScript(seed)

    @property
    def account(self) -> Account:
        """The first account, which is the only one unless several portals were given."""
        return next(iter(self.accounts.values()))

    def take_switches(self, wanted: Quirks) -> None:
        """Take over every switch; windows keep what they have admitted."""
        super().take_switches(wanted)
        for account in self.accounts.values():
            account.limits.requests.limit = self.switches.requests_per_window
            account.limits.searches.limit = self.switches.searches_per_second
