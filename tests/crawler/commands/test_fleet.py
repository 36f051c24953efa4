"""`broadsheet fleet`: what its verbs say and do with the archives of a list of sites, here and in a store."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadsheet.crawler.commands import fleet as fleet_verb
from broadsheet.crawler.commands import forget as forget_verb
from broadsheet.crawler.commands.crawl import crawl
from broadsheet.crawler.commands.update import update
from broadsheet.crawler.fleet.fleet_folder import RecordFolder
from broadsheet.crawler.fleet.list_runs import ListRun, RunRecord, read_runs
from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.site_copies import LocalCopy
from broadsheet.crawler.fleet.site_head import SiteAttempt, head_key, read_head
from broadsheet.crawler.fleet.site_records import SiteRecord, digest_of, next_record, parse_record, record_values
from broadsheet.crawler.fleet.site_states import read_manifest
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.sites_file import SiteList, read_sites
from broadsheet.crawler.fleet.store_address import make_store, store_at, store_identity
from broadsheet.crawler.fleet.stored_run import StorePlace, in_hand, run_stored
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.write import takedowns
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.fleet.conftest import S3, free_port
from tests.crawler.fleet.s3_server import BUCKET, SECRET, running_s3_server
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names
from tests.crawler.shell import ACTIVE, rows, start, verb_here

LIST = '[sites.{0}]\nurls = ["https://{0}.example/"]\n'
RIVER = "https://a.example/river"
GARBAGE = b"no database, but some bytes of it" * 9


def listed(folder: Path, *names: str) -> Path:
    """Write a list of sites, the folder of whose archives is beside it."""
    (folder / "archives").mkdir(exist_ok=True)
    (folder / "sites.toml").write_text("".join(map(LIST.format, names)))
    return folder / "sites.toml"


def archive_of(sites: Path, name: str) -> Path:
    return sites.parent / "archives" / f"{name}.db"


@pytest.fixture
def known(tmp_path: Path, db: Path) -> Path:
    """A list of four sites: two that know the river, one of another host, one never crawled."""
    sites = listed(tmp_path, "well", "lake", "lamp", "none")
    for name in ("well", "lake"):
        shutil.copy(db, archive_of(sites, name))
    store_pages(archive_of(sites, "lamp"), ["one", "two"])
    return sites


@pytest.fixture
def ended(tmp_path: Path, db: Path) -> Path:
    """A list of four sites: one well, one failed with a damaged archive, one killed, one never crawled."""
    ends = {"well": SiteEnd.DONE, "bad": SiteEnd.FAILED, "cut": SiteEnd.KILLED}
    sites = listed(tmp_path, *ends, "none")
    for name, end in ends.items():
        counts, said = SiteCounts(new=2, articles=2), "" if name == "well" else "its words"
        result = SiteResult(name, end, 0, archive_of(sites, name), counts, 75.0, said)
        words = digest_of(("--", f"https://{name}.example/"))
        times = ("2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z")
        RecordFolder(tmp_path / "archives").write(SiteRecord(result, *times, words, is_crawled=True))
    for name in ("well", "cut"):
        shutil.copy(db, archive_of(sites, name))
    archive_of(sites, "bad").write_bytes(GARBAGE)
    return sites


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


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """A store with the site lamp."""
    make_store(str(tmp_path / "store"))
    opened = store_at(str(tmp_path / "store"))
    run_stored(site_in(opened, tmp_path), crawl_of("one", "two"))
    return opened


# --- Status, report and search -------------------------------------------------------------------------------------
def test_status_has_a_line_a_site_the_worst_first_and_exact_values_as_json(ended):
    code, out, _ = verb_here("fleet", "status", ended)
    *table, empty, kinds = out.splitlines()
    lines = [line.split() for line in table[1:]]
    assert (empty, kinds) == ("", "4 sites: 1 done, 1 failed, 1 killed, 1 never crawled")
    assert (code, [line[:2] for line in lines]) == (
        0, [["cut", "killed"], ["bad", "failed"], ["well", "done"], ["none", "never"]],
    )  # fmt: skip
    assert lines[2][2:] == ["2", "0", "0", "1m", "2026-01-01", "04:00", "now"]
    values = json.loads(verb_here("fleet", "status", ended, "--json", "--site", "well", "--site", "none")[1])["sites"]
    assert [(site["end"], site["due_at"], site["is_running"]) for site in values] == [
        ("done", "2026-01-02T02:00:00Z", False), (None, None, False),
    ]  # fmt: skip
    assert values[0]["counts"]["articles"] == 2
    with Archive.open(archive_of(ended, "well")):
        well = ("fleet", "status", ended, "--site", "well")
        assert verb_here(*well)[1].splitlines()[1].split()[:4] == ["well", "running,", "2", "pages"]
        assert json.loads(verb_here(*well, "--json")[1])["sites"][0]["is_running"] is True


def test_status_lists_the_fifty_worst_and_counts_the_others(tmp_path):
    sites = "".join(f'[sites.s{number}]\nurls = ["http://s{number}.example/"]\n' for number in range(53))
    (tmp_path / "sites.toml").write_text(f'[defaults]\ncontact = "you@example.org"\n{sites}')
    (_, *lines), every = (verb_here("fleet", "status", tmp_path / "sites.toml", *words)[1].splitlines() for words in
                          ((), ("--all",)))  # fmt: skip
    assert lines[50:] == ["", "53 sites: 53 never crawled", "3 more with --all"]
    assert (len(every), every[-1]) == (56, "53 sites: 53 never crawled")


def test_report_and_search_take_in_every_archive_that_can_be_read(ended):
    code, out, errors = verb_here("fleet", "report", ended)
    assert (code, [line for line in out.splitlines() if not line.startswith(" ")]) == (
        1, [f"{name}: 2 articles; 1 thing needs a look." for name in ("well", "cut")],
    )  # fmt: skip
    assert "    2 of 2 articles are without a date; --since leaves such out" in out.splitlines()
    assert (errors.count("\n"), "bad: " in errors, "is not a SQLite database" in errors) == (1, True, True)
    assert verb_here("fleet", "report", ended, "--site", "well")[0] == 0
    words = ("fleet", "search", "--sites", ended, "harbour", "--site", "well", "--site", "cut")
    hits = verb_here(*words, "--limit", "3")[1].split("\n\n")
    assert hits[0] == "4 articles match; 3 of them (--limit 4 shows all)"
    assert [hit.partition(":")[0] for hit in hits[1:]] == ["well", "cut", "well"], "the best of each site in turn"
    found = json.loads(verb_here(*words, "--json")[1])
    assert (found["count"], [hit["site"] for hit in found["articles"]]) == (4, ["well", "cut", "well", "cut"])
    code, _, errors = verb_here("fleet", "search", "--sites", ended, "nosuchword")
    assert (code, "bad: " in errors.splitlines()[0]) == (1, True)
    assert errors.splitlines()[1:] == ["broadsheet: no article matches nosuchword"]


def test_archives_that_are_not_here_are_named_in_a_line(ended):
    """As with a store: a site has a record of its crawl, and no archive beside the list."""
    archive_of(ended, "bad").unlink()
    chosen = ("--site", "well", "--site", "bad", "--site", "none")
    line = f"not in this: the archives are not in {ended.parent}/archives (--store reads those of a store)"
    code, out, errors = verb_here("fleet", "report", ended, *chosen)
    assert (code, out.startswith("well: 2 articles"), errors) == (0, True, f"broadsheet: 1 site is {line}: bad\n")
    for name in ("well", "cut"):
        archive_of(ended, name).unlink()
    missing = f"broadsheet: 3 sites are {line}: well, bad, cut\n"
    assert verb_here("fleet", "report", ended)[::2] == (1, missing)
    nothing = "broadsheet: no article matches harbour\n"
    assert verb_here("fleet", "search", "--sites", ended, "harbour")[::2] == (1, missing + nothing)


def test_report_and_search_read_the_archives_of_a_store(ended, tmp_path, address):
    """The list has a site lamp too, whose archive is in the store alone; that of well beside the list is not read."""
    ended.write_text(ended.read_text() + LIST.format("lamp"))
    make_store(address)
    store = store_at(address)
    run_stored(site_in(store, tmp_path), crawl_of("one", "two"))
    code, out, errors = verb_here("fleet", "report", ended, "--store", address)
    assert (code, errors, out.startswith("lamp: 2 articles")) == (0, "", True)
    assert [line for line in out.splitlines() if not line.startswith(" ")] == out.splitlines()[:1]
    words = ("fleet", "search", "--sites", ended, "--store", address, "told")
    assert verb_here(*words)[1].startswith("2 articles match")
    assert list((tmp_path / "archives/.fleet/copies").rglob("*.warc.gz")) == []
    run_stored(site_in(store, tmp_path), crawl_of("three"))
    assert verb_here(*words)[1].startswith("3 articles match")


@pytest.mark.parametrize("verb", ["report", "verify"])
@pytest.mark.parametrize(
    ("address", "said"),
    [("nowhere", "nowhere is not there; is it mounted?"), ("ftp://a/b", "is not an address of a store")],
)  # fmt: skip
def test_a_store_that_is_none_is_a_line(known, tmp_path, monkeypatch, verb, address, said):
    monkeypatch.chdir(tmp_path)
    code, out, errors = verb_here("fleet", verb, known, "--store", address)
    assert (code, out, errors.count("\n"), said in errors) == (1, "", 1, True)


def test_the_status_of_a_store_is_the_same_with_a_list_and_without_one(ended, tmp_path, monkeypatch):
    """One site has failed twice, one is running for the second time, one was never crawled; local records count for
    nothing."""
    address = str(tmp_path / "store")
    make_store(address)
    store, turn_at = store_at(address), datetime.now(UTC).isoformat(timespec="seconds")
    digests = {site.name: site.words_digest for site in read_sites(ended, crawl, update).sites}
    for name, end in (("well", SiteEnd.DONE), ("bad", SiteEnd.FAILED), ("bad", SiteEnd.FAILED)):
        attempt = SiteAttempt(store, name)
        task = SiteTask(name, Path("a.db"), (), every=86400.0, words_digest=digests[name], turn_at=turn_at)
        result = SiteResult(name, end, 1, Path("a.db"), SiteCounts(articles=3), 75.0, "no article" * (end == "failed"))
        record = next_record(task, result, parse_record(attempt.head.turn), "river, process 1")
        attempt.publish(turn=record_values(record), pages=40)
    list_run = ListRun(store, "1/1", "lake, process 2", "elsewhere")
    list_run._change(lambda runs: {"1/1": RunRecord(list_run.id, list_run.owner, "x", utc_now(), {"well": 0})})
    monkeypatch.chdir(tmp_path)
    ended.rename(tmp_path / "other.toml")

    def status(*words: str) -> str:
        code, out, _ = verb_here("fleet", "status", *words, "--store", address)
        assert code == 0
        return out

    monkeypatch.setattr("tests.crawler.shell.environment", lambda: {"COLUMNS": "300"})
    tables = [status("other.toml", "--site", "well", "--site", "bad"), status()]
    assert len({re.sub(r"in \d+h\d\dm ", "in ", table) for table in tables}) == 1  # an hour may end between the two
    bad, well = tables[0].splitlines()[1:3]
    assert re.fullmatch(
        r"bad +failed +3 +0 +0 +1m +[-\d]+ [:\d]+ +in 1h\d\dm +river, process 1 +no article \(2 times in a row\)", bad
    )
    assert re.fullmatch(r"well +running, 40 pages +3 +0 +0 +1m +[-\d]+ [:\d]+ +in 2\dh\d\dm +lake, process 2 *", well)
    values = {site["name"]: site for site in json.loads(status("other.toml", "--json"))["sites"]}
    assert (values["none"]["end"], values["none"]["worker"]) == (None, "")
    assert (values["well"]["is_running"], values["well"]["running_pages"]) == (True, 40)
    assert (values["bad"]["failures"], values["bad"]["worker"]) == (2, "river, process 1")
    now = RunRecord(list_run.id, list_run.owner, "x", utc_now(), {"well": 43})
    list_run._change(lambda runs: {"1/1": now})
    assert json.loads(status("--json"))["sites"][1]["running_pages"] == 43, "of the run, newer than the last state"
    lost = RunRecord(list_run.id, list_run.owner, "x", utc_now(), {}, ("well",))
    list_run._change(lambda runs: {"1/1": lost})
    assert read_runs(store) == {"1/1": lost}
    assert status().splitlines()[1].startswith("well  waiting after a loss, 40 pages ")
    assert status().endswith("\n2 sites: 1 failed, 1 waiting after a loss\n")
    assert json.loads(status("--json"))["sites"][0]["is_waiting_after_loss"] is True
    store.replace_record(head_key("none"), b'{"format": 99}', "")
    newer = r"none +not readable .*stored by a newer version of Broadsheet"
    assert re.search(newer, status("other.toml", "--site", "none"))


@pytest.mark.slow
@pytest.mark.parametrize("address", [S3], indirect=True)
def test_a_bucket_that_cannot_be_read_is_a_line_without_secrets(ended, tmp_path, address, monkeypatch):
    """A site of which the store lost a file costs the others nothing; a bucket that is none, and a server that does not
    answer, are a line each."""
    ended.write_text(ended.read_text() + LIST.format("lamp"))
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
        for verb in (("report", ended), ("search", "--sites", ended, "told")):
            code, out, errors = verb_here("fleet", *verb, "--store", store_address)
            assert (code, out, words in errors, SECRET in errors) == (1, "", True, False)
            assert errors.count("\n") == 1 + (verb[0] == "search" and words == "lamp: ")


# --- Verify --------------------------------------------------------------------------------------------------------
def damage(archive: Path) -> None:
    """Make the word count of one article wrong."""
    with closing(sqlite3.connect(archive)) as connection, connection:
        connection.execute("UPDATE articles SET word_count = 5 WHERE url LIKE '%river'")


def test_verify_has_a_line_for_each_problem_and_on_request_for_what_is_in_order(known):
    words = ("fleet", "verify", known)
    assert verb_here(*words) == (0, "", "")
    in_order = "".join(f"{name}: in order: 2 articles\n" for name in ("well", "lake", "lamp"))
    assert verb_here(*words, "-v") == (0, in_order, "")
    part = "lake: in order: 2 articles; of texts and raw responses part 2 of 7\n"
    assert verb_here(*words, "-v", "--sample", "2/7", "--site", "lake") == (0, part, "")
    damage(archive_of(known, "lake"))
    archive_of(known, "none").write_bytes(GARBAGE)
    code, out, errors = verb_here(*words, "-v", "--site", "well", "--site", "lake", "--site", "none")
    assert (code, out.splitlines()[0], errors.count("\n")) == (1, "well: in order: 2 articles", 1)
    assert out.splitlines()[1].startswith("lake: article_digests: articles/word_count row ")
    assert ("none: " in errors, "is not a SQLite database" in errors) == (True, True)
    assert verb_here(*words, "--site", "well") == (0, "", "")
    archive_of(known, "none").unlink()
    code, _, errors = verb_here(*words, "--site", "none")
    assert (code, "1 site is not in this" in errors) == (1, True)
    samples = [verb_here(*words, "--site", "lake", "--sample", f"{number}/3")[0] for number in (1, 2, 3)]
    assert sorted(samples) == [0, 0, 1], "one of the parts finds a problem"


def test_a_store_is_checked_down_to_the_bytes_of_its_warc_files(known, store):
    words = ("fleet", "verify", known, "--store", store.address)
    assert verb_here(*words, "-v")[:2] == (0, "lamp: in order: 2 articles\n")
    (file,) = stored_manifest(store).warc_files
    store.put_bytes(file.pieces[0].key, bytes(file.length))
    code, out, _ = verb_here(*words, "--site", "lamp")
    (line,) = out.splitlines()
    assert (code, line.startswith(f"lamp: store: lamp.db{file.name}: ")) == (1, True)
    assert line.endswith("is not what was brought there")
    samples = [verb_here(*words, "--site", "lamp", "--sample", f"{number}/3")[0] for number in (1, 2, 3)]
    assert sorted(samples) == [0, 0, 1]


# --- Forget --------------------------------------------------------------------------------------------------------
def forget(sites: Path, *words: object) -> tuple[int, str, str]:
    return verb_here("fleet", "forget", "--sites", sites, *words)


def urls(sites: Path, name: str) -> set[str]:
    return {url for (url,) in rows(archive_of(sites, name), "SELECT url FROM articles")}


def test_an_article_is_taken_down_in_each_archive_that_knows_it(known, monkeypatch):
    rewritten, rewrite = [], takedowns._erase_remains
    monkeypatch.setattr(takedowns, "_erase_remains", lambda db: (rewritten.append(1), rewrite(db)))
    before = {name: archive_of(known, name).read_bytes() for name in ("well", "lamp")}
    code, out, _ = forget(known, RIVER, "--dry-run", "--site", "well")
    assert (code, out.startswith(f"well:\n{RIVER}: 1 article, 1 page")) == (0, True)
    assert archive_of(known, "well").read_bytes() == before["well"]
    code, out, _ = forget(known, RIVER, "https://a.example/later/*", "--yes", "--note", "a letter")
    assert (code, out.count("the file is then written anew"), ACTIVE & set(out)) == (0, 2, set())
    for name in ("well", "lake"):
        assert f"\n{name}: forgotten: 1 article, 1 URL\n" in out
        assert urls(known, name) == {"https://a.example/Evil"}
        noted = rows(archive_of(known, name), "SELECT pattern, note FROM takedowns ORDER BY pattern")
        assert noted == [("https://a.example/later/*", "a letter"), (RIVER, "a letter")]
        assert b"river0word1" not in archive_of(known, name).read_bytes()
        assert verb_here("verify", archive_of(known, name))[0] == 0
    assert archive_of(known, "lamp").read_bytes() == before["lamp"]
    assert forget(known, RIVER, "--yes")[:2] == (0, "forgotten already\n")
    assert len(rewritten) == 2
    nobody = f"broadsheet: no archive of {known} knows https://b.example/x\n"
    assert forget(known, "https://b.example/x", "--yes") == (1, "", nobody)


def test_a_site_in_use_is_done_in_its_end_and_one_that_cannot_be_read_costs_the_others_nothing(known):
    with Archive.open(archive_of(known, "well")):
        code, _, errors = forget(known, RIVER, "--yes")
        assert (len(urls(known, "well")), len(urls(known, "lake"))) == (2, 1)
    assert (code, errors.count("\n"), "well: the takedown is noted, and not finished: " in errors) == (75, 1, True)
    assert len(urls(known, "well")) == 1
    assert b"river0word1" not in archive_of(known, "well").read_bytes()
    assert forget(known, RIVER, "--yes")[:2] == (0, "forgotten already\n")
    archive_of(known, "well").write_bytes(GARBAGE)
    code, _, errors = forget(known, "https://a.example/Evil", "--yes")
    assert (code, "well: " in errors, urls(known, "lake")) == (1, True, set())


def test_what_was_killed_before_the_file_was_rewritten_is_done_again(known, monkeypatch):
    """The first archive was finished, the second has the takedown, and its file is as it was."""
    rewritten: list[str] = []
    rewrite = takedowns._erase_remains

    def rewrite_first(db: object) -> None:
        if rewritten:
            raise KeyboardInterrupt
        rewritten.append("well")
        rewrite(db)

    with monkeypatch.context() as patch:
        patch.setattr(takedowns, "_erase_remains", rewrite_first)
        assert forget(known, RIVER, "--yes")[0] == 130
    monkeypatch.setattr(takedowns, "_erase_remains", lambda db: (rewritten.append("again"), rewrite(db)))
    code, out, _ = forget(known, RIVER, "--yes")
    assert (code, out.startswith("lake:\n"), rewritten) == (0, True, ["well", "again", "again"]), "opened, taken down"
    assert forget(known, RIVER, "--yes")[:2] == (0, "forgotten already\n")


def test_in_a_store_a_new_state_takes_the_place_of_the_old_one(known, store, tmp_path):
    assert verb_here("fleet", "report", known, "--store", store.address)[0] == 0  # so that a reader here has a copy
    local = archive_of(known, "lamp").read_bytes()
    words = (f"{HOST}/one", "--store", store.address, "--yes")
    code, out, _ = forget(known, *words)
    assert (code, "lamp: forgotten: 1 article, 1 URL" in out, stored_names(store, tmp_path)) == (0, True, {"two"})
    assert archive_of(known, "lamp").read_bytes() == local
    of_store = [*(tmp_path / "archives/.fleet").rglob("*"), *(tmp_path / "store").rglob("*")]
    files = [path for path in of_store if path.is_file()]
    assert any(path.name == "lamp.db" for path in files)
    assert [path for path in files if b"of one is told here" in path.read_bytes()] == []
    assert forget(known, *words)[:2] == (0, "forgotten already\n")


def test_a_site_that_is_crawled_here_is_left_with_75_and_done_before_its_next_state(known, store, tmp_path):
    copy = LocalCopy(tmp_path / "archives/.fleet/work/lamp", "lamp", store_identity(store))
    with in_hand(copy):
        code, _, errors = forget(known, f"{HOST}/one", "--store", store.address, "--yes")
    assert (code, "lamp is in hand on this machine" in errors) == (75, True)
    assert stored_names(store, tmp_path / "now") == {"one", "two"}
    run_stored(site_in(store, tmp_path), crawl_of("three"))
    assert stored_names(store, tmp_path) == {"two", "three"}


def test_nobody_is_taken_down_by_whom_no_terminal_asks_who_says_no_or_names_no_store(known, store, monkeypatch):
    for words, code in ((("--work", "there"), 2), (("--store", "nowhere"), 1)):
        ended, _, errors = forget(known, RIVER, *words, "--yes")
        assert (ended, errors.count("\n"), Path("nowhere").exists()) == (code, 1, False)
    monkeypatch.setattr(forget_verb, "is_confirmed", lambda: False)
    for more, code in (((), 1), (("--dry-run",), 0)):
        ended, out, errors = forget(known, f"{HOST}/one", "--store", store.address, *more)
        assert (ended, out.startswith("lamp:\n"), errors) == (code, True, "")
    assert stored_names(store, known.parent) == {"one", "two"}


@pytest.mark.slow
def test_without_a_terminal_it_wants_to_be_told(known):
    process = start("fleet", "forget", "--sites", known, RIVER, stdin=-3)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "--yes" in errors, len(urls(known, "well"))) == (2, True, 2)


# --- Run -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def fleet(tmp_path: Path) -> SiteList:
    return SiteList(tmp_path / "sites.toml", tmp_path / "archives", 3, 2, ())


def options(**changes: object) -> dict[str, object]:
    return {"store": None, "scheduler": None, "work": None, "parallel": None, "take_over": None, **changes}


def test_a_store_is_found_on_any_machine_and_one_that_cannot_be_used_is_a_line(fleet, tmp_path):
    asked = options(store=str(tmp_path / "store"), work="$TMPDIR/sites")
    here = fleet_verb.made_store_place(fleet, asked)
    assert (here.per_address, here.address, here.work_folder) == (2, str(tmp_path / "store"), "$TMPDIR/sites")
    assert fleet_verb.made_store_place(fleet, asked) == here
    (tmp_path / "file").write_text("x")
    for address in (str(tmp_path / "file"), "ftp://a/b", str(tmp_path)):
        with pytest.raises(NotReachable, match=r"\A[^\n]+\Z"):
            fleet_verb.made_store_place(fleet, options(store=address))


@pytest.mark.parametrize(
    ("scheduler", "per_address", "take_turns"), [("tcp://a:1", 2, True), ("tcp://a:1", 0, False), (None, 2, False)]
)
def test_sites_of_one_address_take_turns_on_a_cluster_if_it_is_bounded(scheduler, per_address, take_turns, fleet):
    place = StorePlace("/store", "id", "/work", per_address=per_address)
    asked = options(scheduler=scheduler, is_waiting=False, everything=False, quiet=True)
    run = fleet_verb._planned_run(fleet, (), asked, RecordFolder(fleet.folder), place)
    assert (run.addresses is not None) is take_turns


class StoppableRun:
    """A run that warns, and ends when it was stopped as often as it is to be."""

    def __init__(self, stops: int) -> None:
        self.lines: list[str] = []
        self._stops = threading.Semaphore(0)
        self._count = stops

    def stop(self) -> None:
        self._stops.release()

    def run(self) -> None:
        for line in ("the store is away", "the store is away", "it is back", "the store is away"):
            logging.getLogger("broadsheet.crawler.fleet").warning(line)
        self.lines.append("a notice failed")
        for _ in range(self._count):
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)
            assert self._stops.acquire(timeout=20)

    def progress_line(self) -> str:
        return "on its way"


@pytest.mark.parametrize("stops", [0, 1, 2])
def test_warnings_come_as_they_are_and_each_signal_stops_the_run_once(stops, capsys):
    signals = fleet_verb.run_with_progress(StoppableRun(stops), quiet=True)
    lines = capsys.readouterr().err.splitlines()
    told = ["the store is away", "it is back", "the store is away", "a notice failed"]
    assert [line for line in lines if line.startswith("broadsheet: ")] == [f"broadsheet: {text}" for text in told]
    assert signals == [signal.SIGINT] * stops
    said = ["Stopping after the current work; again stops at once.",
            "Stopping now; the next run goes on from here."][:stops]  # fmt: skip
    assert [line for line in lines if not line.startswith("broadsheet: ")] == said
