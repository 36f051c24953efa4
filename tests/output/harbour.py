"""Small archive of two sites in which each kind of row stands: what reads and copies archives is tested on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from unittest import mock
from uuid import UUID

from sqlite_utils import Database

from broadsheet.cleaners.document import (
    ArticleImage,
    Block,
    BlockKind,
    FieldStatement,
    Metadata,
    Outlink,
    PageType,
    UrlSource,
    Verdict,
)
from broadsheet.cleaners.lineage import Lineage
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.archive.rendered_layouts import RenderDecision, RenderedLayout
from broadsheet.output.archive.stored_values import utc_text
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind, UrlState
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.alarms import survey
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome, RobotsFile
from broadsheet.output.write.person_verdicts import Review, Ruling, store_review
from broadsheet.output.write.revisit_schedule import RevisitPolicy, UpdateRun
from broadsheet.output.write.run_records import ImportedFile, note_import
from broadsheet.output.write.takedowns import take_down
from tests.output.cleaned_pages import cleaned_page, with_page
from tests.output.conftest import Clock, Maker
from tests.output.illustrated import FILES, MILL, RIVER, picture_outcome
from tests.output.wires import make_exchange

SITE, OTHER = "https://a.example", "https://b.example"
SHARE, LETTER = "Share this story", "Subscribe to our letter"
MODEL = Verdict(False, "closing line", "model/closing-line")
HARBOUR = (
    "The harbour of Ebb was closed on Monday after the storm had torn the mole.",
    "Nine boats lie in the yard, and the ferry to the islands sails from Flood until May.",
)
LAST = "The council meets again on the second Tuesday of March to hear what the new mole would cost the town."
FERRY = "The ferry sails again."
AUTHORS = ("Ann Moor", "Bo Tide", "Cy Weir", "Di Lock")


class Tides(Clock):
    """A clock that moves five hours with each look."""

    def __call__(self) -> str:
        self.seconds += 5 * 3600
        return utc_text(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds))


def sent(
    outcome: Outcome, body: str = "", head: str = "", discovered_urls: tuple[DiscoveredUrl, ...] = (), **changes: object
) -> Outcome:
    """The outcome with the bytes of its response; other changes are of its capture."""
    assert outcome.capture
    lines = f"HTTP/1.1 {outcome.http_status} Yes\r\nContent-Type: text/html; charset=utf-8\r\n{head}\r\n"
    raw = make_exchange((body or f"<html><p>{outcome.url}</p></html>").encode(), head=lines.encode())
    capture = replace(outcome.capture, **({"raw": raw} | changes))
    return replace(outcome, capture=capture, discovered_urls=discovered_urls or outcome.discovered_urls)


def answer(make: Maker, url: str, reason: str, kind: UrlKind, *named: DiscoveredUrl, **changes: object) -> Outcome:
    """What a crawl stores of a response that is no page."""
    outcome = replace(make.outcome(url), reason=reason, kind=kind, page=None, discovered_urls=named)
    return replace(sent(outcome, f"{kind} {url}"), **changes)


def without_page(outcome: Outcome, status: int, reason: str) -> Outcome:
    """The outcome as an empty answer of this status: a 304, or an error."""
    assert outcome.capture
    state, capture = "done" if status == 304 else "failed", replace(outcome.capture, http_status=status)
    return sent(replace(outcome, state=state, reason=reason, http_status=status, capture=capture, page=None), " ")


def with_blocks(outcome: Outcome, *blocks: Block, chances: bytes, **changes: object) -> Outcome:
    """The outcome, whose page has these blocks beside its own, of which the first is the last of the kept."""
    page = cleaned_page(outcome)
    placed = tuple(replace(block, position=len(page.blocks) + n) for n, block in enumerate(blocks))
    verdicts = (*page.verdicts, page.verdicts[0], *[MODEL] * (len(blocks) - 1))
    texts = {"text": f"{page.text}\n{blocks[0].text}", "markdown": f"{page.markdown}\n\n## {blocks[0].text}"}
    return with_page(outcome, blocks=(*page.blocks, *placed), verdicts=verdicts, chances=chances, **texts, **changes)


def rich_article(make: Maker, *texts: str, title: str = "The harbour is closed") -> Outcome:
    """An article that states all that a page can state."""
    outcome = make.outcome(f"{SITE}/1", *texts, removed=(SHARE, LETTER), title=title)
    metadata = Metadata(
        title=title, authors=AUTHORS, published="2025-12-30T23:30:00-05:00", modified="2026-01-02", language="en",
        description="Why the harbour is closed, and until when.", standfirst=texts[0], section="News",
        tags=("Harbour", "Storm & sea"), keywords=("mole",), licence="https://creativecommons.org/licenses/by/4.0/",
        sitename="The Ebb Herald", image=MILL, canonical_url=f"{SITE}/1",
        sources={"title": "og:title", "authors": "byline", "published": "ld+json", "modified": "footer"},
    )  # fmt: skip
    statements = (
        FieldStatement("published", "ld+json", "2025-12-30T23:30:00-05:00"),
        FieldStatement("published", "visible", "2025-12-29", "in another article"),
        FieldStatement("authors", "byline", '["Ann Moor", "Bo Tide", "Cy Weir", "Di Lock"]'),
    )
    images = (ArticleImage(MILL, "The mill at Ebb", "Photo: Ana Sol", "A mill"), ArticleImage(RIVER))
    heading = Block(0, BlockKind.HEADING, "What comes next", "", "body>main>h2", level=2)
    closing = Block(0, BlockKind.PARAGRAPH, "Write to us", "[Write to us](/mail)", "body>main>p.end", link_chars=11)
    return with_blocks(
        outcome, heading, closing, chances=bytes([250, 240, 10, 20, 200, 120, 30][: len(texts) + 4]), metadata=metadata,
        statements=statements, images=images, layout_signature=b"\1" * 32, robots=("noimageai",),
        outlinks=(Outlink(f"{SITE}/2", "Next"), Outlink(f"{SITE}/long?page=2", "2", ("next",), UrlSource.NEXT)),
    )  # fmt: skip


def first_batch(make: Maker) -> list[Outcome]:
    """What the first crawl stores, one batch."""
    robots = RobotsFile("a.example", f"{SITE}/robots.txt", make.clock(), "rules", OutcomeReason.ROBOTS, "Disallow: /x")
    listed = [make.discovered(f"{SITE}/{n}", found_via=UrlSource.SITEMAP, lastmod="2026-01-01") for n in (1, 2, 3)]
    fed = make.discovered(f"{SITE}/2", found_via=UrlSource.FEED, found_on=f"{SITE}/feed", priority=3)
    waiting = make.discovered(f"{SITE}/waiting", found_on=f"{SITE}/1", depth=2)
    left_out = make.discovered(f"{SITE}/x/1", state=UrlState.SKIPPED, reason=OutcomeReason.ROBOTS_TXT, depth=1)
    usage = {"directives": ("noai", "tdm-reservation: 1"), "usage_stated": ("content-usage: train-ai=n",)}
    one = replace(rich_article(make, *HARBOUR), discovered_urls=(waiting, left_out), outside_links={"c.example": 2})
    dated = Metadata(title="Deux", language="fr", published="2026-01-03", section="Culture", authors=("Zoé",))
    return [
        answer(make, f"{SITE}/robots.txt", "robots", UrlKind.ROBOTS, robots_file=robots),
        answer(make, f"{SITE}/sitemap.xml", "sitemap", UrlKind.SITEMAP, *listed),
        answer(make, f"{SITE}/feed", "feed", UrlKind.FEED, fed),
        sent(make.outcome(f"{SITE}/", page_type=PageType.LIST, title="Ebb")),
        sent(one, "<html><p>The harbour was closed.</p>", "ETag: \"e\"\r\n", robots_id=robots.id, etag='"e"', **usage),
        sent(make.outcome(f"{SITE}/2", "Water ran short.", removed=(SHARE,), metadata=dated, chances=b"\x90\x60")),
        make.outcome(f"{SITE}/3", FERRY, LAST, removed=(SHARE,), title="<b>Ferry</b>", chances=b"\x40\x30\x90"),
        sent(make.outcome(f"{OTHER}/copy", *HARBOUR, "What comes next", canonical=f"{SITE}/1", title="The harbour")),
        sent(make.outcome(f"{OTHER}/free", "First words", page_type=PageType.TEASER, title="Free"), truncated="length"),
        sent(make.outcome(f"{OTHER}/none", title="Nothing"), rendered_for=f"{OTHER}/none"),
        sent(make.outcome(f"{OTHER}/wall", page_type=PageType.WALL, title="Log in")),
        sent(make.outcome(f"{OTHER}/forgotten", f"Only here: {LAST}", title="Taken down")),
        answer(make, f"{SITE}/old", "redirect", UrlKind.PAGE, location=f"{SITE}/1"),
        make.failure(f"{SITE}/gone", "http_404"),
        replace(make.failure(f"{SITE}/busy", "retry:timeout"), state="queued", is_retry=True, http_status=None,
                not_before="2026-01-01T01:00:00Z"),
        make.failure(f"{OTHER}/down", "host_unreachable:dns"),
    ]  # fmt: skip


def second_batch(make: Maker) -> list[Outcome]:
    """What the second crawl finds: an edit, a withdrawal, what did not change, and an article on two pages."""
    following = Outlink(f"{SITE}/long?page=2", "2", ("next",), UrlSource.NEXT)
    gone = replace(make.failure(f"{SITE}/2", "http_410"), http_status=410)
    story = " ".join(f"{word} of the story" for word in "abcdefghijklmnopqrstuvwxyz")
    return [
        sent(rich_article(make, HARBOUR[0], "Ten boats lie in the yard.", title="The harbour stays closed"), "<p>Ten"),
        gone,
        replace(make.outcome(f"{SITE}/3"), reason=OutcomeReason.NOT_MODIFIED, page=None, http_status=304),
        sent(make.outcome(f"{SITE}/long", "Part one of it. " * 12, title="A long story", outlinks=(following,))),
        sent(make.outcome(f"{SITE}/long?page=2", "Part two of it. " * 12, title="A long story")),
        sent(make.outcome(f"{SITE}/story", story, title="A story")),
        make.outcome(f"{OTHER}/near", f"{story} and its end", title="The same story"),
        make.outcome(f"{OTHER}/same", story, title="A story"),
    ]


@contextmanager
def settled_facts() -> Iterator[None]:
    """Have the same cleaner make all pages, and records have numbers in place of random ids."""
    lineage = Lineage("17", "rules 1", "model 1", "", "lxml 6")
    ids = (UUID(int=number) for number in count(1))
    with (
        mock.patch("broadsheet.output.archive.page_rows.lineage", return_value=lineage),
        mock.patch("broadsheet.output.write.alarms.CLEANER_VERSION", "17"),
        mock.patch("broadsheet.output.raw.warc_writer.uuid4", side_effect=ids),
        mock.patch("broadsheet.output.raw.erasure.uuid4", side_effect=ids),
        mock.patch("broadsheet.output.raw.warc_folders.token_hex", side_effect=lambda _: next(ids).hex),
        mock.patch("broadsheet.output.write.run_records.uuid4", side_effect=ids),
    ):
        yield


def fill_harbour(file: Path) -> Maker:
    """Store two crawls, pictures, rulings, judgements and a takedown; return what made them."""
    make = Maker(Tides())
    with settled_facts(), Archive.open(file, make.clock) as archive:
        archive.keep_raw({"software": "tests"})
        options = {"seeds": [f"{SITE}/"], "site_rules": "", "proxy": "http://me:secret@proxy.example"}
        run = archive.runs.start("crawl", options, {"broadsheet": "0.1.0"})
        archive.save([Outcome(f"{SITE}/", UrlState.QUEUED, kind=UrlKind.PAGE, found_via=UrlSource.SEED)])
        archive.save(first_batch(make))
        layout = RenderedLayout("b.example", b"\2" * 8, RenderDecision.ALL, 4, 3, 0, 1, 90, 300, 12, 4500)
        rendered = {"rendered_layout": layout, "reused_urls": (f"{OTHER}/none",)}
        archive.save([replace(make.outcome(f"{OTHER}/js", "Seen in a browser."), **rendered)])
        archive.queue_pictures(obeys_directives=False)
        named = (DiscoveredUrl(RIVER, "a.example", UrlKind.PICTURE, UrlSource.IMAGE, MILL),)
        mill = replace(picture_outcome(make, MILL, FILES[MILL]), page_files=named)
        archive.save([mill, make.failure(RIVER, "http_404")])
        settle(archive.db, make.clock)
        survey(archive.db, run, make.clock())
        archive.runs.finish(run, "finished", "", {"page/done/article": 9, "page/done/list": 1, "robots/done/robots": 1})
        run = archive.runs.start("update", {"seeds": [f"{SITE}/"]}, {"broadsheet": "0.1.0"})
        archive.queue_revisits(UpdateRun(RevisitPolicy(revisit_all=True), make.clock(), lambda *_: True))
        archive.save(second_batch(make))
        archive.skip_queued(OutcomeReason.LIMIT)
        late = make.discovered(f"{SITE}/late", found_on=f"{SITE}/", priority=2, depth=1)
        archive.save([replace(make.outcome(f"{SITE}/old"), reason="redirect", page=None, location=f"{SITE}/1",
                              discovered_urls=(late,))])  # fmt: skip
        settle(archive.db, make.clock)
        judge(archive, make)
        survey(archive.db, run, make.clock())
        alarm = (run, make.clock(), "a.example", "new", "yield", "1 of 9 new pages are articles; before 8 of 9")
        archive.db.execute(
            "INSERT INTO alarms (run_id, at, host, part, what, message) VALUES (?, ?, ?, ?, ?, ?)", alarm
        )
        archive.db.conn.commit()
        archive.runs.finish(run, "stopped", "limit", {"done/article": 6, "done/list": 1, "extractor/asked": 2})
    return make


@contextmanager
def unchecked_harbour(folder: Path) -> Iterator[Database]:
    """The harbour, made in a folder and open to values that its schema refuses."""
    fill_harbour(folder / "ebb.db")
    db = open_database(folder / "ebb.db")
    db.execute("PRAGMA ignore_check_constraints = ON")
    yield db
    db.close()


def judge(archive: Archive, make: Maker) -> None:
    """What people say of it."""
    one = article_id(f"{SITE}/1")
    for ruling in (
        Ruling(block_id(SHARE), True, one, None, make.clock(), "it is a caption"),
        Ruling(block_id(FERRY), False, None, "a.example", make.clock()),
        Ruling(block_id(LETTER), False, None, None, make.clock(), "never"),
    ):
        carry_out_ruling(archive.db, ruling)
    judged = (f"{SITE}/1", "a.example")
    reviews = (
        Review(*judged, block_id(LETTER), False, "share buttons", "share.icons", True, make.clock(), "17"),
        Review(*judged, block_id(HARBOUR[0]), True, "extractor", "selected", False, make.clock(), "17"),
        Review(f"{SITE}/2", "a.example", None, True, "article", "", None, make.clock(), "17"),
    )
    for review in reviews:
        store_review(archive.db, review)
    archive.db.conn.commit()
    note_import(archive.db, ImportedFile("old.warc", 9, "17"), {"seeds": []}, make.clock(), {"response": 2})
    take_down(archive.db, f"{OTHER}/forgotten", "asked for by its author", make.clock)
    archive.db.conn.commit()
    settle(archive.db, make.clock)


def fill_neighbour(file: Path) -> Maker:
    """Store a crawl of the same two sites, earlier and later than the harbour's, and of a third one."""
    make = Maker(Tides(3 * 24 * 3600))
    story = " ".join(f"{word} of the story" for word in "abcdefghijklmnopqrstuvwxyz")
    with settled_facts(), Archive.open(file, make.clock) as archive:
        archive.keep_raw({"software": "other tests"})
        run = archive.runs.start("crawl", {"seeds": ["https://c.example/"]}, {"broadsheet": "0.1.0"})
        listed = [make.discovered(f"{SITE}/{name}", found_via=UrlSource.SITEMAP, lastmod="2026-01-09") for name in "14"]
        archive.save([
            sent(rich_article(make, *HARBOUR, title="The harbour is closed"), discovered_urls=tuple(listed)),
            sent(make.outcome(f"{SITE}/3", FERRY, "Every hour.", removed=(LETTER,), title="Ferry")),
            sent(make.outcome("https://c.example/story", f"{story} and an end", title="The story, told again")),
            make.failure("https://c.example/gone", "http_404"),
            make.failure("https://d.example/gone", "http_404"),
            sent(make.outcome(f"{OTHER}/js", "Seen in another browser.")),
        ])  # fmt: skip
        settle(archive.db, make.clock)
        archive.runs.finish(run, "finished", "", {"articles": 4})
        carry_out_ruling(archive.db, Ruling(block_id(LETTER), True, None, None, make.clock(), "it is news"))
        store_review(archive.db, Review(f"{SITE}/3", "a.example", None, True, "article", "", True, make.clock(), "17"))
        archive.db.conn.commit()
        take_down(archive.db, f"{OTHER}/fre*", "", make.clock)
        settle(archive.db, make.clock)
    return make
