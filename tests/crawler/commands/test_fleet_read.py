"""`broadsheet fleet status`, `report` and `search` over archives that a fleet has made."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands.crawl import crawl
from broadsheet.crawler.commands.update import update
from broadsheet.crawler.fleet.fleet_folder import RecordFolder
from broadsheet.crawler.fleet.list_runs import ListRun, RunRecord
from broadsheet.crawler.fleet.site_head import SiteAttempt, head_key, read_head
from broadsheet.crawler.fleet.site_records import SiteRecord, digest_of, next_record, parse_record, record_values
from broadsheet.crawler.fleet.site_states import read_manifest
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.sites_file import read_sites
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.stored_run import run_stored
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.fleet.conftest import S3, free_port
from tests.crawler.fleet.s3_server import BUCKET, SECRET, running_s3_server
from tests.crawler.fleet.sites import crawl_of, site_in

LIST = '[sites.{0}]\nurls = ["https://{0}.example/"]\n'


@pytest.fixture
def sites(tmp_path: Path, db: Path) -> Path:
    """A fleet of four: one well, one failed with a damaged archive, one killed, one never crawled."""
    folder = tmp_path / "archives"
    records = RecordFolder(folder)
    ends = {"well": SiteEnd.DONE, "bad": SiteEnd.FAILED, "cut": SiteEnd.KILLED}
    for name, end in ends.items():
        counts = SiteCounts(new=2, articles=2)
        result = SiteResult(name, end, 0, folder / f"{name}.db", counts, 75.0, "" if name == "well" else "its words")
        words = digest_of(("--", f"https://{name}.example/"))
        records.write(
            SiteRecord(result, "2026-01-01T03:00:00+00:00", "2026-01-01T04:00:00+00:00", words, is_crawled=True)
        )
    for name in ("well", "cut"):
        shutil.copy(db, folder / f"{name}.db")
    (folder / "bad.db").write_bytes(b"no database, but some bytes of it" * 9)
    file = tmp_path / "sites.toml"
    file.write_text("".join(map(LIST.format, (*ends, "none"))))
    return file


@pytest.fixture(params=["folder", S3])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty store: a folder, and a bucket of a real server."""
    if request.param == "folder":
        yield str(tmp_path / "store")
        return
    with running_s3_server(free_port()) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield f"s3://{BUCKET}/read"


def test_status_has_a_line_a_site_the_worst_first(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet", "status", str(sites)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["cut", "killed"], ["bad", "failed"], ["well", "done"], ["none", "never"],
    ]  # fmt: skip
    with Archive.open(sites.parent / "archives" / "well.db"):
        assert run(["fleet", "status", str(sites), "--site", "well"]) == 0
        assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["well", "running"]
        assert run(["fleet", "status", str(sites), "--site", "well", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["sites"][0]["is_running"] is True
    assert lines[3].split()[2:] == ["2", "0", "0", "1m", "2026-01-01", "04:00", "now"]


def test_status_as_json_has_the_exact_values(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet", "status", str(sites), "--json", "--site", "well", "--site", "none"]) == 0
    well, none = json.loads(capsys.readouterr().out)["sites"]
    assert (well["end"], well["counts"]["articles"], well["due_at"]) == ("done", 2, "2026-01-02T02:00:00+00:00")
    assert (none["end"], none["due_at"]) == (None, None)


def test_a_report_of_every_archive_that_can_be_read(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet", "report", str(sites)]) == 1
    printed = capsys.readouterr()
    assert [line for line in printed.out.splitlines() if not line.startswith(" ")] == [
        f"{name}: 2 articles; 1 thing needs a look." for name in ("well", "cut")
    ]
    assert "    2 of 2 articles are without a date; --since leaves such out" in printed.out.splitlines()
    assert printed.err.count("\n") == 1
    assert "bad: " in printed.err
    assert "is not a SQLite database" in printed.err
    assert run(["fleet", "report", str(sites), "--site", "well"]) == 0


def test_a_search_takes_the_best_of_each_site_in_turn(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["fleet", "search", "--sites", str(sites), "harbour", "--site", "well", "--site", "cut"]
    assert run([*arguments, "--limit", "3"]) == 0
    hits = capsys.readouterr().out.split("\n\n")
    assert hits[0] == "4 articles match; 3 of them (--limit 4 shows all)"
    assert [hit.partition(":")[0] for hit in hits[1:]] == ["well", "cut", "well"]
    assert run([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["count"], [hit["site"] for hit in found["articles"]]) == (4, ["well", "cut", "well", "cut"])


def test_nothing_found_and_an_archive_that_cannot_be_read(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet", "search", "--sites", str(sites), "nosuchword"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert "bad: " in errors[0]
    assert errors[1:] == ["broadsheet: no article matches nosuchword"]


def test_archives_that_are_not_here_are_named_in_a_line(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As with a store: a site has a record of its crawl, and no archive beside the list."""
    folder = sites.parent / "archives"
    (folder / "bad.db").unlink()
    chosen = ["--site", "well", "--site", "bad", "--site", "none"]
    line = f"not in this: the archives are not in {folder} (--store reads those of a store)"
    assert run(["fleet", "report", str(sites), *chosen]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("well: 2 articles")
    assert printed.err == f"broadsheet: 1 site is {line}: bad\n"
    for name in ("well", "cut"):
        (folder / f"{name}.db").unlink()
    assert run(["fleet", "report", str(sites)]) == 1
    assert capsys.readouterr().err == f"broadsheet: 3 sites are {line}: well, bad, cut\n"
    assert run(["fleet", "search", "--sites", str(sites), "harbour"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors == [f"broadsheet: 3 sites are {line}: well, bad, cut", "broadsheet: no article matches harbour"]


def test_report_and_search_read_the_archives_of_a_store(
    sites: Path, tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list has a site lamp too, whose archive is in the store alone; that of well beside the list is not read."""
    sites.write_text(sites.read_text() + LIST.format("lamp"))
    make_store(address)
    store = store_at(address)
    run_stored(site_in(store, tmp_path), crawl_of("one", "two"))
    assert run(["fleet", "report", str(sites), "--store", address]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("lamp: 2 articles")
    assert [line for line in printed.out.splitlines() if not line.startswith(" ")] == printed.out.splitlines()[:1]
    assert printed.err == ""
    assert run(["fleet", "search", "--sites", str(sites), "--store", address, "told"]) == 0
    assert capsys.readouterr().out.startswith("2 articles match")
    assert list((tmp_path / "archives/.fleet/copies").rglob("*.warc.gz")) == []
    run_stored(site_in(store, tmp_path), crawl_of("three"))
    assert run(["fleet", "search", "--sites", str(sites), "--store", address, "told"]) == 0
    assert capsys.readouterr().out.startswith("3 articles match")


def test_a_store_that_is_none_is_a_line(sites: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for address, words in (
        (str(tmp_path / "nowhere"), "nowhere is not there; is it mounted?"),
        ("ftp://a/b", "is no address of a store"),
    ):
        assert run(["fleet", "report", str(sites), "--store", address]) == 1
        printed = capsys.readouterr()
        assert words in printed.err
        assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_the_status_of_a_store_is_the_same_with_a_list_and_without_one(
    sites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One site has failed twice, one is running for the second time, one was never crawled; local records count for
    nothing."""
    address = str(tmp_path / "store")
    make_store(address)
    store, turn_at = store_at(address), datetime.now(UTC).isoformat(timespec="seconds")
    words = read_sites(sites, crawl, update).sites
    for name, end in (("well", SiteEnd.DONE), ("bad", SiteEnd.FAILED), ("bad", SiteEnd.FAILED)):
        attempt = SiteAttempt(store, name)
        digest = next(site.words_digest for site in words if site.name == name)
        task = SiteTask(name, Path("a.db"), (), every=86400.0, words_digest=digest, turn_at=turn_at)
        earlier = parse_record(attempt.head.turn)
        result = SiteResult(name, end, 1, Path("a.db"), SiteCounts(articles=3), 75.0, "no article" * (end == "failed"))
        record = next_record(task, result, earlier, "river, process 1")
        attempt.publish(turn=record_values(record), pages=40)
    list_run = ListRun(store, "1/1", "lake, process 2", "elsewhere")
    list_run._change(lambda runs: {"1/1": RunRecord(list_run.id, list_run.owner, "x", utc_now(), ("well",))})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    sites.rename(tmp_path / "other.toml")
    tables = []
    for words_of_list in (["other.toml", "--site", "well", "--site", "bad"], []):
        assert run(["fleet", "status", *words_of_list, "--store", address]) == 0
        tables.append(capsys.readouterr().out)
    without_time = [re.sub(r"in \d+h\d\dm ", "in ", table) for table in tables]  # an hour may end between the two
    assert without_time[0] == without_time[1]
    bad, well = tables[0].splitlines()[1:]
    assert re.fullmatch(
        r"bad +failed +3 +0 +0 +1m +[-\d]+ [:\d]+ +in 1h\d\dm +river, process 1 +no article \(2 times in a row\)", bad
    )
    assert re.fullmatch(r"well +running, 40 pages +3 +0 +0 +1m +[-\d]+ [:\d]+ +in 2\dh\d\dm +lake, process 2 *", well)
    assert run(["fleet", "status", "other.toml", "--store", address, "--json"]) == 0
    values = {site["name"]: site for site in json.loads(capsys.readouterr().out)["sites"]}
    assert (values["none"]["end"], values["none"]["worker"]) == (None, "")
    assert (values["well"]["is_running"], values["well"]["running_pages"]) == (True, 40)
    assert (values["bad"]["failures"], values["bad"]["worker"]) == (2, "river, process 1")
    store.replace_record(head_key("none"), b'{"format": 99}', "")
    assert run(["fleet", "status", "other.toml", "--site", "none", "--store", address]) == 0
    assert re.search(r"none +not readable .*stored by a newer version of Broadsheet", capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.parametrize("address", [S3], indirect=True)
def test_a_bucket_that_cannot_be_read_is_a_line_without_secrets(
    sites: Path, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A site of which the store lost a file costs the others nothing; a bucket that is none, and a server that does not
    answer, are a line each."""
    sites.write_text(sites.read_text() + LIST.format("lamp"))
    make_store(address)
    store = store_at(address)
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    store.delete(read_manifest(store, read_head(store, "lamp").manifest).database.pieces[0].key)
    away = f"http://127.0.0.1:{free_port()}"
    for words, store_address, endpoint in (
        ("lamp: ", address, ""),
        ("there is no such bucket", "s3://nowhere/read", ""),
        ("holds no store", f"s3://{BUCKET}/other", ""),
        ("s3://archives/read", address, away),
    ):
        if endpoint:
            monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        for verb in (["report", str(sites)], ["search", "--sites", str(sites), "told"]):
            assert run(["fleet", *verb, "--store", store_address]) == 1
            printed = capsys.readouterr()
            assert words in printed.err
            assert printed.out == ""
            assert printed.err.count("\n") == 1 + (verb[0] == "search" and words == "lamp: ")
            assert SECRET not in printed.err
