"""All that readers are told of a small archive in which each kind of row stands, and all that exports make of it."""

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.archive_file import database_file, open_database
from broadsheet.output.archive.article_filter import ArticleBounds, article_scope
from broadsheet.output.read.archive_facts import gather_facts
from broadsheet.output.read.article_files import export_markdown, export_reader_pages
from broadsheet.output.read.article_rows import export_csv, export_jsonl
from broadsheet.output.read.coverage import list_covered_urls, measure_coverage
from broadsheet.output.read.edit_diffs import diff_html, read_edit_diff, version_links
from broadsheet.output.read.edit_history import find_revised_article, latest_edits, list_edits, revisions_of
from broadsheet.output.read.judgement import judge, judge_archive, look_values
from broadsheet.output.read.page_lookup import find_page, find_record, find_url_result, find_url_state
from broadsheet.output.read.report_figures import gather_report, host_scope
from broadsheet.output.read.report_text import render
from broadsheet.output.read.ruling_examples import find_ruling_example, find_similar_blocks
from broadsheet.output.read.run_letter import read_letter
from broadsheet.output.read.search import (
    SearchSort,
    count_articles,
    count_matches,
    list_articles,
    missing_words,
    search,
    widened,
)
from broadsheet.output.read.stored_articles import find_stored_article, iter_stored_articles
from broadsheet.output.read.tei import export_tei
from broadsheet.output.read.verify import verify
from broadsheet.output.read.wacz import export_wacz
from broadsheet.output.read.web_feeds import FeedScope, atom_document, json_feed_document, read_feed
from broadsheet.output.write.person_verdicts import list_reviews, list_rulings, reliability_by
from tests.output.harbour import FERRY, OTHER, SITE, fill_harbour
from tests.output.told import as_json, changed, expected, named, once, sections, stated, told

FILE = Path(__file__).with_name("whole_archive.txt")
NOW = "2026-01-20T12:00:00Z"
ONE = 7603084284087165
FILTERS = {
    "a host": ArticleBounds(host="a.example"), "since": ArticleBounds(since="2026-01-01"),
    "until": ArticleBounds(until="2025"), "languages": ArticleBounds(languages=("en", "fr")),
    "a section": ArticleBounds(section="NEWS"), "words": ArticleBounds(match="harbour"),
    "a use": ArticleBounds(use="train-ai"),
}  # fmt: skip


def report(db: Database, width: int, host: str = "") -> list[str]:
    with host_scope(db, host):
        facts = gather_facts(db, "ebb.db", measure_coverage(db), NOW)
        letter = read_letter(db, facts.coverage)
    return render(gather_report(db, host), judge(facts, NOW), letter, width).splitlines()


def figures(db: Database) -> Iterator[str]:
    """What the report has beyond the facts: of rows the first, and the values of the others."""
    facts = named(gather_facts(db, "ebb.db", measure_coverage(db), NOW))
    for name, value in named(gather_report(db)).items():
        if value != facts.get(name):
            others = [list(row.values()) if isinstance(row, dict) else row for row in value[1:]]
            yield as_json([name, *value[:1], *others])


def exported(export: Callable[..., int], *arguments: object, **options: bool) -> Iterator[str]:
    stream = io.StringIO(newline="")
    yield str(export(*arguments, stream, **options))
    yield from stream.getvalue().splitlines()


def json_lines(db: Database, **options: bool) -> Iterator[str]:
    """What is exported: the first article as it stands there, of each other what differs from the one before."""
    count, first, *others = exported(export_jsonl, db, **options)
    yield from (count, first)
    yield from list(map(as_json, changed(map(json.loads, (first, *others)))))[1:]


def within_bounds(db: Database, export: Callable[..., Iterator[str]], since: str = "") -> Iterator[str]:
    with article_scope(db, ArticleBounds(host="a.example", since=since)):
        yield from export(db)
    yield str(db.execute("SELECT count(*) FROM articles").fetchone()[0])


def files_of(export: Callable[..., int], db: Database, folder: Path, shown: str = "") -> Iterator[str]:
    """The names of all files, and what is in those whose names have one of these words; of others their sizes."""
    yield str(export(db, folder))
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            data = file.read_bytes()
            yield f"--- {file.relative_to(folder)}"
            is_shown = re.search(shown, file.name) and file.suffix != ".png" and file.name != "about.html"
            yield from without_style(data.decode()).splitlines() if is_shown else (f"{len(data):,} bytes",)


def without_style(html: str) -> str:
    return re.sub(r"(?s)<style>.*?</style>\n", "", html)


def zipped(db: Database) -> Iterator[str]:
    stream = io.BytesIO()
    with mock.patch("broadsheet.output.read.wacz.utc_now", return_value=NOW):
        yield str(export_wacz(db, stream))
    with zipfile.ZipFile(stream) as wacz:
        for name in wacz.namelist():
            yield f"--- {name}"
            data = wacz.read(name)
            text = (gzip.decompress(data) if name.endswith(".gz") else data).decode("latin-1")
            if name.startswith("archive/"):  # the file itself, since no request in it holds credentials
                assert data == next(database_file(db).parent.rglob(Path(name).name)).read_bytes()
            else:
                yield from map(without_places, text.splitlines())


def without_places(text: str) -> str:
    """The text without what follows from how well records are compressed."""
    text = re.sub(r"sha(?:1|256):\w+", "N", text)
    return re.sub(r'("(?:offset|length|bytes)": "?)\d+', r"\1N", text)


def searched(db: Database) -> Iterator[object]:
    for query in ("harbour", "story", "harbours town", '"torn the mole"', "boat OR ferry", "nothing", "*"):
        yield query, widened(query), missing_words(db, query), count_matches(db, query)
        yield list(search(db, query, 2))
        yield [[hit.title for hit in search(db, query, 2, sort=sort)] for sort in SearchSort]
    for name, bounds in FILTERS.items():
        yield name, count_articles(db, bounds), count_matches(db, "harbour", bounds)
        yield [(hit.title, hit.snippet) for hit in list_articles(db, 9, bounds)]
    for sort in SearchSort:
        yield sort, [hit.title for hit in list_articles(db, 9, sort=sort)]


def edits(db: Database) -> Iterator[object]:
    diff = read_edit_diff(db, ONE, 2)
    assert diff
    yield from (diff, version_links(diff, "http://room/"), diff_html(diff), revisions_of(db, ONE))
    yield from (find_revised_article(db, f"{SITE}/old"), list(list_edits(db, kinds=("new", "withdrawn"), after_seq=3)))
    yield from (list(list_edits(db, since="2026-01-09")), latest_edits(db, before_seq=20, limit=1))


def looked_up(db: Database) -> Iterator[str]:
    """What each name leads to; by an earlier name what that one led to already."""
    names: dict[str, str] = {}
    for name in (f"{SITE}/1", f"{SITE}/old", str(ONE), f"{OTHER}/none", f"{SITE}/gone", f"{SITE}/unknown"):
        result = find_url_result(db, name) if name.startswith("http") else None
        yield as_json(stated((name, find_record(db, name), find_url_state(db, name))))
        for found in map(as_json, map(stated, (find_page(db, name), find_stored_article(db, name), result))):
            yield found if names.setdefault(found, name) == name else f"as of {names[found]}"


def verdicts(db: Database) -> Iterator[object]:
    for listed in list_rulings(db):
        yield listed, find_ruling_example(db, listed.ruling)
    yield find_similar_blocks(db, FERRY)
    yield list_reviews(db)
    yield reliability_by([("a", True), ("b", True), ("b", False), ("c", False)])


def feeds(db: Database) -> Iterator[str]:
    for scope in (FeedScope(), FeedScope(of_edits=True, room="http://room/ebb")):
        yield from atom_document(read_feed(db, scope)).decode().replace("<entry", "\n<entry").splitlines()
    for scope in (FeedScope(of_edits=True, kinds=("headline",)), FeedScope(host="a.example")):
        document = json_feed_document(read_feed(db, scope)).decode()
        yield re.sub(r'(?<="content_html": ".{20})[^\n]*', "…", document)


def values(found: Iterable[object]) -> Iterator[str]:
    return map(repr, found)


TELL: dict[str, Callable[[Database, Path], Iterable[str]]] = {
    "report": lambda db, _: report(db, 110),
    "report, narrow, of a host": lambda db, _: report(db, 60, "a.example"),
    "facts": lambda db, _: values(named(gather_facts(db, "ebb.db", measure_coverage(db), NOW)).items()),
    "figures": lambda db, _: figures(db),
    "looks": lambda db, _: map(as_json, look_values(judge_archive(db, "ebb.db", host="b.example"))),
    "coverage": lambda db, _: values([
        list_covered_urls(db, "sitemap", ("failed", "http_410")),
        list_covered_urls(db, "link", ("skipped", "limit"), 8), list_covered_urls(db, "link", ("skipped", "limit")),
    ]),
    "csv": lambda db, _: within_bounds(db, lambda db: exported(export_csv, db, byte_order_mark=True)),
    "jsonl, one of those that say the same": lambda db, _: json_lines(db, one_per_cluster=True),
    "jsonl within bounds": lambda db, _: within_bounds(db, json_lines, "2025"),
    "markdown": lambda db, folder: files_of(export_markdown, db, folder / "markdown", f"{ONE}|ferry|deux"),
    "pages": lambda db, folder: files_of(export_reader_pages, db, folder / "pages", f"{ONE}|ferry|index|2025"),
    "tei": lambda db, folder: files_of(export_tei, db, folder / "tei", str(ONE)),
    "wacz": lambda db, _: zipped(db),
    "feeds": lambda db, _: feeds(db),
    "search": lambda db, _: map(as_json, map(stated, searched(db))),
    "edits": lambda db, _: map(as_json, map(stated, edits(db))),
    "lookups": lambda db, _: looked_up(db),
    "articles": lambda db, _: map(
        as_json, map(stated, iter_stored_articles(db, ArticleBounds(host="b.example"), one_per_cluster=True))
    ),
    "verdicts": lambda db, _: map(as_json, map(stated, verdicts(db))),
    "faults": lambda db, _: values(verify(db)),
}  # fmt: skip


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    file = tmp_path_factory.mktemp("archive") / "ebb.db"
    fill_harbour(file)
    db = open_database(file, read_only=True)
    with mock.patch("broadsheet.output.read.archive_facts.utc_now", return_value=NOW):
        yield db
    db.close()


@pytest.mark.parametrize("asked", TELL)
def test_all_of_it_is_told(db, tmp_path, asked):
    folder = Path(db.execute("PRAGMA database_list").fetchone()[2]).parent
    lines = TELL[asked](db, tmp_path)
    text = told(once(lines) if asked in ("pages", "markdown") else lines, FOLDER=folder)
    assert text == expected(FILE, asked, text)


def test_nothing_else_is_expected():
    assert list(sections(FILE)) == list(TELL)
