"""The `paging` of a response that has a next page."""

from starlette.datastructures import QueryParams

from crm_sandbox.http.requests import Request


def next_page(request: Request, after: str) -> dict[str, object]:
    """Point to the same request with the cursor `after`, at the address that the client has asked."""
    parameters = [pair for pair in request.query_params.multi_items() if pair[0] != "after"]
    query = QueryParams([*parameters, ("after", after)])
    return {"next": {"after": after, "link": f"{request.origin}{request.path}?{query}"}}
