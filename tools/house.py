"""Print how the house stands, and fail past its bounds: `python -m tools.house`.

Counted over src/astrelo: the share of import lines, functions that are long, private helpers that are used once,
and over the whole repository: folders with many files.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from subprocess import run

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "astrelo"

MAX_IMPORT_SHARE = 0.10
"""Of the lines that are not blank."""
MAX_FUNCTION_LINES = 50
MAX_HELPER_SHARE = 0.15
"""Private functions and methods that are named once in their module, of all functions."""
MAX_FILES = 15
ANY_NUMBER_OF_FILES = ("migrations", "data", "licenses", "adr")
"""Folders of records, which grow by one file each."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> Mapping[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))}


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def import_share(texts: Sequence[str]) -> float:
    """Return the share of lines that import, blank lines left out of both."""
    lines = sum(1 for text in texts for line in text.splitlines() if line.strip())
    imported = sum(
        length(node)
        for text in texts
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    return imported / lines


def helpers_used_once(tree: ast.Module) -> Iterator[str]:
    """Name the private functions that their module uses once; dunder methods and decorated functions are none."""
    used = Counter(
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    )
    for function in functions(tree):
        name = function.name
        if (
            name.startswith("_")
            and not name.startswith("__")
            and not function.decorator_list
            and used[name] == 1
        ):
            yield name


def crowded_folders() -> Iterator[tuple[str, int]]:
    listed = run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    folders = Counter(Path(name).parent for name in listed.stdout.splitlines() if (ROOT / name).exists())
    for folder, files in sorted(folders.items()):
        if files > MAX_FILES and folder.name not in ANY_NUMBER_OF_FILES:
            yield str(folder), files


def main() -> None:
    texts = sources()
    trees = {path: ast.parse(text) for path, text in texts.items()}
    lengths = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": length(node)
        for path, tree in trees.items()
        for node in functions(tree)
    }
    helpers = [name for tree in trees.values() for name in helpers_used_once(tree)]
    imports, helper_share = import_share(list(texts.values())), len(helpers) / len(lengths)
    long = [f"{place} has {lines} lines" for place, lines in lengths.items() if lines > MAX_FUNCTION_LINES]
    crowded = [f"{folder} holds {files} files" for folder, files in crowded_folders()]
    print(f"import lines             {imports:6.1%}  (under {MAX_IMPORT_SHARE:.0%})")
    print(
        f"private helpers used once {helper_share:5.1%}  (at most {MAX_HELPER_SHARE:.0%} of {len(lengths)} functions)"
    )
    print(
        f"function lines           median {median(lengths.values()):.0f}, longest {max(lengths.values())}  (at most {MAX_FUNCTION_LINES})"
    )
    print(f"crowded folders          {len(crowded)}  (over {MAX_FILES} files)")
    print("\n".join(long + crowded))
    if imports >= MAX_IMPORT_SHARE or helper_share > MAX_HELPER_SHARE or long or crowded:
        sys.exit("The house is past a bound.")


if __name__ == "__main__":
    main()
