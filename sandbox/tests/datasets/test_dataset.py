import gzip
from pathlib import Path

import pytest

from crm_sandbox import Dataset, DatasetError
from crm_sandbox.datasets import HUBSPOT, SALESFORCE
from tests.hubspot.builders import company

GOOD = (
    '{"object": "companies", "id": "1", "properties": {"name": "One"}, "createdAt": "2025-01-01T00:00:00Z", '
    '"updatedAt": "2025-01-01T00:00:00.000Z", "archived": false, "associations": {"contacts": [{"id": "2"}]}}'
)

ACCOUNT = GOOD.replace('"companies", "id": "1"', '"Account", "id": "001000000000001AAA"').replace(
    '{"contacts": [{"id": "2"}]}', "{}"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "acme-account.jsonl"


def test_a_portal_is_read_from_json_lines(path: Path) -> None:
    path.write_text(f"{GOOD}\n\n")
    dataset = Dataset.load(path)
    assert dataset.name == "acme-account"
    assert [(record.object, record.id) for record in dataset.records] == [("companies", "1")]
    assert 0 < dataset.account_id < 2**31


def test_a_dataset_may_use_salesforces_names(path: Path) -> None:
    path.write_text(ACCOUNT)
    assert Dataset.load(path).record_format is SALESFORCE
    path.write_text(GOOD)
    assert Dataset.load(path).record_format is HUBSPOT


def test_gzip_and_file_name_do_not_change_the_account(path: Path, tmp_path: Path) -> None:
    path.write_text(GOOD)
    zipped = tmp_path / "other.bin"
    zipped.write_bytes(gzip.compress(GOOD.encode()))
    assert Dataset.load(zipped).account_id == Dataset.load(path).account_id


def test_other_content_is_another_account(path: Path) -> None:
    path.write_text(GOOD)
    first = Dataset.load(path).account_id
    path.write_text(GOOD.replace("One", "Two"))
    assert Dataset.load(path).account_id != first


@pytest.mark.parametrize("name", ["saved.jsonl", "saved.jsonl.gz"])
def test_a_saved_portal_is_loaded_as_the_same_account(tmp_path: Path, name: str) -> None:
    dataset = Dataset.from_records([company(1, name="a\ud800b\x00"), company(2, name=None)])
    dataset.save(tmp_path / name)
    loaded = Dataset.load(tmp_path / name)
    assert loaded.records == dataset.records
    assert loaded.account_id == dataset.account_id


BAD = [
    ("{", "this is not JSON"),
    ("name,domain", "this is not JSON"),
    ("[]", "object"),
    (GOOD.replace('"companies"', '"widgets"'), "object is 'widgets'"),
    (GOOD.replace('"id": "1"', '"id": 1'), "id"),
    (GOOD.replace('"id": "1"', '"id": "x1"'), "ids are digits"),
    (GOOD.replace('"One"', "1"), "properties"),
    (GOOD.replace("2025-01-01T00:00:00Z", "yesterday"), "createdAt is 'yesterday'"),
    (GOOD.replace('"contacts"', '"widgets"'), "associations name 'widgets'"),
    (GOOD, "companies 1 stands on an earlier line too"),
    (GOOD.replace('"companies", "id": "1"', '"Account", "id": "1"'), "ids have 15 or 18"),
    (ACCOUNT, "Account stands among HubSpot's objects"),
]


@pytest.mark.parametrize(("line", "says"), BAD)
def test_a_bad_line_is_reported_with_its_number_and_what_is_wrong(path: Path, line: str, says: str) -> None:
    path.write_text(f"{GOOD}\n{line}\n")
    with pytest.raises(DatasetError) as error:
        Dataset.load(path)
    assert str(error.value).startswith(f"{path}, line 2: ")
    assert says in str(error.value)


def test_a_missing_or_broken_file_is_reported(path: Path) -> None:
    with pytest.raises(DatasetError, match="no such dataset file"):
        Dataset.load(path)
    path.write_bytes(GOOD.encode("utf-8").replace(b"One", b"\xe8"))
    with pytest.raises(DatasetError, match="line 1: this is not UTF-8 text"):
        Dataset.load(path)
    path.write_bytes(gzip.compress(GOOD.encode())[:-9])
    with pytest.raises(DatasetError, match="cannot be read"):
        Dataset.load(path)
