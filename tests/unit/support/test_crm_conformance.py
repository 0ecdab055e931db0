"""The conformance suite leaves nothing of the port out, runs for every CRM, and is documented as it is."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from astrelo.domain import errors
from astrelo.domain.errors import CrmError
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import CrmProvider
from tests.support.contracts import crm
from tests.support.contracts.crm.account import CrmAccountUnderTest
from tests.support.contracts.crm.conformance import CrmProviderContract
from tests.support.hubspot.account_under_test import HubSpotAccount
from tests.support.salesforce.account_under_test import SalesforceAccount

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "adding-a-crm.md"
CLASSES_OF_ERRORS = sorted(
    name for name, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, CrmError)
)


def suite() -> Iterator[ast.AST]:
    for path in Path(*crm.__path__).glob("*.py"):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def expected_errors() -> set[str]:
    """Name every class that the suite demands: by `pytest.raises`, or of an error that it has caught."""
    calls = [node for node in suite() if isinstance(node, ast.Call) and node.args]
    demanding = [call for call in calls if ast.unparse(call.func) in {"pytest.raises", "isinstance"}]
    return {ast.unparse(call.args[-1]) for call in demanding}


def abstract_names(port: type) -> list[str]:
    return sorted(name for name in dir(port) if getattr(getattr(port, name), "__isabstractmethod__", False))


@pytest.mark.parametrize("name", [name for name in CLASSES_OF_ERRORS if name != "CrmError"])
def test_every_class_of_error_is_provoked(name: str) -> None:
    assert name in expected_errors()


def test_every_method_of_the_port_is_called() -> None:
    called = {node.attr for node in suite() if isinstance(node, ast.Attribute)}
    assert [name for name in abstract_names(CrmProvider) if name not in called] == []


def test_every_hook_of_an_account_is_pulled() -> None:
    called = {node.attr for node in suite() if isinstance(node, ast.Attribute)}
    assert [name for name in abstract_names(CrmAccountUnderTest) if name not in called] == []


def test_the_suite_runs_for_every_crm() -> None:
    accounts = (HubSpotAccount(), SalesforceAccount())
    assert {account.provider.provider for account in accounts} == set(Provider)


@pytest.mark.parametrize("port", [CrmProvider, CrmAccountUnderTest])
def test_the_page_names_every_method(port: type) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in abstract_names(port) if f"`{name}`" not in page] == []


def test_the_page_names_every_part_of_the_suite_and_every_class_of_error() -> None:
    page = PAGE.read_text(encoding="utf-8")
    parts = [part.__name__ for part in CrmProviderContract.__bases__]
    assert [name for name in (*parts, *CLASSES_OF_ERRORS) if f"`{name}`" not in page] == []


def test_what_the_page_points_to_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|md))?|pyproject\.toml)`", page))
    crms = ROOT / "src" / "astrelo" / "adapters" / "outbound"
    places = [ROOT, ROOT / "src" / "astrelo", ROOT / "docs", crms / "hubspot", crms / "salesforce"]
    assert len(paths) >= 10
    assert [path for path in paths if not any((place / path).exists() for place in places)] == []
