"""JSON bodies are of the types that their schema says, and nothing is read into them."""

from contextlib import suppress
from typing import Any

import msgspec
from litestar.exceptions import ValidationException

from astrelo.adapters.inbound.http import cookies


class ApiRequest(cookies.CookieRequest):
    """The framework's request, with bodies and cookies as this API takes them."""

    async def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Raise ValidationException for text in the place of a number, a truth value or nothing.

        The framework converts: "5" would be 5, 0 would be false, and "null" would let a criterion fall away.
        """
        body = await super().json()
        declared = self.route_handler.parsed_fn_signature.parameters.get("data")
        if declared is not None and (refused := _converted_field(body, declared.raw)):
            raise ValidationException(extra=[refused])
        return body


def _converted_field(body: object, declared: Any) -> dict[str, str] | None:  # noqa: ANN401 - any type
    """Return a field that is good only when it is converted; what is not good at all is the framework's to refuse."""
    try:
        msgspec.convert(body, declared, strict=True)
    except msgspec.ValidationError as error:
        with suppress(msgspec.ValidationError):
            msgspec.convert(body, declared, strict=False)
            reason, _, place = str(error).rpartition(" - at `")
            return {"key": place.rstrip("`").removeprefix("$."), "message": reason, "source": "body"}
    return None
