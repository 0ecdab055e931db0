"""The sentences that the server writes into the page: there is one for every code that the API can give it."""

import re
from pathlib import Path

from astrelo.adapters.inbound.http.console import pages
from astrelo.application import messages
from astrelo.application.read.explanations import LinkOutcome, LinkRule
from astrelo.domain.contact import CompanyMatch, UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.records import CompanyAssociation, RejectionReason
from astrelo.domain.sync import RunStatus
from astrelo.domain.unreadable import Trouble

FOLDER = Path(pages.__file__).parent / "page"


def test_every_code_of_the_api_has_its_sentence() -> None:
    sentences = pages.page_sentences()
    expected = {
        "runs": RunStatus,
        "troubles": Trouble,
        "rejections": RejectionReason,
    }
    assert {name: set(sentences[name]) for name in expected} == {
        name: set(codes) for name, codes in expected.items()
    }
    assert {kind: set(reasons) for kind, reasons in sentences["unlinked"].items()} == {
        "contacts": set(UnlinkedReason),
        "deals": set(DealUnlinkedReason),
    }
    assert {part: set(named) for part, named in sentences["links"].items()} == {
        "rules": set(LinkRule),
        "outcomes": set(LinkOutcome),
        "associations": set(CompanyAssociation),
        "matches": set(CompanyMatch),
        "short_matches": set(CompanyMatch),
    }


def test_the_page_asks_for_no_text_that_is_not_there_and_leaves_none_out() -> None:
    script = "\n".join(file.read_text() for file in FOLDER.rglob("*.js") if file.parent.name != "vendor")
    named = set(re.findall(r'"(\w+)"', " ".join(re.findall(r"\btext\(([^;`]*)", script))))
    named |= {f"{kind}_rule" for kind in ("contact", "deal")}  # of LinkExplanation, by the kind of record
    assert set(messages.PAGE_TEXTS) - named == set()
    asked = set(re.findall(r'\btext\("(\w+)"', script))
    assert asked - set(messages.PAGE_TEXTS) == set()


def test_the_scripts_are_modules_that_can_be_taken_in_at_a_glance() -> None:
    lengths = {
        file.name: len(file.read_text().splitlines())
        for file in FOLDER.rglob("*.js")
        if file.parent.name != "vendor"
    }
    assert {name: lines for name, lines in lengths.items() if lines > 200} == {}
