"""A CRM's sync runs: request one, list and read them, cancel one."""

from typing import Annotated, Literal

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from astrelo.adapters.inbound.http import pagination, problem_kinds, problems
from astrelo.adapters.inbound.http.disconnects import cancel_on_disconnect
from astrelo.adapters.inbound.http.records import parameters
from astrelo.adapters.inbound.http.responses import etags, idempotency
from astrelo.application.read import readers, views
from astrelo.application.sync.schedule_syncs import CancelRun, SyncNow
from astrelo.domain import errors
from astrelo.domain.identifiers import Provider, SyncRunId, UserId
from astrelo.domain.sync import SyncMode

Mode = Annotated[
    Literal["full", "incremental"],
    QueryParameter(
        description="`full` reads everything and finds deletions; `incremental` reads what was modified since."
    ),
]


Column = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=100, description="Only this column, named as the API names it."),
]


class SyncRuns(Controller):
    path = "/api/integrations"
    middleware = (cancel_on_disconnect,)
    tags = ("integrations",)

    @post(
        "/{provider:str}/sync",
        responses=problems.describe(problem_kinds.INVALID_STATE, problem_kinds.NOT_CONNECTED),
        middleware=[idempotency.remember],
        before_request=idempotency.begin,
        summary="Request a sync",
        status_code=202,
        response_headers=[
            ResponseHeader(name="Location", description="The path of the run.", documentation_only=True)
        ],
    )
    @inject
    async def request_sync(
        self,
        sync_now: FromDishka[SyncNow],
        runs: FromDishka[readers.RunReader],
        user_id: NamedDependency[UserId],
        provider: parameters.ProviderPath,
        *,
        mode: Mode = "full",
    ) -> Response[views.RunView]:
        """Return the run that does what was asked for; its progress is at `Location`.

        That is the open one if there is one. Should it be running already, an incremental run follows it, exactly one,
        however often it was asked for: `GET …/runs` lists it first. An open run that does less than was asked for, such
        as an incremental one when `mode` is `full`, is cancelled in favour of a new one, which reads all that it would
        have read.
        """
        requested = await sync_now(user_id, provider, SyncMode(mode))
        run = await _run(runs, user_id, provider, requested.id)
        return Response(run, headers={"Location": f"{self.path}/{provider}/runs/{run.id}"})

    @get("/{provider:str}/runs", summary="List sync runs")
    @inject
    async def list_sync_runs(
        self,
        runs: FromDishka[readers.RunReader],
        user_id: NamedDependency[UserId],
        provider: parameters.ProviderPath,
        *,
        limit: parameters.Limit = parameters.DEFAULT_LIMIT,
        cursor: parameters.PageCursor = None,
    ) -> views.Page[views.RunView]:
        """List the runs, the latest first."""
        cursors = pagination.Cursors.of("runs", user_id, provider)
        return cursors.page_of(await runs.list(user_id, provider, cursors.decode(cursor), limit + 1), limit)

    @get(
        "/{provider:str}/runs/{run_id:uuid}",
        middleware=[etags.conditional],
        summary="Get a run's report",
    )
    @inject
    async def get_sync_run(
        self,
        runs: FromDishka[readers.RunReader],
        user_id: NamedDependency[UserId],
        provider: parameters.ProviderPath,
        run_id: parameters.RunPath,
    ) -> views.RunReport:
        """Return the run with its reconciliation, what it could not keep or read, and what deserves a look."""
        if report := await runs.report(user_id, provider, SyncRunId(run_id)):
            return report
        raise errors.NotFound("sync run", run_id)

    @get(
        "/{provider:str}/runs/{run_id:uuid}/unreadable",
        summary="List the values that a run could not keep",
    )
    @inject
    async def list_unreadable_values(
        self,
        runs: FromDishka[readers.RunReader],
        user_id: NamedDependency[UserId],
        provider: parameters.ProviderPath,
        run_id: parameters.RunPath,
        *,
        field: Column = None,
    ) -> views.Page[views.UnreadableView]:
        """By object type, column and trouble, with up to 20 record ids each. Never more than one page."""
        run = await _run(runs, user_id, provider, SyncRunId(run_id))
        found = await runs.unreadable(user_id, provider, SyncRunId(run.id), field)
        return views.Page(data=list(found), has_more=False, next_cursor=None)

    @post(
        "/{provider:str}/runs/{run_id:uuid}/cancel",
        responses=problems.describe(problem_kinds.INVALID_STATE),
        middleware=[idempotency.remember],
        before_request=idempotency.begin,
        summary="Cancel a run",
        status_code=200,
    )
    @inject
    async def cancel_sync_run(
        self,
        cancel: FromDishka[CancelRun],
        runs: FromDishka[readers.RunReader],
        user_id: NamedDependency[UserId],
        provider: parameters.ProviderPath,
        run_id: parameters.RunPath,
    ) -> views.RunView:
        """End the run. What it has stored stays; work in progress writes nothing more."""
        run = await _run(runs, user_id, provider, SyncRunId(run_id))
        await cancel(user_id, SyncRunId(run.id))
        return await _run(runs, user_id, provider, SyncRunId(run_id))


async def _run(
    runs: readers.RunReader, user_id: UserId, provider: Provider, run_id: SyncRunId
) -> views.RunView:
    if run := await runs.get(user_id, provider, run_id):
        return run
    raise errors.NotFound("sync run", run_id)
