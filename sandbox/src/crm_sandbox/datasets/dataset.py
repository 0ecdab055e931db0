"""A dataset and its file format."""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from crm_sandbox.clock import parse_milliseconds
from crm_sandbox.datasets.record_formats import HUBSPOT, RecordFormat, find_record_format
from crm_sandbox.http.responses import encode_json

_GZIP_MAGIC = b"\x1f\x8b"


class DatasetError(ValueError):
    """A dataset file cannot be used; the message names the file, the line and what is wrong with it."""


class Association(msgspec.Struct, frozen=True):
    id: str
    primary: bool = False


class DatasetRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One line of a dataset file. Property values are text or null, whatever the CRM sends."""

    object: str
    id: str
    properties: dict[str, str | None]
    created_at: str
    updated_at: str
    archived: bool = False
    associations: dict[str, list[Association]] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    name: str
    account_id: int
    records: tuple[DatasetRecord, ...] = field(repr=False)
    account: Mapping[str, object] = field(default_factory=dict)
    """Overrides for HubSpot's account details, such as `companyCurrency`."""

    @property
    def record_format(self) -> RecordFormat:
        """Return the format of the records; a dataset without any is HubSpot's."""
        return find_record_format(self.records[0].object) if self.records else HUBSPOT

    @classmethod
    def from_records(
        cls,
        records: Iterable[DatasetRecord],
        *,
        name: str = "Sandbox account",
        account: Mapping[str, object] | None = None,
    ) -> Self:
        """Make a dataset whose account id is a hash of its records: the same content is the same account."""
        kept = tuple(records)
        return cls(name=name, account_id=_account_id(kept), records=kept, account=account or {})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read JSON lines, gzipped or not; raise DatasetError, with the line's number, when one is unusable."""
        return cls.from_records(_read(path), name=path.name.partition(".")[0] or "Sandbox account")

    @classmethod
    def generate(cls, companies: int = 500, seed: int = 7) -> Self:
        """Invent a realistically dirty HubSpot dataset of invented companies; equal arguments give equal datasets."""
        from crm_sandbox.datasets.generator import generate_records  # noqa: PLC0415 - it builds on this module's records

        return cls.from_records(generate_records(companies, seed), name="Sandbox account")

    def lines(self) -> bytes:
        """Return the JSON lines of a dataset file."""
        return b"".join(encode_json(record) + b"\n" for record in self.records)

    def save(self, path: Path) -> None:
        """Write the JSON lines that `load` reads, gzipped when the name ends in .gz."""
        lines = self.lines()
        path.write_bytes(gzip.compress(lines, mtime=0) if path.suffix == ".gz" else lines)


def _account_id(records: Iterable[DatasetRecord]) -> int:
    digest = hashlib.sha256()
    for record in records:
        digest.update(encode_json(msgspec.to_builtins(record)))
    return int.from_bytes(digest.digest()[:4]) % (2**31 - 1) + 1


def _read(path: Path) -> Iterator[DatasetRecord]:
    seen: set[tuple[str, str]] = set()
    record_format = None
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        record = _parse(path, number, line)
        if (record.object, record.id) in seen:
            raise DatasetError(
                f"{path}, line {number}: {record.object} {record.id} stands on an earlier line too."
            )
        record_format = record_format or find_record_format(record.object)
        if record.object not in record_format.objects:
            raise DatasetError(
                f"{path}, line {number}: {record.object} stands among {record_format.crm}'s objects."
            )
        seen.add((record.object, record.id))
        yield record


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as probe:
            zipped = probe.read(2) == _GZIP_MAGIC
        with gzip.open(path) if zipped else path.open("rb") as source:
            yield from source
    except FileNotFoundError:
        raise DatasetError(f"{path}: there is no such dataset file.") from None
    except (OSError, EOFError) as error:
        raise DatasetError(f"{path}: the dataset file cannot be read: {error}.") from error


def _parse(path: Path, number: int, line: bytes) -> DatasetRecord:
    try:
        record = _decode(line)
        _check(record)
    except UnicodeDecodeError:
        raise DatasetError(f"{path}, line {number}: this is not UTF-8 text.") from None
    except (ValueError, msgspec.ValidationError) as error:
        raise DatasetError(f"{path}, line {number}: {str(error).removesuffix('.')}.") from error
    return record


_decoder = msgspec.json.Decoder(DatasetRecord)


def _decode(line: bytes) -> DatasetRecord:
    try:
        return _decoder.decode(line)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # lone surrogates are legal JSON and not legal UTF-8: only the standard library lets them through
        return msgspec.convert(_decode_leniently(line), DatasetRecord)


def _decode_leniently(line: bytes) -> object:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not JSON ({error.msg} at character {error.pos + 1}).") from None


def _check(record: DatasetRecord) -> None:
    record_format = find_record_format(record.object)
    if not record.id.isascii() or not record_format.is_id(record.id):
        raise ValueError(f"id is {record.id!r}; {record_format.crm}'s ids {record_format.id_shape}.")
    for field_name, text in (("createdAt", record.created_at), ("updatedAt", record.updated_at)):
        _check_datetime(field_name, text)
    for target in record.associations:
        if target not in record_format.associated:
            known = ", ".join(record_format.associated)
            raise ValueError(f"associations name {target!r}; they may name {known}.")


def _check_datetime(field_name: str, text: str) -> None:
    try:
        parse_milliseconds(text)
    except ValueError:
        raise ValueError(
            f"{field_name} is {text!r}; it must be a datetime like 2026-05-01T07:25:37.120Z."
        ) from None
