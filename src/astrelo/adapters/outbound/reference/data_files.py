"""The data files that ship beside the code."""

from collections.abc import Iterator
from gzip import decompress
from importlib.resources import files

DATA = files(__package__).joinpath("data")


def read_list(file_name: str) -> Iterator[str]:
    """Yield the lines of a list that are neither blank nor comments; a name ending in .gz is unpacked."""
    content = DATA.joinpath(file_name).read_bytes()
    lines = (decompress(content) if file_name.endswith(".gz") else content).decode().splitlines()
    return (line for line in map(str.strip, lines) if line and not line.startswith("#"))
