"""Everything a sandbox remembers, open to tests and to the administrator's calls."""

from collections.abc import Sequence

from astrelo.sandbox.clock import SandboxClock
from astrelo.sandbox.fault_plan import FaultPlan, PlannedFaults
from astrelo.sandbox.faults import FaultQueue
from astrelo.sandbox.hubspot.account import Account, Switches
from astrelo.sandbox.hubspot.mutations import MutationScript
from astrelo.sandbox.hubspot.oauth import App, AuthorizationServer
from astrelo.sandbox.hubspot.webhooks import Webhooks
from astrelo.sandbox.journal import Journal
from astrelo.sandbox.portal import Portal


class SandboxState:
    """What a sandbox is made of.

    `accounts` by portal id, `oauth` with every grant and secret it issued, `journal` of what was asked,
    `faults` waiting to happen, `planned` ones with their rules, `script` of mutations, `webhooks` that tell of changes, `switches` for its quirks, `clock` to be advanced.
    """

    def __init__(
        self, portals: Sequence[Portal], app: App, clock: SandboxClock, switches: Switches, webhooks: Webhooks
    ) -> None:
        self.clock = clock
        self.switches = switches
        self.accounts = {portal.account_id: Account(portal, clock, switches) for portal in portals}
        self.oauth = AuthorizationServer(app, clock, switches)
        self.faults = FaultQueue()
        self.journal = Journal()
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

    def set_script(self, seed: int) -> None:
        """Begin the script of mutations anew."""
        self.script = MutationScript(seed)

    @property
    def account(self) -> Account:
        """The first account, which is the only one unless several portals were given."""
        return next(iter(self.accounts.values()))

    def stats(self) -> dict[str, object]:
        return self.journal.summary() | {"token_refreshes": self.oauth.refreshes}

    def set_switches(self, wanted: Switches) -> None:
        """Take over every switch; windows keep what they have admitted."""
        for name in Switches.__dataclass_fields__:
            setattr(self.switches, name, getattr(wanted, name))
        for account in self.accounts.values():
            account.limits.requests.limit = wanted.requests_per_window
            account.limits.searches.limit = wanted.searches_per_second
