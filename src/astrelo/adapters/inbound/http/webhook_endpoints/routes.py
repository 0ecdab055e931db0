"""Webhook endpoints: URLs of the user that events are sent to, and how the deliveries went."""

from typing import Annotated, Literal
from uuid import UUID

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, delete, get, patch, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from astrelo.adapters.inbound.http import pagination, problem_kinds, problems
from astrelo.adapters.inbound.http.records import parameters
from astrelo.application.read import views, webhook_endpoints
from astrelo.application.webhook_endpoints import manage_endpoints, target_url
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId, WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.webhook_endpoints import events

SubscribedTopic = Literal[
    "sync.completed",
    "sync.failed",
    "connection.needs_reauthorization",
    "connection.disconnected",
    "changes.available",
]
Topics = Annotated[list[SubscribedTopic], Meta(min_length=1, max_length=20)]
_TOPICS = Meta(description="Which events are sent. A topic that is named twice counts once.")
TargetUrl = Annotated[str, Meta(min_length=1, max_length=target_url.MAX_URL_LENGTH)]
_TARGET_URL = Meta(
    description="An https URL on the public internet, on port 443 or 8443, without user, password and fragment.",
    examples=["https://hooks.example.com/astrelo"],
)


class NewWebhookEndpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: Annotated[TargetUrl, _TARGET_URL]
    topics: Annotated[Topics, _TOPICS]


class WebhookEndpointChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out, or null, stays as it is."""

    url: Annotated[TargetUrl | None, _TARGET_URL] = None
    topics: Annotated[Topics | None, _TOPICS] = None
    enabled: Annotated[bool | None, Meta(description="Whether events are sent to it.")] = None


_OF_BODY = (
    problem_kinds.CROSS_SITE_REQUEST,
    problem_kinds.BODY_TOO_LARGE,
    problem_kinds.UNSUPPORTED_MEDIA_TYPE,
)


class WebhookEndpoints(Controller):
    path = "/api/webhook-endpoints"
    tags = ("webhook-endpoints",)

    @post(
        responses=problems.describe(problem_kinds.LIMIT_REACHED, *_OF_BODY),
        summary="Add a webhook endpoint",
        status_code=201,
        response_headers=[
            ResponseHeader(name="Location", description="The path of the endpoint.", documentation_only=True)
        ],
    )
    @inject
    async def create_webhook_endpoint(
        self,
        manage: FromDishka[manage_endpoints.ManageWebhookEndpoints],
        reader: FromDishka[webhook_endpoints.WebhookEndpointReader],
        user_id: NamedDependency[UserId],
        data: JSONBody[NewWebhookEndpoint],
    ) -> Response[webhook_endpoints.IssuedSecretView]:
        """Send events of these topics to the URL from now on. The secret that signs them is shown this once."""
        issued = await manage.add(user_id, data.url, [events.WebhookTopic(topic) for topic in data.topics])
        shown = await _show_secret(reader, user_id, issued)
        return Response(shown, headers={"Location": f"{self.path}/{issued.endpoint_id}"})

    @get(responses=problems.describe(), summary="List the webhook endpoints")
    @inject
    async def list_webhook_endpoints(
        self,
        reader: FromDishka[webhook_endpoints.WebhookEndpointReader],
        user_id: NamedDependency[UserId],
        *,
        limit: parameters.Limit = parameters.DEFAULT_LIMIT,
        cursor: parameters.PageCursor = None,
    ) -> views.Page[webhook_endpoints.WebhookEndpointView]:
        """List the endpoints, the oldest first."""
        cursors = pagination.Cursors.of("webhook endpoints", user_id)
        return cursors.page_of(await reader.list(user_id, cursors.decode(cursor), limit + 1), limit)

    @get(
        "/{endpoint_id:uuid}",
        responses=problems.describe(problem_kinds.NOT_FOUND),
        summary="Get a webhook endpoint",
    )
    @inject
    async def get_webhook_endpoint(
        self,
        reader: FromDishka[webhook_endpoints.WebhookEndpointReader],
        user_id: NamedDependency[UserId],
        endpoint_id: parameters.WebhookEndpointPath,
    ) -> webhook_endpoints.WebhookEndpointView:
        """Return whether it is enabled, and if not, why."""
        return await _get(reader, user_id, endpoint_id)

    @patch(
        "/{endpoint_id:uuid}",
        responses=problems.describe(problem_kinds.NOT_FOUND, *_OF_BODY),
        summary="Change a webhook endpoint",
    )
    @inject
    async def update_webhook_endpoint(
        self,
        manage: FromDishka[manage_endpoints.ManageWebhookEndpoints],
        reader: FromDishka[webhook_endpoints.WebhookEndpointReader],
        user_id: NamedDependency[UserId],
        endpoint_id: parameters.WebhookEndpointPath,
        data: JSONBody[WebhookEndpointChange],
    ) -> webhook_endpoints.WebhookEndpointView:
        """Change what the body names. An endpoint that is disabled misses events; enabled again, it gets new ones."""
        await manage.change(
            user_id,
            WebhookEndpointId(endpoint_id),
            url=data.url,
            topics=None if data.topics is None else [events.WebhookTopic(topic) for topic in data.topics],
            enabled=data.enabled,
        )
        return await _get(reader, user_id, endpoint_id)

    @delete(
        "/{endpoint_id:uuid}",
        responses=problems.describe(problem_kinds.NOT_FOUND, problem_kinds.CROSS_SITE_REQUEST),
        summary="Delete a webhook endpoint",
        status_code=204,
    )
    @inject
    async def delete_webhook_endpoint(
        self,
        manage: FromDishka[manage_endpoints.ManageWebhookEndpoints],
        user_id: NamedDependency[UserId],
        endpoint_id: parameters.WebhookEndpointPath,
    ) -> None:
        """Delete it with its deliveries. An event that is being sent may still arrive."""
        await manage.delete(user_id, WebhookEndpointId(endpoint_id))

    @post(
        "/{endpoint_id:uuid}/rotate-secret",
        responses=problems.describe(problem_kinds.NOT_FOUND, problem_kinds.CROSS_SITE_REQUEST),
        summary="Rotate the secret of a webhook endpoint",
        status_code=200,
    )
    @inject
    async def rotate_webhook_secret(
        self,
        manage: FromDishka[manage_endpoints.ManageWebhookEndpoints],
        reader: FromDishka[webhook_endpoints.WebhookEndpointReader],
        user_id: NamedDependency[UserId],
        endpoint_id: parameters.WebhookEndpointPath,
    ) -> webhook_endpoints.IssuedSecretView:
        """Issue another secret, shown this once. For 24 hours events are signed with the former one as well."""
        issued = await manage.rotate_secret(user_id, WebhookEndpointId(endpoint_id))
        return await _show_secret(reader, user_id, issued)

    @post(
        "/{endpoint_id:uuid}/test",
        responses=problems.describe(
            problem_kinds.NOT_FOUND, problem_kinds.INVALID_STATE, problem_kinds.CROSS_SITE_REQUEST
        ),
        summary="Send a test event",
        status_code=202,
    )
    @inject
    async def test_webhook_endpoint(
        self,
        manage: FromDishka[manage_endpoints.ManageWebhookEndpoints],
        reader: FromDishka[webhook_endpoints.WebhookEndpointReader],
        user_id: NamedDependency[UserId],
        endpoint_id: parameters.WebhookEndpointPath,
    ) -> webhook_endpoints.WebhookDeliveryView:
        """Send `webhook_endpoint.test` soon, once, without retries. If one waits already, that one is returned."""
        delivery_id = await manage.send_test(user_id, WebhookEndpointId(endpoint_id))
        return await _get_delivery(reader, user_id, endpoint_id, delivery_id)

    @get(
        "/{endpoint_id:uuid}/deliveries",
        responses=problems.describe(problem_kinds.NOT_FOUND),
        summary="List the deliveries to a webhook endpoint",
    )
    @inject
    async def list_webhook_deliveries(
        self,
        reader: FromDishka[webhook_endpoints.WebhookEndpointReader],
        user_id: NamedDependency[UserId],
        endpoint_id: parameters.WebhookEndpointPath,
        *,
        limit: parameters.Limit = parameters.DEFAULT_LIMIT,
        cursor: parameters.PageCursor = None,
    ) -> views.Page[webhook_endpoints.WebhookDeliveryView]:
        """List the deliveries of the last 30 days, the latest first."""
        await _get(reader, user_id, endpoint_id)
        cursors = pagination.Cursors.of("webhook deliveries", user_id, endpoint_id)
        found = await reader.list_deliveries(user_id, endpoint_id, cursors.decode(cursor), limit + 1)
        return cursors.page_of(found, limit)

    @post(
        "/{endpoint_id:uuid}/deliveries/{delivery_id:uuid}/redeliver",
        responses=problems.describe(
            problem_kinds.NOT_FOUND, problem_kinds.INVALID_STATE, problem_kinds.CROSS_SITE_REQUEST
        ),
        summary="Redeliver an event",
        status_code=202,
    )
    @inject
    async def redeliver_webhook(
        self,
        manage: FromDishka[manage_endpoints.ManageWebhookEndpoints],
        reader: FromDishka[webhook_endpoints.WebhookEndpointReader],
        user_id: NamedDependency[UserId],
        endpoint_id: parameters.WebhookEndpointPath,
        delivery_id: parameters.WebhookDeliveryPath,
    ) -> webhook_endpoints.WebhookDeliveryView:
        """Attempt the delivery again now, with the same id and payload, whatever became of it before."""
        await manage.redeliver(user_id, WebhookEndpointId(endpoint_id), WebhookDeliveryId(delivery_id))
        return await _get_delivery(reader, user_id, endpoint_id, delivery_id)


async def _get(
    reader: webhook_endpoints.WebhookEndpointReader, user_id: UserId, endpoint_id: UUID
) -> webhook_endpoints.WebhookEndpointView:
    if found := await reader.get(user_id, endpoint_id):
        return found
    raise errors.NotFound("webhook endpoint", endpoint_id)


async def _get_delivery(
    reader: webhook_endpoints.WebhookEndpointReader, user_id: UserId, endpoint_id: UUID, delivery_id: UUID
) -> webhook_endpoints.WebhookDeliveryView:
    if found := await reader.get_delivery(user_id, endpoint_id, delivery_id):
        return found
    raise errors.NotFound("webhook delivery", delivery_id)


async def _show_secret(
    reader: webhook_endpoints.WebhookEndpointReader, user_id: UserId, issued: manage_endpoints.IssuedSecret
) -> webhook_endpoints.IssuedSecretView:
    endpoint = await _get(reader, user_id, issued.endpoint_id)
    return webhook_endpoints.IssuedSecretView(endpoint=endpoint, secret=issued.secret)
