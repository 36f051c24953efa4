"""Takedowns: what was stored is gone from the file's bytes, and never comes back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write import takedowns
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.takedowns import (
    archive_backups,
    archive_pattern,
    finish_takedowns,
    is_forgotten,
    note_takedown,
    plan_takedown,
    take_down,
    waiting_takedowns,
)
from broadsheet.output.write.url_queue import PassingReason, Queue
from tests.output.conftest import Maker

HOST = "https://a.example/"
SECRET = "Zanzibarine quillwork was sold under the old viaduct by Perpetua Oakenshaw in nineteen parcels."
EARLIER = "Zanzibarine quillwork had been promised to somebody entirely different, wrote Perpetua Oakenshaw."
COMMON = "The council met in the harbour town and every other story of the week says so in these words."
UNIQUE = (b"Zanzibarine", b"zanzibarin", b"quillwork", b"Perpetua", b"oakenshaw")


def stored(archive: Archive, make: Maker, words: Callable[..., str]) -> None:
    """A story seen twice, its copy, a redirect to it, and another story that shares a block."""
    archive.save([make.outcome(HOST + "secret", EARLIER, COMMON, title="Perpetua Oakenshaw sells")])
    archive.save([make.outcome(HOST + "secret", SECRET, COMMON, title="Perpetua Oakenshaw sold")])
    archive.save([make.outcome(HOST + "print/secret", SECRET, COMMON, title="Perpetua Oakenshaw sold")])
    discovered_urls = (make.discovered(HOST + "old"),)
    archive.save([make.outcome(HOST + "other", words("other"), COMMON, words("end"), discovered_urls=discovered_urls)])
    moved = make.failure(HOST + "old", "redirect")
    archive.save([type(moved)(HOST + "old", "done", "redirect", 301, make.clock(), location=HOST + "secret")])
    settle(archive.db, make.clock)


def raw(file: Path) -> bytes:
    """The bytes of the file and of what SQLite keeps beside it."""
    return b"".join(each.read_bytes() for each in sorted(file.parent.glob(f"{file.name}*")))


def urls(archive: Archive) -> dict[str, tuple[str, str]]:
    rows = archive.db.execute("SELECT url, state, reason FROM urls").fetchall()
    return {url.removeprefix(HOST): (state, reason) for url, state, reason in rows}


def test_nothing_of_it_is_left_in_the_bytes(file, make, words):
    with Archive.open(file, make.clock) as archive:
        stored(archive, make, words)
    assert all(word in raw(file) for word in UNIQUE)
    with Archive.open(file, make.clock) as archive:
        take_down(archive.db, HOST + "secret", "asked by letter", make.clock)
        finish_takedowns(archive.db)
        assert not [word for word in UNIQUE if word in raw(file)]
    assert not [word for word in UNIQUE if word in raw(file)]
    assert COMMON.encode() in raw(file)


def test_a_takedown_is_remembered_with_its_numbers(archive, make, words):
    stored(archive, make, words)
    take_down(archive.db, HOST + "secret", "asked by letter", make.clock)
    row = "SELECT urls, articles, blocks, note FROM takedowns WHERE pattern = ?"
    assert archive.db.execute(row, [HOST + "secret"]).fetchone() == (3, 1, 2, "asked by letter")
    again = take_down(archive.db, HOST + "secret", "", make.clock)
    assert again.is_empty
    finish_takedowns(archive.db)
    assert verify(archive.db) == []
    assert archive.db.execute(row, [HOST + "secret"]).fetchone() == (3, 1, 2, "asked by letter")


def test_a_request_waits_until_it_or_the_same_takedown_has_begun(archive, make, words):
    stored(archive, make, words)
    for path in ("secret", "other"):
        note_takedown(archive.db, HOST + path, path)
    take_down(archive.db, HOST + "secret", "", make.clock)
    assert waiting_takedowns(archive.db) == [(HOST + "other", "other")]
    assert finish_takedowns(archive.db, make.clock) == ""
    assert waiting_takedowns(archive.db) is None
    assert archive.db.execute("SELECT count(*) FROM articles").fetchone() == (0,)


def test_what_matches_is_not_queued_again_whoever_adds_it(archive, make):
    archive.save([make.outcome(HOST + "people/ann", SECRET)])
    take_down(archive.db, HOST + "people/*", "", make.clock)
    ann, *others = (make.discovered(f"{HOST}people/{name}", found_via="seed") for name in ("ann", "bob", "eve"))
    archive.save([make.outcome(HOST, discovered_urls=(ann, others[0]))])
    Queue(archive.db, make.clock).add_seeds([ann, others[1]])
    archive.requeue([PassingReason("skipped", "forgotten")])
    assert {state for url, state in urls(archive).items() if url.startswith("people/")} == {("skipped", "forgotten")}
    assert Queue(archive.db).counts()["queued"] == 0


def test_a_page_that_names_a_forgotten_one_as_its_own_is_not_stored(archive, make):
    archive.save([make.outcome(HOST + "secret", SECRET)])
    take_down(archive.db, HOST + "secret", "", make.clock)
    archive.save([make.outcome(HOST + "amp/secret", SECRET, canonical=HOST + "secret")])
    assert urls(archive)["amp/secret"] == ("skipped", "forgotten")
    assert archive.db.execute("SELECT count(*) FROM pages").fetchone() == (0,)


@pytest.mark.parametrize("is_older", [False, True])
@pytest.mark.parametrize("way", ["redirect", "canonical"])
def test_a_page_that_leads_to_a_forgotten_one_by_now_keeps_its_article_and_brings_nothing(archive, make, way, is_older):
    archive.save([make.outcome(HOST + path, text) for path, text in (("secret", SECRET), ("mill", COMMON))])
    take_down(archive.db, HOST + "secret", "", make.clock)
    if way == "redirect":
        outcome = Outcome(HOST + "mill", "done", "redirect", 301, make.clock(), location=HOST + "secret")
    else:
        outcome = make.outcome(HOST + "mill", SECRET, canonical=HOST + "secret")
    archive.save([replace(outcome, is_older=is_older)])
    settle(archive.db, make.clock)
    assert urls(archive)["mill"] == ("done", "article" if is_older else "redirect")
    assert archive.db.execute("SELECT text FROM articles").fetchall() == [(COMMON,)]
    assert not is_forgotten(archive.db, HOST + "mill")
    assert archive.db.execute("SELECT count(*) FROM captures").fetchone() == (1,)


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        (HOST + "a?b=1", ["a?b=1"]),
        (HOST + "a?*", ["a?b=1"]),
        (HOST + "[x]*", ["[x]y"]),
        ("*/axb*", ["axb=1"]),
        (HOST + "A*", []),
    ],
)
def test_only_the_star_is_a_wildcard(archive, make, pattern, taken):
    for url in ("a?b=1", "axb=1", "[x]y", "xy"):
        archive.save([make.outcome(HOST + url, f"The story of {url}")])
    assert [url.removeprefix(HOST) for url in plan_takedown(archive.db, pattern).urls] == taken


def test_other_addresses_of_what_a_pattern_names_stay_forgotten(archive, make, words):
    stored(archive, make, words)
    take_down(archive.db, HOST + "sec*", "", make.clock)
    rows = dict(archive.db.execute("SELECT pattern, articles FROM takedowns").fetchall())
    assert rows == {HOST + "sec*": 1, HOST + "old": 0, HOST + "print/secret": 0}
    assert all(is_forgotten(archive.db, HOST + path) for path in ("secret", "old", "print/secret"))
    assert not is_forgotten(archive.db, HOST + "other")


def test_an_address_that_an_earlier_version_noted_at_its_url_alone_is_forgotten(archive, make):
    archive.save([make.outcome(HOST + "copy", SECRET)])
    archive.db.execute("UPDATE urls SET state = 'skipped', reason = 'forgotten'")
    assert is_forgotten(archive.db, HOST + "copy")


def test_a_redirect_to_a_front_page_takes_no_front_page_down(archive, make):
    archive.save([make.outcome(HOST)])
    moved = make.failure(HOST + "gone")
    archive.save([type(moved)(HOST + "gone", "done", "redirect", 301, make.clock(), location=HOST)])
    take_down(archive.db, HOST + "gone", "", make.clock)
    assert urls(archive) == {"": ("done", "empty"), "gone": ("skipped", "forgotten")}


def test_the_plan_names_pages_that_keep_its_words_and_changes_nothing(file, make, words):
    with Archive.open(file, make.clock) as archive:
        stored(archive, make, words)
    before = file.read_bytes()
    db = open_database(file, read_only=True)
    assert plan_takedown(db, HOST + "secret").copies == (HOST + "other",)
    assert plan_takedown(db, HOST + "nothing").urls == ()
    db.close()
    assert file.read_bytes() == before


def test_a_url_is_spelled_as_the_archive_spells_it_and_a_pattern_as_it_is():
    assert archive_pattern(" HTTPS://A.example/x#part ") == "https://a.example/x"
    assert archive_pattern("https://A.example/*") == "https://A.example/*"
    assert archive_pattern("no url") == "no url"


def test_backups_beside_an_archive_are_found(tmp_path):
    (tmp_path / "a.db.backup-v1").touch()
    (tmp_path / "b.db.backup-v1").touch()
    assert archive_backups(tmp_path / "a.db") == (str(tmp_path / "a.db.backup-v1"),)


@pytest.mark.parametrize(("length", "count", "listed"), [(79, 2, 0), (80, 2, 2), (80, 20, 20), (80, 21, 20)])
def test_pages_that_keep_eighty_characters_of_it_are_named_twenty_at_most(archive, make, length, count, listed):
    block = "x" * length
    archive.save([make.outcome(HOST + "secret", SECRET, block), make.outcome(HOST + "cut", COMMON, removed=(block,))])
    archive.save([make.outcome(f"{HOST}copy/{number:02}", f"Story {number}", block) for number in range(count)])
    copies = plan_takedown(archive.db, HOST + "secret").copies
    assert copies == tuple(f"{HOST}copy/{number:02}" for number in range(listed))


def test_a_takedown_that_fails_changes_nothing(archive, make, words, monkeypatch):
    archive.keep_raw({"software": "tests"})
    stored(archive, make, words)
    before = "\n".join(archive.db.iterdump())
    monkeypatch.setattr(takedowns, "_record_takedown", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        take_down(archive.db, HOST + "secret", "", make.clock)
    assert "\n".join(archive.db.iterdump()) == before
    assert not archive.db.conn.in_transaction
