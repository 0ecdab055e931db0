"""What the import contracts in pyproject.toml cannot say about the house."""

import ast
import importlib
import inspect
import pkgutil
import re
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import astrelo
from tests.unit import fakes

SOURCE = Path(astrelo.__file__).parent
TESTS = Path(__file__).parents[1]
POSTGRES = SOURCE / "adapters" / "outbound" / "postgres"
IDEALESS_NAMES = {"utils", "util", "helpers", "common", "base", "manager", "service"}
VENDOR_WORDS = {
    "hs_object_id": ("adapters/outbound/hubspot", "sandbox"),
    "hs_lastmodifieddate": ("adapters/outbound/hubspot", "sandbox"),
    "AccountId": ("adapters/outbound/salesforce", "sandbox"),
    "SystemModstamp": ("adapters/outbound/salesforce", "sandbox"),
}
LONGEST_FUNCTION = 50  # lines, from `def` to the last one
MEDIAN_FUNCTION = 10


@cache
def modules(root: Path = SOURCE) -> dict[str, tuple[str, ast.Module]]:
    """Every module by its path below `root`: its text and its tree."""
    texts = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*.py"))
    }
    return {name: (text, ast.parse(text)) for name, text in texts.items()}


def functions() -> Iterator[tuple[str, int]]:
    for module, (_, tree) in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (
                    f"{module}:{node.lineno} {node.name}",
                    (node.end_lineno or node.lineno) - node.lineno + 1,
                )


def imports(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def lies_in(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}/") for place in places)


def test_every_module_is_named_after_an_idea() -> None:
    found = [*modules(), *modules(TESTS)]
    assert [name for name in found if IDEALESS_NAMES & set(Path(name).with_suffix("").parts)] == []


def test_annotations_can_be_read_at_run_time() -> None:
    # dishka, msgspec and litestar resolve them: a name imported for the type checker alone is not there.
    assert [name for name, (_, tree) in modules().items() if "typing.TYPE_CHECKING" in imports(tree)] == []
    readers = ("adapters/inbound", "adapters/outbound", "application", "bootstrap")
    postponed = [name for name, (_, tree) in modules().items() if "__future__.annotations" in imports(tree)]
    assert [name for name in postponed if lies_in(name, readers)] == []


def test_no_function_is_long() -> None:
    assert [f"{place} has {length} lines" for place, length in functions() if length > LONGEST_FUNCTION] == []


def test_most_functions_are_short() -> None:
    assert statistics.median(length for _, length in functions()) < MEDIAN_FUNCTION


def test_every_statement_is_used() -> None:
    python = "\n".join(text for name, (text, _) in modules().items() if name.startswith("adapters/"))
    statements = sorted((POSTGRES / "sql").glob("*.sql"))
    assert statements
    assert [path.name for path in statements if f'"{path.stem}"' not in python] == []


@pytest.mark.parametrize(("word", "home"), VENDOR_WORDS.items())
def test_a_vendors_word_stays_in_its_adapter(word: str, home: tuple[str, ...]) -> None:
    whole_word = re.compile(rf"\b{word}\b")
    users = [name for name, (text, _) in modules().items() if whole_word.search(text)]
    assert [name for name in users if not lies_in(name, home)] == []


def test_http_is_asked_by_the_crm_adapters_the_demo_and_the_sandbox_alone() -> None:
    allowed = ("adapters/outbound", "bootstrap/demo.py", "bootstrap/demo", "sandbox")
    users = [name for name, (_, tree) in modules().items() if "httpx" in imports(tree)]
    assert [
        name for name in users if not lies_in(name, allowed) or lies_in(name, ("adapters/outbound/postgres",))
    ] == []


def test_every_fake_is_an_adapter() -> None:
    strays = []
    for found in pkgutil.walk_packages(fakes.__path__, f"{fakes.__name__}."):
        module = importlib.import_module(found.name)
        for name, member in inspect.getmembers(module, inspect.isclass):
            own = member.__module__ == module.__name__ and not name.startswith("_")
            if own and not any(getattr(ancestor, "_is_protocol", False) for ancestor in member.__mro__[1:]):
                strays.append(f"{found.name}.{name}")
    assert strays == []
