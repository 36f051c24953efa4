"""All rows of an archive in which each kind of row stands, and what each kind of write changes of them."""

import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.document import UrlSource
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.archive.pictures import Picture, put_picture
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind, UrlState
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling, sample_effect
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.person_verdicts import Review, Ruling, drop_review, store_review
from broadsheet.output.write.revisit_schedule import (
    RevisitPolicy,
    UpdateRun,
    conditional_headers,
    foresee_visits,
    queue_announced,
)
from broadsheet.output.write.run_records import (
    ImportedFile,
    crawl_options,
    existing_capture_id,
    imported_records,
    is_imported,
    latest_site_rules,
    note_import,
    queue_unfetched,
    record_positions,
    stated_fields,
    stored_page,
    stored_robots,
    stored_url,
)
from broadsheet.output.write.takedowns import plan_takedown, take_down
from broadsheet.output.write.url_queue import PassingReason, Queue, give_up_host, queue_left_out
from tests.internal_tables import labelled, named
from tests.output.conftest import Maker
from tests.output.filled_rows import rows, tables
from tests.output.harbour import (
    FERRY,
    HARBOUR,
    OTHER,
    SHARE,
    SITE,
    Tides,
    fill_harbour,
    rich_article,
    sent,
    settled_facts,
)
from tests.output.illustrated import MILL, RIVER
from tests.output.told import as_json, expected, folded, sections, told, unpacked

FILE, TABLES_FILE = (Path(__file__).with_name(f"whole_{name}.txt") for name in ("changes", "tables"))
NAMES = """SELECT name FROM sqlite_master WHERE (type = 'table' OR type = 'view' AND substr(name, 1, 1) <> '_')
    AND name NOT LIKE 'sqlite%' AND name NOT LIKE '_sqlite%' AND name NOT LIKE 'articles_fts%'
    AND name <> 'dictionary'"""
ONE = article_id(f"{SITE}/1")
LATER = "2026-01-20T00:00:00Z"


def take(archive: Archive, make: Maker, pattern: str) -> list[object]:
    return [plan_takedown(archive.db, pattern), take_down(archive.db, pattern, "", make.clock).is_empty]


def rule(archive: Archive, make: Maker, text: str, *scope: Any, undo: bool = False) -> list[object]:
    ruling = Ruling(block_id(text), *scope, ruled_at=make.clock(), note="a note" if undo else "")
    return [sample_effect(archive.db, ruling, undo=undo), carry_out_ruling(archive.db, ruling, undo=undo)]


def save(archive: Archive, make: Maker, *outcomes: Outcome) -> list[object]:
    archive.keep_raw({"software": "later tests"})
    archive.save(outcomes)
    settle(archive.db, make.clock)
    return [archive.raw_bytes > 0, dict(archive.take_given_up())]


def revisit(archive: Archive, make: Maker, policy: RevisitPolicy, **options: bool) -> list[object]:
    update = UpdateRun(policy, make.clock(), lambda url, depth: "long" not in url and depth < 2, **options)
    found = [
        DiscoveredUrl(f"{SITE}/3", "a.example", found_via=UrlSource.SITEMAP, lastmod="2026-01-19"),
        DiscoveredUrl(f"{SITE}/1", "a.example", found_via=UrlSource.SITEMAP, lastmod="2026-01-07"),
        DiscoveredUrl(f"{OTHER}/free", "b.example", found_via=UrlSource.REDIRECT),
        DiscoveredUrl(f"{OTHER}/wall", "b.example"),
    ]
    return [archive.queue_revisits(update), queue_announced(archive.db, found, update, LATER)]


def requeue(archive: Archive, *reasons: PassingReason) -> list[object]:
    return [archive.requeue(reasons), archive.requeuer.has_more, Queue(archive.db).counts()]


def review(archive: Archive, make: Maker) -> list[object]:
    again = Review(f"{SITE}/2", "c.example", None, False, "list", "a rule", True, make.clock(), "18")
    new = replace(again, block_id=block_id(FERRY), url=f"{SITE}/3")
    store_review(archive.db, again)
    store_review(archive.db, new)
    drop_review(archive.db, replace(again, url=f"{SITE}/1", block_id=block_id(HARBOUR[0])))
    return []


def imports(archive: Archive, make: Maker) -> list[object]:
    file, options = ImportedFile("old.warc", 10, "18"), {"seeds": ["x"]}
    note_import(archive.db, file, options, make.clock(), {"response": 3})
    others = (replace(file, size=9), replace(file, modified_ns="17"), replace(file, name="new.warc"))
    archive.db.execute("UPDATE urls SET reason = 'not_in_archive', depth = id WHERE state = 'skipped'")
    for kind in ("picture", "page", "feed", "sitemap"):
        values = [f"{SITE}/waiting.{kind}", kind]
        archive.db.execute(
            "INSERT INTO urls (url, host, kind, state, reason, found_via, first_seen, depth) VALUES"
            " (?, 'harbour.example', ?, 'skipped', 'not_in_archive', 'link', '2026-01-01', 1)",
            values,
        )
    archive.db.conn.commit()
    return [
        imported_records(archive.db, file, options), is_imported(archive.db, file, {}),
        *(is_imported(archive.db, other, options) for other in others),
        queue_unfetched(archive.db, lambda url, depth: "waiting" in url or depth == 9),
    ]  # fmt: skip


def records(archive: Archive, _: Maker) -> list[object]:
    db, at = archive.db, "2026-01-02T00:00:00Z"
    capture = Capture(f"{SITE}/3", "2026-01-03T02:00:00Z", 200, payload_digest="sha256:2026-01-03T02:00:00Z")
    return [
        *(stored_url(db, url) for url in (f"{SITE}/1", f"{SITE}/gone", "x")),
        *(stored_page(db, url) for url in (f"{SITE}/1", f"{OTHER}/wall", "x")),
        *(stated_fields(db, url, at) for url in (f"{SITE}/1", f"{OTHER}/none", "x")),
        *(stored_robots(db, "a.example", time) for time in ("2026-01-01T15:00:00Z", at, "2025")),
        existing_capture_id(db, capture), existing_capture_id(db, replace(capture, payload_digest="x")),
        len(list(record_positions(db))), crawl_options(db), latest_site_rules(db),
        foresee_visits(db, LATER), foresee_visits(db, "2026-01-09T00:00:00Z"),
        *(conditional_headers(db, number, url) for number, url in ((4, f"{SITE}/1"), (3, f"{SITE}/sitemap.xml"))),
    ]  # fmt: skip


def picture(archive: Archive, make: Maker) -> list[object]:
    put_picture(archive.db, 20, 317259727474129, Picture("d", "image/gif", 1, 2, 3))
    archive.db.execute("DELETE FROM urls WHERE url = ?", [RIVER])
    archive.db.execute("UPDATE captures SET directives = '[\"noimageai\"]' WHERE url = ?", [f"{SITE}/1"])
    archive.db.conn.commit()
    return [archive.queue_pictures(obeys_directives=True), archive.queue_pictures(obeys_directives=False),
            archive.pictures_at_hand(obeys_directives=False)]  # fmt: skip


def give_up(archive: Archive, make: Maker) -> list[object]:
    named = tuple(make.discovered(f"{OTHER}/{name}") for name in ("x", "y"))
    archive.save([replace(make.outcome(f"{OTHER}/near", "Another text."), discovered_urls=named)])
    failure = replace(make.failure(f"{OTHER}/x", "host_failing:timeout"), given_up_host="b.example")
    archive.save([failure])
    given_up = dict(archive.take_given_up())
    with write_transaction(archive.db):
        return [given_up, dict(give_up_host(archive.db, "a.example", UrlState.FAILED, "dns", 1))]  # type: ignore[arg-type]


def edited(make: Maker) -> list[Outcome]:
    """A story that is edited, one that comes back, one that is a copy by now, a page of a list in place of a story."""
    return [
        sent(
            rich_article(make, HARBOUR[0], "Eleven boats lie in the yard.", "And a correction.", title="Still closed")
        ),
        sent(make.outcome(f"{SITE}/2", "Water ran short.", removed=(SHARE,), title="Deux")),
        sent(make.outcome(f"{OTHER}/js", "First words", "and more of them", canonical=f"{OTHER}/free", title="Free")),
        sent(make.outcome(f"{SITE}/3", page_type="list", title="All ferries")),
        replace(make.failure(f"{OTHER}/copy", "http_404"), http_status=404),
    ]


CHANGE: dict[str, Callable[[Archive, Maker], list[object]]] = {
    "takedown of a URL": lambda archive, make: take(archive, make, f"{SITE}/1"),
    "takedown of a pattern": lambda archive, make: take(archive, make, f"{SITE}/l*"),
    "takedown of a redirect": lambda archive, make: take(archive, make, f"{SITE}/old"),
    "takedown of a copy": lambda archive, make: take(archive, make, f"{OTHER}/same"),
    "takedown of a picture": lambda archive, make: take(archive, make, MILL),
    "takedown of nothing": lambda archive, make: take(archive, make, "https://c.example/*"),
    "ruling on a host": lambda archive, make: rule(archive, make, SHARE, True, None, "a.example"),
    "ruling everywhere": lambda archive, make: rule(archive, make, HARBOUR[0], False),
    "ruling in an article": lambda archive, make: rule(archive, make, "What comes next", False, ONE),
    "ruling taken back": lambda archive, make: rule(archive, make, FERRY, False, None, "a.example", undo=True),
    "ruling turned round": lambda archive, make: rule(archive, make, FERRY, True, None, "a.example"),
    "edited pages": lambda archive, make: save(archive, make, *edited(make)),
    "reviews": review,
    "imports": imports,
    "records": records,
    "pictures": picture,
    "given up": give_up,
    "revisits of all": lambda archive, make: revisit(archive, make, RevisitPolicy(revisit_all=True)),
    "revisits after thirty days": lambda archive, make: revisit(archive, make, RevisitPolicy(30 * 86_400)),
    "revisits of lists too after thirty days": lambda archive, make: revisit(
        archive, make, RevisitPolicy(30 * 86_400), listings_always_due=False
    ),
    "requeued": lambda archive, _: requeue(
        archive, PassingReason(UrlState.FAILED, "host_unreachable:"), PassingReason(UrlState.SKIPPED, "limit"),  # type: ignore[arg-type]
        PassingReason(UrlState.FAILED, "http_404", 8000),  # type: ignore[arg-type]
    ),
    "left out": lambda archive, _: [
        queue_left_out(archive.db, [OutcomeReason.LIMIT, OutcomeReason.ROBOTS_TXT], lambda url: url.depth == 1),
        queue_left_out(archive.db, [], lambda _: True),
    ],
    "skipped": lambda archive, make: [
        *revisit(archive, make, RevisitPolicy(revisit_all=True)), archive.skip_queued(OutcomeReason.LIMIT),
    ],
    "older capture": lambda archive, make: save(
        archive, make, replace(sent(make.outcome(f"{SITE}/1", "An older text.")), is_older=True),
        replace(make.outcome(f"{SITE}/new.xml"), reason=OutcomeReason.SITEMAP, page=None, kind=UrlKind.SITEMAP),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def harbour(tmp_path_factory):
    folder = tmp_path_factory.mktemp("harbour")
    fill_harbour(folder / "ebb.db")
    return folder


Dump = dict[tuple[object, ...], dict[str, Any]]
"""Rows by table and primary key."""


def dump(db: Database) -> Dump:
    rows_by_key: Dump = {}
    for table in tables(db):
        keys = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[5]]
        for row in unpacked(rows(db, table)):
            key = tuple(row[name] for name in keys) or (as_json(row),)
            rows_by_key[labelled(table), *key] = row
    return rows_by_key


def differences(before: Dump, after: Dump) -> Iterator[str]:
    """Rows that are gone, by their keys: what they were stands in `whole_tables.txt`. Columns that changed, and rows
    that came, table by table."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for key in sorted(before.keys() - after.keys(), key=repr):
        lines[f"- {key[0]}"].append(" ".join(map(str, key[1:])))
    for key in sorted((key for key in before if before[key] != after.get(key, before[key])), key=repr):
        old, new = before[key], after[key]
        changed = {name: [old.get(name), new.get(name)] for name in {**old, **new} if old.get(name) != new.get(name)}
        lines[f"~ {key[0]} {as_json(changed)}"].append(" ".join(map(str, key[1:])))
    for key in sorted(after.keys() - before.keys(), key=lambda key: (key[0], as_json(after[key]))):
        lines[f"+ {key[0]}"].append(as_json(after[key]))
    return (f"{start} {', '.join(rows)}" for start, rows in lines.items())


@pytest.mark.parametrize("name", CHANGE)
def test_a_write_changes_these_rows(harbour, tmp_path, name):
    shutil.copytree(harbour, tmp_path / "copy")
    make = Maker(Tides(20 * 86_400))
    with settled_facts(), Archive.open(tmp_path / "copy/ebb.db", make.clock) as archive:
        before = dump(archive.db)
        returned = CHANGE[name](archive, make)
        is_open = ["The transaction is open."] if archive.db.conn.in_transaction else []
        text = told([*map(repr, returned), *is_open, *differences(before, dump(archive.db))])
    text = re.sub(r'("length": \[)[\d, ]+', r"\1N", text)
    assert text == expected(FILE, name, text)


def test_all_kinds_of_writes_and_all_tables_are_looked_at(harbour):
    assert list(sections(FILE)) == list(CHANGE)
    names = Database(harbour / "ebb.db").execute(NAMES).fetchall()
    assert sorted(sections(TABLES_FILE)) == sorted(labelled(name) for (name,) in names)


@pytest.mark.parametrize("name", sections(TABLES_FILE))
def test_two_crawls_and_a_person_s_verdicts_leave_these_rows(harbour, name):
    found = Database(harbour / "ebb.db").query(f"SELECT * FROM {named(name)}")
    text = told(folded(sorted(map(as_json, unpacked(found)))))
    assert text == expected(TABLES_FILE, name, text)
