"""docs/webhooks.md says what the code says."""

import re
from pathlib import Path

from astrelo.application import messages
from astrelo.application.webhook_endpoints.target_url import PORTS
from astrelo.domain.webhook_endpoints.endpoints import MAX_ENDPOINTS
from astrelo.domain.webhook_endpoints.events import WebhookTopic

TEXT = (Path(__file__).parents[4] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def test_the_document_lists_every_topic() -> None:
    assert set(re.findall(r"^\| `([\w.]+)` \| .* \| .* \|$", TEXT, re.MULTILINE)) >= set(WebhookTopic)


def test_the_document_lists_every_error_of_a_delivery_with_its_sentences() -> None:
    table = TEXT.partition("## Why a delivery failed")[2].partition("## ")[0]
    assert re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", table, re.MULTILINE)[1:] == [
        (error.value, message.happened, message.to_do) for error, message in messages.DELIVERY_ERRORS.items()
    ]


def test_the_document_knows_the_bounds() -> None:
    assert f"A user can have {MAX_ENDPOINTS} endpoints." in TEXT
    assert f"on port {' or '.join(map(str, sorted(PORTS)))}" in TEXT
