"""`clean … -o --by-site`: records of several files shuffled by host, and each host judged as an archive judges it."""

from __future__ import annotations

import sqlite3

import pandas as pd
import pytest

from broadsheet.crawler.bulk import batch_plan
from broadsheet.crawler.bulk.batch_plan import agreed_plan
from broadsheet.crawler.bulk.batch_task import BulkJob
from broadsheet.crawler.bulk.bulk_run import BulkRun
from broadsheet.crawler.bulk.cleaner import Cleaner
from broadsheet.crawler.bulk.sources import Source, found_sources
from broadsheet.crawler.cli import run
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.fleet.folder_store import FolderStore
from tests.crawler.warcs import answer, record, write

CLEANER = Cleaner()
IMPRINT = "The press of this house stands by the lower mill, and its keeper lives above the ferry stairs."
THINGS = ("lock", "quay", "crane", "ferry", "barge", "sluice", "weir", "jetty", "dock", "buoy", "mole", "slip")


SENTENCES = {
    "www.a.example": "On day {day} the {thing} was moved {feet} feet past the {other} that {number} men mended.",
    "b.example": "Nobody knew, {feet} weeks later, why a {other} had sunk by its {thing} {day} times in year {number}.",
}


def story(number: int, host: str = "www.a.example") -> str:
    thing, other = THINGS[number], THINGS[number - 5]
    words = "".join(
        f"<p>{SENTENCES[host].format(day=feet + number, thing=thing, feet=feet, other=other, number=number)}</p>"
        for feet in range(1, 7)
    )
    return (
        f"<html lang=en><head><title>The {thing} moves</title></head><body><article><h1>The {thing} moves</h1>"
        f"{words}<p>{IMPRINT}</p></article></body></html>"
    )


def two_sites(folder):
    """Two files, each with half of the pages of two hosts, an older capture of one, and what is no page."""
    folder.mkdir()
    files: tuple[list[bytes], list[bytes]] = ([], [])
    for host in SENTENCES:
        for number in range(12):
            files[number % 2].append(record(f"http://{host}/{number}", answer(story(number, host))))
    files[0].append(record("http://a.example/gone", answer("", "410 Gone")))
    files[1].append(record("http://b.example/0", answer(story(3)), at="2001-01-01T00:00:00Z"))
    files[1].append(b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: \r\n\r\nno answer")
    return [write(folder / f"{number}.warc.gz", records) for number, records in enumerate(files)]


def clean(target, *files, is_by_site: bool = True) -> BulkRun:
    found = found_sources([str(file) for file in files], print)
    bulk_run = BulkRun(found, BulkJob(str(target), CLEANER), is_by_site=is_by_site)
    bulk_run.run()
    return bulk_run


def rows(target, name: str, *columns: str) -> set[tuple[object, ...]]:
    return set(pd.read_parquet(target / name)[list(columns)].itertuples(index=False, name=None))


@pytest.mark.slow
def test_texts_and_removed_blocks_are_those_of_an_archive(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_plan, "_LEAST_BYTES", 1000)
    files = two_sites(tmp_path / "in")
    bulk_run = clean(tmp_path / "out", *files)
    assert bulk_run.counts == {
        "done/article": 24, "failed/http_410": 1, "skipped/older": 1, "skipped/no_url": 1,
    }  # fmt: skip
    assert run(["import", "-q", "--lenient", *map(str, files), "--db", str(tmp_path / "x.db")]) == 0
    db = sqlite3.connect(tmp_path / "x.db")
    articles = "SELECT url, title, text, markdown FROM articles"
    assert rows(tmp_path / "out", "pages", "url", "title", "text", "markdown") == set(db.execute(articles))
    removed = set(db.execute("SELECT article_id, position, text, rule FROM removed"))
    assert rows(tmp_path / "out", "removed", "article_id", "position", "text", "rule") == removed
    assert sum(text == IMPRINT for _, _, text, _ in removed) == 24
    clean(tmp_path / "alone", *files, is_by_site=False)
    assert pd.read_parquet(tmp_path / "alone/pages").text.str.contains(IMPRINT).all()
    places = ("source", "record_offset", "record_length")
    assert rows(tmp_path / "out", "records", *places) == rows(tmp_path / "alone", "records", *places)
    assert not list((tmp_path / "out").glob("shuffled/*"))


@pytest.mark.slow
def test_what_is_known_is_left_and_a_changed_file_judges_its_sites_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_plan, "_LEAST_BYTES", 1000)
    first, second = two_sites(tmp_path / "in")
    clean(tmp_path / "out", first, second)
    again = clean(tmp_path / "out", first, second)
    assert (again.files, again.counts.total()) == ({"known": 2}, 27)
    write(second, [record("http://c.example/1", answer(story(1)))])
    assert clean(tmp_path / "out", first, second).counts["done/article"] == 13
    assert {host for (host,) in rows(tmp_path / "out", "pages", "host")} == {"www.a.example", "b.example", "c.example"}


def test_a_folder_is_of_one_kind_and_sites_need_all_their_files(tmp_path):
    store, files = FolderStore(tmp_path), [Source("/a", 9), Source("/b", 9)]
    assert agreed_plan(store, files, is_by_site=True).parts == 1
    with pytest.raises(CommandError, match="was cleaned with --by-site; name another folder"):
        agreed_plan(store, files)
    (tmp_path / "c.warc").touch()
    with pytest.raises(CommandError, match="judged sites by /a too: name it again, or another folder"):
        clean(tmp_path, tmp_path / "c.warc")
    assert run(["clean", str(tmp_path / "c.warc"), "-o", str(tmp_path), "--by-site", "--limit", "1"]) == 2
