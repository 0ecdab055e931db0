"""The `paging` of a response that has a next page."""

import re

from crm_sandbox.http.requests import Request

_CURSOR = re.compile(r"(?:^|(?<=&))after=[^&]*(?:&|$)")


def next_page(request: Request, after: str) -> dict[str, object]:
    """Point to the same request with the cursor `after`, at the address that the client has asked."""
    query = _CURSOR.sub("", request.scope["query_string"].decode("ascii", "replace")).rstrip("&")
    link = f"{request.origin}{request.path}?{query}{'&' if query else ''}after={after}"
    return {"next": {"after": after, "link": link}}
