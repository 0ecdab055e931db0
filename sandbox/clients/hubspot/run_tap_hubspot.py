"""Run tap-hubspot with HubSpot's address, which it has built in, leading to a served sandbox.

`python run_tap_hubspot.py URL ARGUMENTS…`: the arguments are the tap's.
"""

import sys
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from tap_hubspot.tap import TapHubspot

HUBSPOT = "https://api.hubapi.com"
_send = HTTPAdapter.send


def send_to(url: str) -> None:
    """From now on every request to HubSpot goes to `url`."""

    def send(self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        request.url = str(request.url).replace(HUBSPOT, url, 1)
        return _send(self, request, *args, **kwargs)

    HTTPAdapter.send = send  # type: ignore[method-assign]


if __name__ == "__main__":
    send_to(sys.argv.pop(1))
    TapHubspot.cli()
