"""Archives merged: the same as one archive of all, twice as once, and nothing lost on the way."""

import gzip
import random
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from broadsheet.output.archive.archive_errors import InUse, NotReachable
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.rendered_layouts import RenderDecision, RenderedLayout
from broadsheet.output.collections import archive_merge
from broadsheet.output.collections.archive_merge import MergeResult, WarcCopy, file_states
from broadsheet.output.collections.source_archive import MergeConflict, open_source
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.takedowns import take_down
from tests.bench.archives.differences import differences
from tests.internal_tables import BLOCK_TEXTS, URL_PATTERNS, WARC_ERASURES, WARC_FILES
from tests.output.conftest import Maker
from tests.output.merging import merge_archive
from tests.output.wires import make_exchange

HOSTS = ("http://lamp.example", "http://reed.example", "http://sand.example")
PROMO = "Stand with the people who report this: give today."
WORDS = (
    "water grain bridge council night harbour winter school letter train mill orchard river paper glass road".split()
)
# How an archive was made, not what is in it; a text that two hosts have is new to each where they are crawled apart.
OTHERWISE = ("runs", "meta", WARC_FILES)
OTHERWISE_COLUMNS = [(URL_PATTERNS, "articles")]


def story(number: int, host: str = "", edit: str = "") -> list[str]:
    draw = random.Random(f"{number}{host}")
    paragraphs = [" ".join(draw.choices(WORDS, k=30)) + "." for _ in range(4)]
    return [*paragraphs, *([edit] if edit else []), PROMO if number % 2 else f"Edited in {host} by number {number}."]


def with_raw(outcome: Outcome, body: str = "") -> Outcome:
    assert outcome.capture is not None
    return replace(outcome, capture=replace(outcome.capture, raw=make_exchange((body or outcome.url).encode())))


def host_outcomes(make: Maker, host: str, count: int = 9) -> list[Outcome]:
    """Pages of one host: articles, copies on a second URL, texts that other hosts have too, pages that failed.

    A browser rendered some.
    """
    outcomes = []
    for number in range(count):
        url, links = f"{host}/{number}", [make.discovered(f"{host}/waits/{number}")]
        text = story(number, "" if number == 3 else host)
        outcomes.append(with_raw(make.outcome(url, *text, discovered_urls=links, outside_links={"cdn.example": 2})))
        if number % 4 == 1:
            outcomes.append(with_raw(make.outcome(f"{host}/copy/{number}", *text, canonical=url)))
    rendered = RenderedLayout(host.removeprefix("http://"), b"\1\2\3\4", RenderDecision.ALL, rendered=4, gained=3)
    return [replace(outcomes[0], rendered_layout=rendered), *outcomes[1:], make.failure(f"{host}/gone", "http_404")]


def write_archive(path: Path, make: Maker, outcomes: Sequence[Outcome], hosts: Iterable[str] = ()) -> Path:
    with Archive.open(path, make.clock) as archive:
        archive.keep_raw({"software": "test"})
        run = archive.runs.start(f"crawl {' '.join(hosts)}", {}, {})
        archive.save(outcomes)
        settle(archive.db, make.clock)
        archive.runs.finish(run, "finished", "", {})
    return path


def crawled(path: Path, make: Maker, *names: str) -> Path:
    """An archive of stories of the first host, each with its response."""
    stories = [make.outcome(f"{HOSTS[0]}/{name}", *story(number)) for number, name in enumerate(names)]
    return write_archive(path, make, [with_raw(outcome) for outcome in stories])


def merge_all(path: Path, make: Maker, sources: Iterable[Path]) -> list[MergeResult]:
    with Archive.open(path, make.clock) as archive:
        results = [merge_archive(archive.db, source, make.clock) for source in sources]
        settle(archive.db, make.clock)
        assert verify(archive.db) == []
    return results


def rows(path: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    with closing(open_database(path, read_only=True)) as db:
        return db.execute(query, values).fetchall()


def content(path: Path) -> dict[str, list[str]]:
    """All rows of an archive's tables."""
    with closing(open_database(path, read_only=True)) as db:
        names = [name for name in db.table_names() if not name.startswith(("sqlite_", "articles_fts_", "_sqlite"))]
        return {name: sorted(map(repr, db.execute(f"SELECT * FROM {name}").fetchall())) for name in names}


def in_order(path: Path) -> None:
    with closing(open_database(path, read_only=True)) as db:
        assert verify(db) == []


def raw(folder: Path) -> bytes:
    """What the copies of raw files hold."""
    return b"".join(gzip.decompress(path.read_bytes()) for path in folder.glob("all.db*.warc/*.warc.gz"))


def forget(path, make, pattern):
    with Archive.open(path, make.clock) as archive:
        take_down(archive.db, pattern, clock=make.clock)


@pytest.fixture
def shards(tmp_path, make):
    return [
        write_archive(tmp_path / f"shard{number}.db", make, host_outcomes(make, host), [host])
        for number, host in enumerate(HOSTS)
    ]


def differing(first: Path, second: Path) -> list[tuple[object, ...]]:
    """What two archives hold otherwise, but for how they were made; a few examples."""
    wanted = [
        (d.relation, d.row, d.column, d.old, d.new)
        for d in differences(first, second)
        if d.relation not in OTHERWISE and (d.relation, d.column) not in OTHERWISE_COLUMNS
    ]
    return wanted[:9]


@pytest.mark.slow
def test_archives_of_a_host_each_merge_to_the_archive_of_all_in_any_order_and_twice(tmp_path, shards, make):
    make.clock.seconds = 0
    whole = write_archive(tmp_path / "whole.db", make, [o for host in HOSTS for o in host_outcomes(make, host)])
    merged, other = tmp_path / "all.db", tmp_path / "other.db"
    assert all(result.has_changed for result in merge_all(merged, make, shards))
    assert differing(whole, merged) == []
    merge_all(other, make, reversed(shards))
    assert differing(merged, other) == []
    before = content(merged)
    assert not any(result.has_changed for result in merge_all(merged, make, reversed(shards)))
    assert content(merged) == before


@pytest.mark.slow
def test_an_archive_that_grew_brings_what_is_new_with_its_edits(tmp_path, shards, make):
    merged, shard, host = tmp_path / "all.db", shards[0], HOSTS[0]
    merge_all(merged, make, shards)
    edited = make.outcome(f"{host}/2", *story(2, host, "Correction: the bridge has two arches."))
    write_archive(shard, make, [with_raw(edited), with_raw(make.outcome(f"{host}/new", *story(40, host)))], ["again"])
    (result,) = merge_all(merged, make, [shard])
    assert (result.new_urls, result.stored_pages) == (1, 2)
    in_order(merged)
    merge_all(tmp_path / "at_once.db", make, shards)
    ways_there = ("changes", "edits", "sqlite_sequence")  # it was here before it was edited
    assert [row for row in differing(tmp_path / "at_once.db", merged) if row[0] not in ways_there] == []
    query = "SELECT number, change FROM revisions JOIN articles ON id = article_id WHERE url = ? ORDER BY 1"
    assert rows(merged, query, f"{host}/2") == [(1, "first"), (2, "correction")]
    assert rows(merged, "SELECT kind, revision FROM changes WHERE kind <> ''") == [("correction", 2)]


@pytest.mark.slow
def test_each_raw_record_is_found_under_a_name_of_its_own(tmp_path, make):
    sources = []
    for number, host in enumerate(HOSTS[:2]):
        make.clock.seconds = 0  # two machines that begin in the same second, and name their files alike
        folder = tmp_path / str(number)
        folder.mkdir()
        sources.append(write_archive(folder / "news.db", make, host_outcomes(make, host), ["same"]))
    assert len({path.name for source in sources for path in source.parent.glob("news.db.warc/*.warc.gz")}) == 1
    merge_all(tmp_path / "all.db", make, sources)
    assert len(list((tmp_path / "all.db.merged.warc").glob("*.warc.gz"))) == 2
    in_order(tmp_path / "all.db")
    assert rows(tmp_path / "all.db", "SELECT count(*) FROM runs") == [(2,)]


@pytest.mark.slow
def test_a_crawl_into_a_merged_archive_leaves_the_copies_alone(tmp_path, shards, make):
    merged = tmp_path / "all.db"
    merge_all(merged, make, shards)
    sizes = {path: path.stat().st_size for path in (tmp_path / "all.db.merged.warc").glob("*.warc.gz")}
    write_archive(merged, make, [with_raw(make.outcome(f"{HOSTS[1]}/later", *story(50)))])
    assert {path: path.stat().st_size for path in sizes} == sizes
    merge_all(merged, make, shards)


@pytest.mark.slow
def test_takedowns_of_either_hold_in_both(tmp_path, shards, make):
    merged, gone_there, gone_here = tmp_path / "all.db", f"{HOSTS[0]}/2", f"{HOSTS[1]}/2"
    merge_all(merged, make, shards)
    forget(shards[0], make, gone_there)
    forget(merged, make, gone_here)
    merge_all(merged, make, shards)
    before = content(merged)
    merge_all(merged, make, shards)
    assert content(merged) == before
    assert {row[1] for row in map(eval, before["takedowns"])} == {gone_there, gone_here}
    assert not [row for table in ("articles", "captures") for row in before[table]
                if f"{gone_there}'" in row or f"{gone_here}'" in row]  # fmt: skip
    in_order(merged)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_takedown_does_not_follow_a_redirect_that_only_the_other_archive_has(tmp_path, make, is_there):
    tower, ferry = f"{HOSTS[0]}/tower", f"{HOSTS[0]}/ferry"
    moved, forgotten = tmp_path / "moved.db", tmp_path / "forgotten.db"
    with Archive.open(moved, make.clock) as archive:
        archive.save([make.outcome(tower, "The tower was painted green.", discovered_urls=(make.discovered(ferry),))])
        archive.save([Outcome(ferry, "done", "redirect", 301, make.clock(), location=tower)])
    with Archive.open(forgotten, make.clock) as archive:
        archive.save([make.outcome(ferry, "The ferry was sold.")])
    forget(forgotten, make, ferry)
    target, source = (moved, forgotten) if is_there else (forgotten, moved)
    with Archive.open(target, make.clock) as archive:
        merge_archive(archive.db, source, make.clock)
        assert archive.db.execute("SELECT url FROM articles").fetchall() == [(tower,)]
        assert archive.db.execute("SELECT pattern FROM takedowns").fetchall() == [(ferry,)]


@pytest.mark.slow
def test_a_number_that_stands_for_two_texts_is_refused_and_nothing_is_changed(tmp_path, shards, make):
    merged = tmp_path / "all.db"
    merge_all(merged, make, shards[:1])
    with Archive.open(merged, make.clock) as archive:
        (number,) = archive.db.execute(f"SELECT id FROM {BLOCK_TEXTS} WHERE text = ?", [PROMO]).fetchone()
        archive.db.execute(f"UPDATE {BLOCK_TEXTS} SET text = 'Another text.' WHERE id = ?", [number])
        archive.db.conn.commit()
    before = content(merged)
    with pytest.raises(
        MergeConflict, match=f"block {number} is “Stand with .*” there and “Another text.” here"
    ) as caught:
        merge_all(merged, make, [shards[1]])
    assert "\n" not in str(caught.value)
    assert content(merged) == before


def test_a_record_with_other_bytes_is_refused(tmp_path, shards, make):
    merged = tmp_path / "all.db"
    merge_all(merged, make, shards[:1])
    query = "SELECT warc_offset, warc_length FROM captures ORDER BY warc_offset DESC LIMIT 1"
    [(offset, length)] = rows(merged, query)
    (original,) = (tmp_path / "shard0.db.warc").glob("*.warc.gz")
    data = bytearray(original.read_bytes())
    data[offset + length // 2] ^= 1
    original.write_bytes(data)
    with pytest.raises(MergeConflict, match="differ in the record of"):
        merge_all(merged, make, shards[:1])


def count_comparisons(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the records that are read to be compared, from now on."""
    lengths: list[int] = []
    read = archive_merge._span

    def read_and_note(stream: BinaryIO, offset: int, length: int) -> bytes:
        lengths.append(length)
        return read(stream, offset, length)

    monkeypatch.setattr(archive_merge, "_span", read_and_note)
    return lengths


@pytest.mark.slow
def test_what_is_as_it_was_is_not_compared_again(tmp_path, shards, make, monkeypatch):
    merged, lengths = tmp_path / "all.db", count_comparisons(monkeypatch)
    merge_all(merged, make, shards)
    assert not any(result.has_changed for result in merge_all(merged, make, shards))
    assert lengths == []
    for name in ("all.db.merged.warc", "shard0.db.warc"):  # whichever side was touched
        (touched, *_) = sorted((tmp_path / name).glob("*.warc.gz"))
        touched.touch()
        merge_all(merged, make, shards)
        assert len(lengths) > 10
        lengths.clear()


def test_an_archive_in_use_or_missing_or_itself_is_refused(tmp_path, make):
    with Archive.open(tmp_path / "all.db", make.clock) as archive:
        with Archive.open(tmp_path / "a.db", make.clock), pytest.raises(InUse):
            merge_archive(archive.db, tmp_path / "a.db")
        with pytest.raises(NotReachable, match="does not exist"):
            merge_archive(archive.db, tmp_path / "no.db")
        with pytest.raises(MergeConflict, match="itself"):
            merge_archive(archive.db, tmp_path / "all.db")


def test_a_raw_file_that_is_gone_is_refused_before_anything_is_changed(tmp_path, shards, make):
    (original,) = (tmp_path / "shard1.db.warc").glob("*.warc.gz")
    original.unlink()
    with pytest.raises(MergeConflict, match="missing or shorter"):
        merge_all(tmp_path / "all.db", make, [shards[1]])
    assert rows(tmp_path / "all.db", "SELECT count(*) FROM urls") == [(0,)]


def test_a_renamed_copy_brings_no_record_that_a_takedown_would_miss(tmp_path, make):
    gone, stays = f"{HOSTS[0]}/gone", f"{HOSTS[0]}/stays"
    target = crawled(tmp_path / "all.db", make, "gone", "stays")
    copy = Path(shutil.copy(target, tmp_path / "copy.db"))
    shutil.copytree(tmp_path / "all.db.warc", tmp_path / "copy.db.warc")
    write_archive(copy, make, [with_raw(make.outcome(f"{HOSTS[0]}/new", *story(9)))])
    merge_all(target, make, [copy])
    forget(target, make, gone)
    in_order(target)
    assert [url.encode() in raw(tmp_path) for url in (gone, stays, f"{HOSTS[0]}/new")] == [False, True, True]
    in_order(copy)


def test_two_states_of_one_archive_have_their_raw_responses_once(tmp_path, make):
    host = HOSTS[0]
    (tmp_path / "base").mkdir()
    base = write_archive(tmp_path / "base" / "site.db", make, host_outcomes(make, host))
    shutil.copytree(tmp_path / "base", tmp_path / "later")
    later = tmp_path / "later" / "site.db"
    forget(later, make, f"{host}/0")
    merge_all(base, make, [later])
    assert not list((tmp_path / "base").rglob("*.merged.warc"))
    in_order(base)


@pytest.mark.parametrize("is_imported_first", [True, False])
def test_a_record_that_the_target_has_from_an_imported_file_too_is_its_own(tmp_path, make, is_imported_first):
    url, target = f"{HOSTS[0]}/1", tmp_path / "all.db"
    own = crawled(tmp_path / "crawled.db", make, "1")
    imported = Path(shutil.copy(own, tmp_path / "imported.db"))
    with closing(sqlite3.connect(imported)) as db, db:
        db.execute(f"DELETE FROM {WARC_FILES}")
        db.execute("UPDATE captures SET warc_file = 'crawled.db' || warc_file")
    merge_all(target, make, [imported, own] if is_imported_first else [own, imported])
    forget(target, make, url)
    assert url.encode() not in raw(tmp_path)
    in_order(target)


def test_a_takedown_that_waits_for_its_file_is_carried_out_in_the_copy(tmp_path, make):
    gone, stays = (f"{HOSTS[0]}/{name}" for name in ("gone", "stays"))
    source = crawled(tmp_path / "a.db", make, "gone", "stays")
    folder = (tmp_path / "a.db.warc").rename(tmp_path / "elsewhere")
    forget(source, make, gone)
    folder.rename(tmp_path / "a.db.warc")
    merge_all(tmp_path / "all.db", make, [source])
    assert [url.encode() in raw(tmp_path) for url in (gone, stays)] == [False, True]
    in_order(tmp_path / "all.db")


def test_a_copy_that_notes_erasures_without_a_takedown_erases_nothing_here(tmp_path, make):
    target = crawled(tmp_path / "news.db", make, "0", "1")
    folder = tmp_path / "hostile"
    folder.mkdir()
    hostile = Path(shutil.copy(target, folder / "news.db"))
    shutil.copytree(tmp_path / "news.db.warc", folder / "news.db.warc")
    with closing(sqlite3.connect(hostile)) as connection, connection:
        connection.execute(f"INSERT INTO {WARC_ERASURES} SELECT name, 0, length FROM {WARC_FILES}")
    before = {path: path.read_bytes() for path in (tmp_path / "news.db.warc").glob("*.warc.gz")}
    merge_all(target, make, [hostile])
    assert {path: path.read_bytes() for path in before} == before
    in_order(target)


@pytest.mark.parametrize("place", range(4))
def test_each_count_of_a_merge_tells_that_something_changed(place):
    assert MergeResult(Path(), *(int(n == place) for n in range(4))).has_changed


def test_files_are_known_by_their_sizes_and_times_and_missing_ones_by_none(tmp_path, make):
    source = crawled(tmp_path / "a.db", make, "1")
    (file,) = tmp_path.glob("a.db.warc/*.warc.gz")
    copy = WarcCopy(f".warc/{file.name}", ".warc/none.warc.gz", 0, 9, "2026")
    with Archive.open(tmp_path / "b.db", make.clock) as archive, open_source(source) as opened:
        state = file.stat()
        assert file_states(archive.db, opened, [copy]) == {copy.target_name: [state.st_size, state.st_mtime_ns, -1, -1]}


def test_a_file_that_grew_is_copied_from_its_last_committed_byte_on(tmp_path, make):
    source, merged = tmp_path / "a.db", tmp_path / "all.db"
    sizes, copied = [], []
    for number in range(2):
        crawled(source, make, f"{number}")
        (original,) = tmp_path.glob("a.db.warc/*.warc.gz")
        sizes.append(original.stat().st_size)
        copied += [result.copied_bytes for result in merge_all(merged, make, [source])]
        (copy,) = tmp_path.glob("all.db.merged.warc/*.warc.gz")
        assert copy.read_bytes() == original.read_bytes()
        with copy.open("ab") as stream:
            stream.write(b"half a record of a merge that was killed" * 99)
    assert copied == [sizes[0], sizes[1] - sizes[0]]


def test_what_was_taken_down_there_is_nowhere_in_this_file(tmp_path, make):
    gone, text = f"{HOSTS[0]}/gone", "Nobody should read this again."
    paths = [write_archive(tmp_path / f"{n}.db", make, [make.outcome(gone, text)]) for n in range(2)]
    with Archive.open(paths[0], make.clock) as archive:
        take_down(archive.db, gone, clock=make.clock)
    with Archive.open(paths[1], make.clock) as archive:
        archive.db.execute("PRAGMA secure_delete = OFF")
        assert merge_archive(archive.db, paths[0], make.clock).takedowns == 1
        assert text.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("1.db*") if path.is_file())


@pytest.mark.parametrize("canonical", ["", f"{HOSTS[0]}/gone"])
def test_a_page_that_names_what_was_taken_down_here_as_its_own_stays_out(tmp_path, make, canonical):
    source = write_archive(tmp_path / "a.db", make, [make.outcome(f"{HOSTS[0]}/copy", *story(1), canonical=canonical)])
    with Archive.open(tmp_path / "all.db", make.clock) as archive:
        take_down(archive.db, f"{HOSTS[0]}/gone", clock=make.clock)
        assert merge_archive(archive.db, source, make.clock).stored_pages == (not canonical)


def test_a_record_that_another_capture_refers_to_comes_in_and_is_taken_down_again(tmp_path, make):
    """The other capture has the response then; the time of the takedown is the merge's."""
    gone, stays = f"{HOSTS[0]}/gone", f"{HOSTS[0]}/stays"
    outcomes = [with_raw(make.outcome(url, *story(1)), "the same response") for url in (gone, stays)]
    source = write_archive(tmp_path / "a.db", make, outcomes)
    with Archive.open(source) as archive:
        assert archive.db.execute("SELECT count(refers_to) FROM captures").fetchone() == (1,)
    with Archive.open(tmp_path / "all.db", make.clock) as archive:
        take_down(archive.db, gone, clock=make.clock)
        merge_archive(archive.db, source, lambda: "2031-01-01T00:00:00Z")
        assert archive.db.execute("SELECT url, refers_to FROM captures").fetchall() == [(stays, None)]
        assert archive.db.execute("SELECT at FROM takedowns").fetchall() == [("2031-01-01T00:00:00Z",)]
    in_order(tmp_path / "all.db")


@pytest.mark.parametrize(
    ("ours", "theirs", "kept"), [("ours", "theirs", "theirs"), ("ours", None, "ours"), ("", "theirs", "theirs")]
)
def test_what_a_user_noted_comes_along_and_stays_where_the_other_noted_nothing(tmp_path, make, ours, theirs, kept):
    """Without a note of ours our archive has no column for it either."""
    paths = [write_archive(tmp_path / f"{n}.db", make, [make.outcome(f"{HOSTS[0]}/1", *story(n))]) for n in range(2)]
    for path, note in zip(paths, (ours, theirs), strict=True):
        if note != "":
            with Archive.open(path, make.clock) as archive:
                archive.db.execute("ALTER TABLE articles ADD COLUMN note TEXT")
                archive.db.execute("UPDATE articles SET note = ?", [note])
                archive.db.conn.commit()
    merge_all(paths[0], make, paths[1:])
    assert rows(paths[0], "SELECT note FROM articles") == [(kept,)]


def test_a_page_without_its_capture_was_seen_when_its_article_was(tmp_path, make):
    source = write_archive(tmp_path / "a.db", make, [make.outcome(f"{HOSTS[0]}/1", *story(1))])
    seen = "SELECT first_seen, last_seen FROM articles"
    with Archive.open(source, make.clock) as archive:
        archive.db.execute("UPDATE pages SET capture_id = NULL")
        archive.db.conn.commit()
        stored = archive.db.execute(seen).fetchall()
    merge_all(tmp_path / "all.db", make, [source])
    assert rows(tmp_path / "all.db", seen) == stored


@pytest.mark.parametrize(
    ("step", "stored"),
    [
        ("note_forgotten", "captures"),
        ("merge_pages", "urls WHERE state = 'done'"),
        ("merge_pictures", "changes WHERE kind <> ''"),
    ],
)
def test_a_step_of_a_merge_is_stored_whole_or_not_at_all(tmp_path, make, monkeypatch, step, stored):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    source = write_archive(tmp_path / "a.db", make, [make.outcome(f"{HOSTS[0]}/1", *story(1))])
    with Archive.open(source) as archive:
        archive.db.execute("UPDATE changes SET kind = 'correction'")
        assert archive.db.execute(f"SELECT count(*) FROM {stored}").fetchone() == (1,)
    monkeypatch.setattr(archive_merge, step, stop)
    with Archive.open(tmp_path / "all.db", make.clock) as archive:
        with pytest.raises(KeyboardInterrupt):
            merge_archive(archive.db, source, make.clock)
        assert archive.db.execute(f"SELECT count(*) FROM {stored}").fetchone() == (0,)


def test_what_a_pattern_took_down_does_not_come_in_under_another_address(tmp_path, make):
    copy = f"{HOSTS[0]}/news/copy"
    paths = [write_archive(tmp_path / f"{n}.db", make, [make.outcome(copy, *story(1))]) for n in range(2)]
    with Archive.open(paths[0], make.clock) as archive:
        moved = make.failure(f"{HOSTS[0]}/people/a")
        archive.save([replace(moved, state="done", reason="redirect", location=copy)])
        take_down(archive.db, f"{HOSTS[0]}/people/*", clock=make.clock)
    merge_all(tmp_path / "all.db", make, paths)
    assert not content(tmp_path / "all.db")["articles"]
