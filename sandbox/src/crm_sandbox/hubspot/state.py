"""Everything a sandbox remembers, open to tests and to the admin API."""

from collections.abc import Mapping, Sequence

from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import Dataset
from crm_sandbox.faults.plan import FaultPlan, PlannedFaults
from crm_sandbox.hubspot.account.account import Account, Flags
from crm_sandbox.hubspot.mutations import MutationScript
from crm_sandbox.hubspot.oauth.authorization_server import App, AuthorizationServer
from crm_sandbox.hubspot.webhooks.delivery import Webhooks
from crm_sandbox.state import CommonFlags, SimulatedCrmState


class SandboxState(SimulatedCrmState):
    """`accounts` by portal id, `oauth` with every grant and secret it issued, `script` of mutations, `webhooks` that report changes."""

    flags: Flags

    def __init__(
        self, datasets: Sequence[Dataset], app: App, clock: SandboxClock, flags: Flags, webhooks: Webhooks
    ) -> None:
        super().__init__(clock, flags)
        self.accounts = {dataset.account_id: Account(dataset, clock, flags) for dataset in datasets}
        self.oauth = AuthorizationServer(app, clock, flags)
        self.webhooks = webhooks
        for account in self.accounts.values():
            account.on_event = webhooks.enqueue
        self.set_plan(FaultPlan())
        self.set_script(0)

    def set_plan(self, plan: FaultPlan) -> None:
        """Replace the fault plan, and the failure profile of every account's index."""
        self.planned = PlannedFaults(plan)
        for account in self.accounts.values():
            account.index.set_profile(plan.index, plan.seed)

    @property
    def authority(self) -> AuthorizationServer:
        return self.oauth

    def describe_accounts(self) -> list[Mapping[str, object]]:
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
        """The first account, which is the only one unless several datasets were given."""
        return next(iter(self.accounts.values()))

    def set_flags(self, wanted: CommonFlags) -> None:
        """Set every flag; windows keep what they have admitted."""
        super().set_flags(wanted)
        for account in self.accounts.values():
            account.limits.requests.limit = self.flags.requests_per_window
            account.limits.searches.limit = self.flags.searches_per_second
