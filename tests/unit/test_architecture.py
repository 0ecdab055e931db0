"""What the import contracts in pyproject.toml cannot say about the house."""

import ast
import importlib
import inspect
import pkgutil
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

import astrelo
import crm_sandbox
from astrelo.adapters.outbound.postgres.session.statements import statements
from tests.support import fakes

SOURCE = Path(astrelo.__file__).parent
SANDBOX = Path(crm_sandbox.__file__).parent
TESTS = Path(__file__).parents[1]
SANDBOX_TESTS = TESTS.parent / "sandbox" / "tests"
IDEALESS_NAMES = {"utils", "util", "helpers", "common", "base", "manager", "service"}
VENDORS = {
    "hubspot": ("hs_object_id", "hs_lastmodifieddate", "associatedcompanyid", "BAD_REFRESH_TOKEN", "portal"),
    "salesforce": (
        "AccountId",
        "SystemModstamp",
        "MasterRecordId",
        "instance_url",
        "INVALID_SESSION_ID",
        "SOQL",
    ),
}
"""Each CRM and some words of its own, none of which we would use for ourselves."""
KNOWS_EVERY_VENDOR = ("bootstrap", "domain/identifiers.py")
"""The composition root, and the one list of what CRMs there are."""
FOLDERS_OF_OTHER_TESTS = {"benchmarks", "cases", "support"}
"""Folders of tests/unit that test what stands beside src/astrelo, or the tests' own support."""
MAX_TEST_FILES = 15  # in a folder
MAX_FUNCTION_LINES = 50  # lines, from `def` to the last one
MAX_MEDIAN_LINES = 10


@cache
def modules(root: Path = SOURCE) -> dict[str, tuple[str, ast.Module]]:
    """Every module by its path below `root`: its text and its tree."""
    texts = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*.py"))
    }
    return {name: (text, ast.parse(text)) for name, text in texts.items()}


def everything() -> Iterator[tuple[str, tuple[str, ast.Module]]]:
    """Every module of both distributions; some of their paths are the same."""
    return chain(modules().items(), modules(SANDBOX).items())


def functions() -> Iterator[tuple[str, int]]:
    for module, (_, tree) in everything():
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
    found = [*(name for name, _ in everything()), *modules(TESTS), *modules(SANDBOX_TESTS)]
    assert [name for name in found if IDEALESS_NAMES & set(Path(name).with_suffix("").parts)] == []


def test_annotations_can_be_read_at_run_time() -> None:
    # dishka, msgspec and litestar resolve them: a name imported for the type checker alone is not there.
    assert [name for name, (_, tree) in everything() if "typing.TYPE_CHECKING" in imports(tree)] == []
    readers = ("adapters/inbound", "adapters/outbound", "application", "bootstrap")
    postponed = [name for name, (_, tree) in modules().items() if "__future__.annotations" in imports(tree)]
    assert [name for name in postponed if lies_in(name, readers)] == []


def test_no_function_is_long() -> None:
    assert [
        f"{place} has {length} lines" for place, length in functions() if length > MAX_FUNCTION_LINES
    ] == []


def test_most_functions_are_short() -> None:
    assert statistics.median(length for _, length in functions()) < MAX_MEDIAN_LINES


def test_every_statement_is_used() -> None:
    python = "\n".join(text for name, (text, _) in modules().items() if name.startswith("adapters/"))
    assert statements()
    assert [name for name in statements() if f'"{name}"' not in python] == []


def sources() -> Iterator[tuple[str, str]]:
    """Every file that we write, by its path: code, statements, pages. Lists of facts may name anybody."""
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix in {".py", ".sql", ".js", ".html", ".css"}:
            yield path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendors_words_stay_in_its_folder(vendor: str) -> None:
    words = re.compile(rf"{vendor}|\b(?:{'|'.join(VENDORS[vendor])})\b", re.IGNORECASE)
    home = (f"adapters/outbound/{vendor}", *KNOWS_EVERY_VENDOR)
    assert [
        f"{name}: {found[0]}"
        for name, text in sources()
        if not lies_in(name, home) and (found := words.search(text))
    ] == []


def test_only_the_lifecycle_writes_a_runs_state() -> None:
    writes = re.compile(r"\bruns\.(?:add|save)\(")
    assert [name for name, (text, _) in modules().items() if writes.search(text)] == [
        "application/sync/run_lifecycle.py"
    ]


def test_only_the_lifecycle_saves_a_connection() -> None:
    assert [name for name, (text, _) in modules().items() if "tx.connections.save(" in text] == [
        "application/connection_lifecycle.py"
    ]


def decisions(tree: ast.Module) -> Iterator[ast.AST]:
    """Every comparison, and every pattern that a `match` compares with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.pattern):
            yield from ast.walk(node)


def test_nothing_is_decided_by_which_crm_it_is() -> None:
    names = {vendor.upper() for vendor in VENDORS}
    deciders = [
        f"{module}:{part.lineno}"
        for module, (_, tree) in modules().items()
        if not lies_in(module, ("bootstrap",))
        for part in decisions(tree)
        if isinstance(part, ast.Attribute) and part.attr in names
    ]
    assert deciders == []


def test_http_is_asked_by_the_crm_adapters_and_the_demo_alone() -> None:
    allowed = ("adapters/outbound", "bootstrap/development/demo")
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


def test_no_test_module_imports_from_another() -> None:
    shared = ("tests.unit", "tests.integration")
    assert [
        f"{module}: {name}"
        for module, (_, tree) in modules(TESTS).items()
        for name in sorted(imports(tree))
        if name.startswith(shared)
    ] == []


def test_unit_tests_lie_where_their_subject_lies() -> None:
    folders = {path.parent.relative_to(TESTS / "unit") for path in (TESTS / "unit").rglob("test_*.py")}
    assert [
        folder.as_posix()
        for folder in sorted(folders)
        if not (SOURCE / folder).is_dir() and folder.as_posix() not in FOLDERS_OF_OTHER_TESTS
    ] == []


def test_folders_of_tests_can_be_taken_in_at_a_glance() -> None:
    sizes = Counter(Path(module).parent.as_posix() for module in modules(TESTS))
    assert {folder: size for folder, size in sizes.items() if size > MAX_TEST_FILES} == {}


def test_ci_runs_in_a_container_what_is_there() -> None:
    script = (TESTS.parent / ".ci" / "run").read_text(encoding="utf-8")
    folders = re.search(r"on_containers=\((.*?)\)", script)
    assert folders
    assert [name for name in folders[1].split() if not (TESTS / "integration" / name).is_dir()] == []


OLD_WORDS = frozenset(
    """
    told tell tells telling verdict dialect patience triage certified certificate minted absorbed vacated redecide
    trail sender stretch outlook walk walks walked walking hint hints whoever somebody
    """.split()  # noqa: SIM905 - a long list of words reads better as words
)
"""Words that are no longer used: the glossary in docs/architecture.md says what they are called."""
OLD_PREFIXES = frozenset({"most", "longest", "shortest", "largest", "highest", "fewest", "least"})
"""Limits are MAX_…, MIN_…."""
OTHER_MEANINGS = {"sandbox": frozenset({"certificate"})}
"""Of those words, the ones that a folder may use as the field does: a TLS certificate."""
SPEAK_THE_GLOSSARY = ("src", "tests", "benchmarks", "tools", "sandbox")
"""Folders of the repository whose names are held to it."""


def defined_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr


def words_of(name: str) -> list[str]:
    """Split 'RateLimiter', 'rate_limiter' and 'RATE_LIMITER' alike."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_")


@pytest.mark.parametrize("root", SPEAK_THE_GLOSSARY)
def test_names_are_of_the_glossary(root: str) -> None:
    banned = OLD_WORDS - OTHER_MEANINGS.get(root, frozenset())
    found = [
        f"{module}:{line} {name}"
        for module, (_, tree) in modules(TESTS.parent / root).items()
        for line, name in defined_names(tree)
        if banned.intersection(words_of(name)) or (name.isupper() and words_of(name)[0] in OLD_PREFIXES)
    ]
    assert found == []


def test_the_places_that_the_architecture_names_are_there() -> None:
    text = (TESTS.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("## Where is")[2].partition("\n## ")[0]
    named = {path for path in re.findall(r"`([\w<>./]+)`", table) if "/" in path}
    assert named
    homes = (SOURCE, SOURCE / "adapters" / "outbound", SOURCE / "adapters" / "inbound" / "http", TESTS.parent)
    paths = {path.replace("<crm>", crm) for path in named for crm in VENDORS}
    assert [path for path in sorted(paths) if not any((home / path).exists() for home in homes)] == []
