import csv
import gzip
import io
from typing import Any

import httpx
import pytest

from crm_sandbox.salesforce import RecordChange, Sandbox, record_id
from crm_sandbox.salesforce.flags import DAY_SECONDS
from crm_sandbox.salesforce.sobjects.schema import Value
from tests.salesforce.builders import DATA, refusal

pytestmark = pytest.mark.anyio

JOBS = f"{DATA}/jobs/query"
ALL = "SELECT Id, Name FROM Account"


async def create(client: httpx.AsyncClient, soql: str = ALL, **changed: object) -> dict[str, Any]:
    answer = await client.post(JOBS, json={"operation": "query", "query": soql} | changed)
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def watch(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = (await client.get(f"{JOBS}/{job_id}")).json()
    return job


async def finished(client: httpx.AsyncClient, soql: str = ALL, **changed: object) -> str:
    job_id = str((await create(client, soql, **changed))["id"])
    while (await watch(client, job_id))["state"] in {"UploadComplete", "InProgress"}:
        pass
    return job_id


async def results(client: httpx.AsyncClient, job_id: str, **params: str) -> httpx.Response:
    return await client.get(f"{JOBS}/{job_id}/results", params=params)


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


async def test_a_job_goes_through_its_states(client: httpx.AsyncClient) -> None:
    job = await create(client)
    assert job["id"].startswith("750")
    assert (job["object"], job["apiVersion"], job["state"]) == ("Account", 68.0, "UploadComplete")
    polls = [await watch(client, job["id"]) for _ in range(3)]
    assert [one["state"] for one in polls] == ["InProgress", "JobComplete", "JobComplete"]
    assert [one["numberRecordsProcessed"] for one in polls] == [0, 450, 450]
    assert (polls[0]["jobType"], polls[0]["isPkChunkingSupported"]) == ("V2Query", True)


async def test_bulk_polls_delays_the_end_of_a_job(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.bulk_polls = 3
    job = await create(client)
    assert [(await watch(client, job["id"]))["state"] for _ in range(4)] == ["InProgress"] * 3 + [
        "JobComplete"
    ]


async def test_results_are_quoted_csv_with_a_header_on_each_page(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    first = record_id("Account", 1)
    properties: dict[str, Value] = {
        "Name": 'Say "hi",\nthen go',
        "NumberOfEmployees": 7,
        "AnnualRevenue": 5e6,
        "Website": None,
    }
    sandbox.org.upsert(RecordChange(object_name="Account", id=first, properties=properties))
    columns = "Id, Name, NumberOfEmployees, AnnualRevenue, Website, IsDeleted, SystemModstamp"
    job_id = await finished(client, f"SELECT {columns} FROM Account WHERE Id = '{first}'")
    answer = await results(client, job_id)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text == (
        '"Id","Name","NumberOfEmployees","AnnualRevenue","Website","IsDeleted","SystemModstamp"\n'
        f'"{first}","Say ""hi"",\nthen go","7","5000000.0","","false","2026-09-21T14:13:20.000Z"\n'
    )


async def test_pages_follow_locators_to_the_literal_null(client: httpx.AsyncClient) -> None:
    job_id, seen, sizes = await finished(client), [], []
    params = {"maxRecords": "200"}
    while params.get("locator") != "null":
        answer = await results(client, job_id, **params)
        header, *found = rows(answer.text)
        assert header == ["Id", "Name"]
        assert int(answer.headers["sforce-numberofrecords"]) == len(found)
        seen += [row[0] for row in found]
        sizes.append(len(found))
        params["locator"] = answer.headers["sforce-locator"]
    assert sizes == [200, 200, 50]
    assert sorted(seen) == [record_id("Account", number) for number in range(1, 451)]
    assert seen != sorted(seen)


async def test_a_page_may_be_read_again_and_does_not_change(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    job_id = await finished(client)
    before = (await results(client, job_id)).text
    sandbox.org.delete("Account", record_id("Account", 5))
    assert (await results(client, job_id)).text == before


async def test_max_records_is_bounded_by_the_orgs_page_size(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.flags.bulk_rows_per_page = 100
    answer = await results(client, await finished(client), maxRecords="50000")
    assert answer.headers["sforce-numberofrecords"] == "100"


@pytest.mark.parametrize("link", ["nextRecordsUrl", "nextRecordUrl"])
async def test_result_pages_link_to_pages_for_parallel_reading(
    client: httpx.AsyncClient, sandbox: Sandbox, link: str
) -> None:
    await client.post("/_sandbox/flags", json={"bulk_rows_per_page": 70, "result_pages_link": link})
    job_id = await finished(client)
    first = (await client.get(f"{JOBS}/{job_id}/resultPages")).json()
    assert (len(first["resultPages"]), first["done"]) == (5, False)
    second = (await client.get(first[link])).json()
    assert (len(second["resultPages"]), second["done"], link in second) == (2, True, False)
    pages = [*first["resultPages"], *second["resultPages"]]
    found = [row[0] for page in pages for row in rows((await client.get(page["resultUrl"])).text)[1:]]
    assert sorted(found) == [record_id("Account", number) for number in range(1, 451)]


async def test_a_job_without_rows_has_one_page_with_a_header(client: httpx.AsyncClient) -> None:
    job_id = await finished(client, "SELECT Id FROM Account WHERE Name = 'nobody'")
    answer = await results(client, job_id)
    assert (answer.text, answer.headers["sforce-locator"]) == ('"Id"\n', "null")
    assert len((await client.get(f"{JOBS}/{job_id}/resultPages")).json()["resultPages"]) == 1


async def test_results_are_gzipped_when_the_client_accepts_it(client: httpx.AsyncClient) -> None:
    job_id = await finished(client)
    zipped = await client.send(
        client.build_request("GET", f"{JOBS}/{job_id}/results", headers={"accept-encoding": "gzip"})
    )
    plain = await client.get(f"{JOBS}/{job_id}/results", headers={"accept-encoding": "identity"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert zipped.text == plain.text
    assert int(zipped.headers["content-length"]) == len(gzip.compress(plain.content, 1, mtime=0))


async def test_an_order_disables_pk_chunking(client: httpx.AsyncClient) -> None:
    job_id = await finished(client, "SELECT Id FROM Account ORDER BY Id")
    found = [row[0] for row in rows((await results(client, job_id)).text)[1:]]
    assert found == sorted(found)
    assert (await watch(client, job_id))["isPkChunkingSupported"] is False


async def test_query_all_includes_deleted_records(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.org.delete("Account", record_id("Account", 9))
    counts = [
        (await results(client, await finished(client, operation=operation))).headers["sforce-numberofrecords"]
        for operation in ("query", "queryAll")
    ]
    assert counts == ["449", "450"]


@pytest.mark.parametrize("outcome", ["Failed", "Aborted"])
async def test_a_job_can_fail_or_be_aborted(client: httpx.AsyncClient, outcome: str) -> None:
    await client.post("/_sandbox/flags", json={"bulk_outcome": outcome})
    job_id = await finished(client)
    job = await watch(client, job_id)
    assert (job["state"], "errorMessage" in job) == (outcome, outcome == "Failed")
    for what in ("results", "resultPages"):
        answer = await client.get(f"{JOBS}/{job_id}/{what}")
        assert (answer.status_code, answer.content) == (204, b"")


async def test_results_of_an_unfinished_job_are_204(client: httpx.AsyncClient) -> None:
    assert (await results(client, (await create(client))["id"])).status_code == 204


async def test_a_job_is_aborted_and_deleted(client: httpx.AsyncClient) -> None:
    url = f"{JOBS}/{(await create(client))['id']}"
    assert refusal(await client.delete(url)) == (400, "INVALIDJOBSTATE")
    assert (await client.patch(url, json={"state": "Aborted"})).json()["state"] == "Aborted"
    assert refusal(await client.patch(url, json={"state": "Aborted"})) == (400, "INVALIDJOBSTATE")
    assert len((await client.get(JOBS)).json()["records"]) == 1
    assert len((await client.get(JOBS, params={"jobType": "V2Query"})).json()["records"]) == 1
    assert (await client.get(JOBS, params={"jobType": "V2Ingest"})).json()["records"] == []
    assert (await client.delete(url)).status_code == 204
    assert refusal(await client.get(url)) == (404, "NOT_FOUND")


async def test_a_deleted_job_counts_for_24_hours(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.session_seconds = 30 * DAY_SECONDS
    client.headers["authorization"] = f"Bearer {sandbox.oauth.connect(sandbox.org.org_id)['access_token']}"
    await client.delete(f"{JOBS}/{await finished(client)}")
    limits = (await client.get(f"{DATA}/limits")).json()
    assert limits["DailyBulkV2QueryJobs"] == {"Max": 10_000, "Remaining": 9_999}
    sandbox.clock.advance(DAY_SECONDS)
    assert (await client.get(f"{DATA}/limits")).json()["DailyBulkV2QueryJobs"]["Remaining"] == 10_000


async def test_a_job_is_kept_seven_days(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.session_seconds = 30 * DAY_SECONDS
    client.headers["authorization"] = f"Bearer {sandbox.oauth.connect(sandbox.org.org_id)['access_token']}"
    job_id = await finished(client)
    sandbox.clock.advance(7 * DAY_SECONDS)
    assert refusal(await results(client, job_id)) == (404, "NOT_FOUND")


async def test_a_job_of_another_api_version_is_409(client: httpx.AsyncClient) -> None:
    job_id = await finished(client)
    other = JOBS.replace("v68.0", "v67.0")
    assert (await client.get(f"{other}/{job_id}")).status_code == 409
    assert (await client.get(f"{other}/{job_id}/results")).status_code == 409


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"operation": "query", "query": "SELECT COUNT() FROM Account"}, "API_ERROR"),
        ({"operation": "query", "query": "SELECT BillingAddress FROM Account"}, "API_ERROR"),
        ({"operation": "query", "query": "SELECT Id FROM Account;"}, "MALFORMED_QUERY"),
        ({"operation": "query", "query": "SELECT Nothing FROM Account"}, "INVALID_FIELD"),
        ({"operation": "insert", "query": ALL}, "JSON_PARSER_ERROR"),
        ({"operation": "query"}, "JSON_PARSER_ERROR"),
        ({"operation": "query", "query": ALL, "contentType": "JSON"}, "JSON_PARSER_ERROR"),
        ({"operation": "query", "query": ALL, "object": "Account"}, "JSON_PARSER_ERROR"),
    ],
)
async def test_a_wrong_job_is_refused(client: httpx.AsyncClient, body: dict[str, str], code: str) -> None:
    assert refusal(await client.post(JOBS, json=body)) == (400, code)


async def test_a_job_must_be_json(client: httpx.AsyncClient) -> None:
    answer = await client.post(JOBS, data={"operation": "query"})
    assert refusal(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("params", [{"locator": "?"}, {"locator": "OTk5"}, {"maxRecords": "0"}])
async def test_a_wrong_page_is_refused(client: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert (await results(client, await finished(client), **params)).status_code == 400
