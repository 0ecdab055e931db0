"""What the page says to a browser that comes back from a CRM."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from astrelo.adapters.inbound.http import console
from astrelo.adapters.inbound.http.console import pages
from astrelo.domain.errors import AuthorizationFailure
from astrelo.domain.identifiers import Provider

SCRIPT = (Path(console.__file__).parent / "page" / "data" / "landing.js").read_text()
NODE = shutil.which("node")
SENTENCES = pages.page_sentences()
LABELS = {str(provider): provider.label for provider in Provider}


def message_for(query: str) -> str | None:
    """Run the page's script without a page."""
    assert NODE is not None
    asked = f"landingNews(new URLSearchParams({json.dumps(query)}), {json.dumps(LABELS)}, {json.dumps(SENTENCES)})"
    script = f"{SCRIPT}\nconsole.log(JSON.stringify({asked}?.text ?? null));"
    ran = subprocess.run(
        [NODE, "--input-type=module", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    text: str | None = json.loads(ran.stdout)
    return text


@pytest.mark.parametrize("failure", AuthorizationFailure)
def test_there_is_a_sentence_for_every_way_to_fail(failure: AuthorizationFailure) -> None:
    assert failure in SENTENCES["failures"]


@pytest.mark.skipif(NODE is None, reason="there is no Node.js to run the page's script")
@pytest.mark.parametrize(
    ("query", "begins"),
    [
        (
            "error=oauth_denied&provider=salesforce",
            "Salesforce was not connected: the permission was not given.",
        ),
        (
            "error=oauth_failed&provider=hubspot",
            "HubSpot was not connected: the CRM did not complete the sign-in.",
        ),
        ("error=something_new&provider=hubspot", "HubSpot was not connected: connecting did not work."),
        ("error=oauth_denied", "The permission was not given."),
        ("error=constructor&provider=constructor", "Connecting did not work."),
        ("error=oauth_denied&provider=%3Cb%3E", "The permission was not given."),
        ("hubspot_connected=true", "HubSpot is connected."),
        ("salesforce_already_connected=true", "Salesforce was connected already."),
    ],
)
def test_the_page_names_the_crm_and_the_reason(query: str, begins: str) -> None:
    message = message_for(query)
    assert message is not None
    assert message.startswith(begins)


@pytest.mark.skipif(NODE is None, reason="there is no Node.js to run the page's script")
def test_a_page_that_is_just_opened_shows_no_message() -> None:
    assert message_for("") is None
