"""The lists of names that ship beside the code."""

from collections.abc import Iterator
from gzip import decompress
from importlib.resources import files


def listed(file_name: str) -> Iterator[str]:
    """Yield the lines of a list that are neither blank nor comments; a name ending in .gz is unpacked."""
    content = files(__package__).joinpath(file_name).read_bytes()
    lines = (decompress(content) if file_name.endswith(".gz") else content).decode().splitlines()
    return (line for line in map(str.strip, lines) if line and not line.startswith("#"))
