"""The state of a Salesforce sandbox, open to tests and to the admin API."""

from collections.abc import Mapping, Sequence

from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import Dataset
from crm_sandbox.faults.plan import FaultPlan, PlannedFaults
from crm_sandbox.salesforce.api_limits import ApiUsage
from crm_sandbox.salesforce.bulk.jobs import BulkJobs
from crm_sandbox.salesforce.flags import Flags
from crm_sandbox.salesforce.oauth.authorization_server import App, AuthorizationServer
from crm_sandbox.salesforce.org.mutations import MutationScript
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.query.cursors import QueryCursors
from crm_sandbox.salesforce.sobjects.schema import find_object_name, standard_fields
from crm_sandbox.state import CommonFlags, SimulatedCrmState


class SandboxState(SimulatedCrmState):
    """`orgs` by org id, `oauth` with every grant and secret it issued, `script` of mutations, and each org's open queries, jobs and used requests."""

    flags: Flags

    def __init__(self, orgs: Sequence[Dataset], app: App, clock: SandboxClock, flags: Flags) -> None:
        super().__init__(clock, flags)
        created = [Org(dataset, clock, flags) for dataset in orgs]
        self.orgs = {org.org_id: org for org in created}
        self.oauth = AuthorizationServer(app, clock, flags, self.orgs)
        self.cursors = {org_id: QueryCursors(org) for org_id, org in self.orgs.items()}
        self.jobs = {org_id: BulkJobs(org) for org_id, org in self.orgs.items()}
        self.usage = {org_id: ApiUsage(flags, clock) for org_id in self.orgs}
        self.set_script(0)

    @property
    def org(self) -> Org:
        """The first org, which is the only one unless several were given."""
        return next(iter(self.orgs.values()))

    @property
    def authority(self) -> AuthorizationServer:
        return self.oauth

    def describe_accounts(self) -> list[Mapping[str, object]]:
        return [
            {"id": org.org_id, "name": org.name, "my_domain": f"{org.my_domain}.my.salesforce.com"}
            for org in self.orgs.values()
        ]

    def set_plan(self, plan: FaultPlan) -> None:
        """Replace the fault plan, and the failure profile of every org: late rows and short pages."""
        self.planned = PlannedFaults(plan)
        for org in self.orgs.values():
            org.publication.set_profile(plan.index, plan.seed)

    def set_script(self, seed: int) -> None:
        """Restart the script of mutations with a seed."""
        self.script = MutationScript(seed)

    def mutate(self) -> None:
        """Change the first org by one step of the script."""
        self.script.step(self.org)

    def set_flags(self, wanted: CommonFlags) -> None:
        """Set every flag; ValueError when an object or a field to be hidden does not exist."""
        if isinstance(wanted, Flags):
            for name in wanted.hidden_objects:
                _require_object(name)
            for name in wanted.hidden_fields:
                self._require_field(name)
        super().set_flags(wanted)

    def _require_field(self, name: str) -> None:
        object_name, _, field = name.partition(".")
        known = standard_fields(_require_object(object_name))
        custom = {name for org in self.orgs.values() for name in org.tables[object_name].fields}
        if field not in {*known, *custom}:
            raise ValueError(f"There is no field {name}: write Object.Field, such as Account.AnnualRevenue.")


def _require_object(name: str) -> str:
    if find_object_name(name) != name:
        raise ValueError(f"There is no object {name}.")
    return name
