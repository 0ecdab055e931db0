"""docs/benchmark.md: each CRM's section is written by itself."""

from dataclasses import replace
from pathlib import Path

from benchmarks.crms import CRMS
from benchmarks.measurement import Cost, ServerSpending
from benchmarks.report.documentation import write_documentation
from benchmarks.report.figures import Results, Run

from astrelo.domain.identifiers import Provider


def results(provider: Provider, rate: int) -> Results:
    cost = Cost(records=300, seconds=300 / rate, cpu_seconds=0.1, peak_bytes=10**8)
    run = Run(name="sync, first", cost=cost, server=ServerSpending(10**6, 1.0), pages_cpu_seconds=0.1)
    return Results(
        crm=CRMS[provider],
        postgres_version="18.6",
        records=100,
        rounds=1,
        load=0.0,
        sync=run,
        sync_again=replace(run, name="sync, nothing changed"),
        floor=replace(run, name="floor, first"),
        floor_again=replace(run, name="floor, nothing changed"),
        quarter=run,
    )


def page(folder: Path) -> str:
    return (folder / "benchmark.md").read_text(encoding="utf-8")


def test_a_section_is_written_without_losing_the_others(tmp_path: Path) -> None:
    write_documentation(tmp_path, results(Provider.SALESFORCE, 1_111))
    write_documentation(tmp_path, results(Provider.HUBSPOT, 2_222))
    write_documentation(tmp_path, results(Provider.HUBSPOT, 3_333))
    written = page(tmp_path)
    assert [line for line in written.splitlines() if line.startswith("#")] == [
        "# Benchmark",
        "## HubSpot",
        "## Salesforce",
    ]
    assert "3,333" in written.partition("## Salesforce")[0]
    assert "1,111" in written.partition("## Salesforce")[2]
    assert "2,222" not in written


def test_the_same_figures_give_the_same_files(tmp_path: Path) -> None:
    for _ in range(2):
        write_documentation(tmp_path, results(Provider.HUBSPOT, 2_222))
        write_documentation(tmp_path, results(Provider.SALESFORCE, 1_111))
        files = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
        write_documentation(tmp_path, results(Provider.HUBSPOT, 2_222))
        assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == files


def test_every_section_names_its_crm_in_its_plot(tmp_path: Path) -> None:
    write_documentation(tmp_path, results(Provider.SALESFORCE, 1_111))
    assert "(benchmark-salesforce.svg)" in page(tmp_path)
    assert "Salesforce" in (tmp_path / "benchmark-salesforce.svg").read_text(encoding="utf-8")
