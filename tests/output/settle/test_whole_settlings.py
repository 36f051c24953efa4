"""Whole settlings: every row that settling writes, of an archive in which each of its findings has a page.

`settlings.txt` holds what is stored after the first step, and what the second one changes.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import (
    ArticleImage,
    Block,
    BlockKind,
    CleanedPage,
    FieldStatement,
    Metadata,
    Outlink,
    PageType,
    PageVerdict,
    UrlSource,
    Verdict,
)
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.unsettled import note_unsettled
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.person_verdicts import Ruling, store_ruling
from tests.expected_texts import expected_text
from tests.internal_tables import named
from tests.output.cleaned_pages import page_rows
from tests.output.conftest import Clock

STORIES = [f"story-{letter}" for letter in "abcdefghijklmnopqrstuv"]
PROMO = "Support this paper with a small gift for its next issue of the year"
HINT = "Write to the desk if you know more about it than we do"
NOTE = "Ann Lee writes about the river and the people who live beside it"
STORY_LAYOUT, EXCERPT_LAYOUT, NOTICE_LAYOUT = (pack_signature([*range(n, n + 20)]) for n in (100, 200, 300))

TABLES = {
    "page": """SELECT u.url, u.reason, u.held_reason, p.own_type, p.page_type, p.evidence, p.word_count, p.kept,
        coalesce((SELECT a.url FROM articles a WHERE a.id = p.article_id), '-'), p.certainty
        FROM pages p JOIN urls u ON u.id = p.id ORDER BY u.url""",
    "article": "SELECT url, title, authors, published_day, word_count, {text} FROM articles t ORDER BY url",
    "shelved": "SELECT url, why, word_count, {text} FROM shelved t ORDER BY url",
    "judged again": """SELECT u.url, o.position, {text}, o.kept, r.reason, r.rule FROM _own_verdicts o
        JOIN _page_blocks b USING (page_id, position) JOIN _block_texts t ON t.id = b.block_id
        JOIN _reasons r ON r.id = b.reason_id JOIN urls u ON u.id = o.page_id
        WHERE o.site_kept IS NOT NULL ORDER BY r.rule, o.position, t.text, u.url""",
    "copy": """SELECT u.url, o.url FROM pages c JOIN urls u ON u.id = c.id JOIN urls o ON o.id = c._copy_of
        ORDER BY u.url""",
    "part": """SELECT u.url, h.url, p.place FROM _page_parts p JOIN urls u ON u.id = p.page_id
        JOIN urls h ON h.id = p.head_id ORDER BY u.url""",
    "layout": "SELECT host, pages, articles, kind, evidence FROM _layouts ORDER BY host, signature",
    "repeated": """SELECT e.host, {text}, e.pages, e.of_pages, e.first_seen FROM _block_evidence e
        JOIN _block_texts t ON t.id = e.block_id WHERE e.at_place = 0 ORDER BY e.host, t.text""",
    "place": """SELECT e.host, {text}, e.pages, e.of_pages, e.first_seen FROM _block_evidence e
        JOIN _block_texts t ON t.id = e.block_id WHERE e.at_place = 1 ORDER BY e.host, t.text""",
    "common": """SELECT {text}, c.asked FROM _common_texts c JOIN _block_texts t ON t.id = c.block_id
        ORDER BY t.text""",
    "own field": """SELECT u.url, o.field, o.value, o.source, o.evidence FROM _own_fields o
        JOIN urls u ON u.id = o.page_id ORDER BY u.url, o.field""",
    "ruled": """SELECT u.url, o.position, coalesce(o.site_kept, o.kept) FROM _own_verdicts o
        JOIN _page_blocks b USING (page_id, position) JOIN _reasons r ON r.id = b.reason_id AND r.rule = 'person'
        JOIN urls u ON u.id = o.page_id ORDER BY u.url, o.position""",
    "changes": """SELECT coalesce(a.url, s.url) AS url,
            group_concat(CASE WHEN c.change = 'added' THEN '' ELSE substr(c.at, 15, 5) END || c.change, ' ')
        FROM changes c LEFT JOIN articles a ON a.id = c.article_id LEFT JOIN shelved s ON s.id = c.article_id
        GROUP BY 1 ORDER BY 1""",
}
SHORT_TEXT = "replace(substr(t.text, 1, 24), char(10), '/') || '…' || replace(substr(t.text, -12), char(10), '/')"


def words(name: str, count: int = 30) -> str:
    """Return so many words, of which the name is the first; the others are of letters only, as no site repeats them."""
    dice = random.Random(name)
    return " ".join([name, *("".join(dice.choices("abcdefghijklmnop", k=5)) for _ in range(count - 1))])


@dataclass(frozen=True, slots=True)
class Line:
    """Block of a page: its text, its path, how likely it is the article's, and the rule that decides on it."""

    text: str
    path: str = "body>main>p"
    chance: int = 250
    rule: str = "extractor/selected"
    kind: BlockKind = BlockKind.PARAGRAPH

    @property
    def verdict(self) -> Verdict:
        is_kept = self.rule.endswith("/selected")
        return Verdict(is_kept, "selected" if is_kept else self.rule.partition("/")[2], self.rule)


def left_out(text: str, path: str = "body>main>p", rule: str = "extractor/not-selected", chance: int = 20) -> Line:
    return Line(text, path, chance, rule)


def page(url: str, *lines: Line | str, **changes: object) -> CleanedPage:
    title, page_type = changes.pop("title", ""), changes.pop("page_type", PageType.ARTICLE)
    rows = [Line(line) if isinstance(line, str) else line for line in lines]
    blocks = [Block(n, row.kind, row.text, "", row.path) for n, row in enumerate(rows)]
    metadata = Metadata(title or f"Title {url} | The A", **(changes.pop("metadata", {})))  # type: ignore[arg-type]
    cleaned = CleanedPage(
        url, PageVerdict(page_type, ("words=9",)), metadata, tuple(blocks), tuple(row.verdict for row in rows),
        "\n".join(row.text for row in rows if row.verdict.kept), "", (), layout_signature=STORY_LAYOUT,
        chances=bytes(row.chance for row in rows),
    )  # fmt: skip
    return replace(cleaned, **changes)  # type: ignore[arg-type]


def stories() -> Iterator[CleanedPage]:
    """Pages of one layout: what they repeat, keep and leave out in the same places differs from page to page."""
    for n in range(22):
        name = STORIES[n]
        heading = Line(f"Part {name}", kind=BlockKind.HEADING)
        lines: list[Line | str] = [words(f"{name}-one", 40), heading, words(f"{name}-two")]
        lines += [left_out(f"Caption {name} here", "body>main>figure", "layout/caption")]
        slot, box = "body>main>div.slot", "body>main>div.box"
        lines += [Line(f"{words(f'{name}box', 9)}", box, 110) if n == 21 else left_out(words(f"{name}-box", 9), box)]
        lines += [left_out(words(f"{name}-lost", 12))] * (n == 5) + [left_out(f"https://more.example/{n}")] * (n == 6)
        lines += [left_out("lone")] * (n == 7) + [left_out(words("twice", 12))] * (n in (8, 9))
        lines += [left_out(words("ruled", 12), rule="en/donation")] * (n == 10)
        lines += [PROMO if n != 11 else left_out(PROMO, rule="en/donation")]
        lines += [Line(HINT, "body>aside>p")] * (n < 4) + [NOTE] * (n in (3, 4))
        lines += [f"Story {n} of 22 was read {n} times"]
        lines += [Line(f"Join {name}", slot, 120) if n == 20 else left_out(f"Join {name}", slot, "layout/share")]
        statements = (
            FieldStatement("authors", "json-ld", '["The Desk"]'),
            FieldStatement("byline", "markup", f"By Ann Lee {n % 3}"),
            FieldStatement("published", "meta", "2026-02-01"),
            FieldStatement("published", "text", f"2026-01-{n + 1:02}"),
            *([FieldStatement("day_month", "shown", "day-first")] * (n % 2)),
        )  # fmt: skip
        metadata: dict[str, Any] = {
            "authors": ("The Desk",) if n % 2 else ("Ann Lee",),
            "published": f"2026-01-{n + 1:02}",
        }
        metadata["sources"] = {"authors": "json-ld", "published": "text", "title": "markup"}
        yield page(f"http://a.test/2026/{name}", *lines, statements=statements, metadata=metadata)


def copies_and_lists() -> Iterator[CleanedPage]:
    """Pages that are copies, parts, lists, excerpts or notices, and such as have nothing but what the site repeats."""
    one, two = words("one", 60), words("two", 110)
    yield page("http://a.test/one", one)
    yield page("http://a.test/copy/of/one", one)
    yield page("http://a.test/two", two)
    yield page("http://a.test/two/print", f"{two} seen 17 times", metadata={"canonical_url": "http://a.test/two"})
    for n in (1, 2, 3):
        following = (Outlink(f"http://a.test/long?page={n + 1}", "", ("next",), UrlSource.NEXT),) if n < 3 else ()
        address = "http://a.test/long" if n == 1 else f"http://a.test/long?page={n}"
        yield page(address, words(f"long-{'abcd'[n]}", 50), title="A long story", outlinks=following)
    repeated = [text for n in (12, 13, 14) for text in (words(f"{STORIES[n]}-one", 40), words(f"{STORIES[n]}-two"))]
    yield page("http://a.test/issue", "Issue seven", *repeated)
    for n in range(15, 19):
        excerpt = words(f"{STORIES[n]}-one", 20)
        title = f"Title http://a.test/2026/{STORIES[n]}"
        yield page(f"http://a.test/short/{n}", excerpt, title, layout_signature=EXCERPT_LAYOUT)
    for n in range(4):
        yield page(f"http://a.test/notice/{n}", words("notice", 15), layout_signature=NOTICE_LAYOUT)
    yield page("http://a.test/list", "x", page_type=PageType.LIST, layout_signature=EXCERPT_LAYOUT)
    yield page("http://a.test/emptied", PROMO)
    yield page("http://a.test/pictured", PROMO, images=(ArticleImage("http://a.test/own.jpg"),))
    day, late = {"published": "2026-03-03"}, (words("late", 45), words("later", 45))
    yield page("http://a.test/late/1", *late, title="Late", metadata=day)
    yield page("http://a.test/late/2", *late, PROMO, title="Late", metadata=day)
    yield page("http://a.test/tiny/1", "No comment.", title="Tiny")
    yield page("http://a.test/tiny/2", "No comment.", title="Tiny")
    yield page("http://a.test/tiny/3", "No comment.", title="Not so tiny")


def other_site() -> Iterator[CleanedPage]:
    """Pages of another site, alike to some of the first in each of the ways."""
    two, day = words("two", 110), {"published": "2026-01-09"}
    yield page("http://b.test/taken", two, words("own", 5), metadata=day)
    yield page("http://b.test/quote", words("story-b-one", 40), words("story-b-two"), words("quote", 60))
    yield page("http://b.test/first", words("first", 100), title="First", metadata=day)
    yield page("http://b.test/second", f"{words('first', 90)} {words('other', 12)}", title="First")
    yield page("http://b.test/third", f"{words('first', 85)} {words('third', 15)}", title="Third")
    yield page("http://b.test/fourth", words("first", 100).upper(), title="Fourth", metadata=day)
    yield page("http://b.test/fifth", f"{words('first', 60)} {words('fifth', 70)}", title="Fifth")


def outcomes(pages: Sequence[CleanedPage], clock: Clock) -> list[Outcome]:
    made = []
    for cleaned in pages:
        at = clock()
        capture = Capture(cleaned.url, at, 200, cleaned.url, "text/html", f"sha256:{at}", 10)
        made.append(Outcome(cleaned.url, "done", cleaned.verdict.page_type, 200, at, capture, page_rows(cleaned)))
    return made


def changes() -> Iterator[CleanedPage]:
    """Pages of the first crawl as a second one finds them, and a new one."""
    yield page("http://a.test/one", words("another", 60))
    yield page("http://a.test/two", "x", page_type=PageType.OTHER)
    yield page("http://a.test/long?page=2", words("long-z", 50), title="A long story of another kind")
    yield page("http://a.test/2026/story-m", words("other-m", 40), PROMO)
    yield page("http://a.test/2026/story-w", words("story-w-one", 40), words("story-w-two"), PROMO, words("ruled", 12))
    yield page("http://b.test/first", words("later", 45), title="First")


def settlings(archive: Archive, clock: Clock) -> Iterator[str]:
    """Yield what is stored after the first settling, and the rows that go and come by the second one."""
    archive.save(outcomes([*stories(), *copies_and_lists(), *other_site()], clock))
    result, rows = settle(archive.db, clock), stored_rows(archive)
    yield from ("== first", str(result), *grouped(rows))
    archive.save(outcomes([*changes()], clock))
    with archive.db.conn:
        for text, is_kept in ((words("story-d-two"), False), (NOTE, True), (words("story-f-lost", 12), False)):
            store_ruling(archive.db, Ruling(block_id(text), is_kept, ruled_at=clock()))
    result = settle(archive.db, clock)
    lines = unified_diff(rows, stored_rows(archive), n=0, lineterm="")
    changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    yield from ("== after changes and rulings", str(result), *grouped(sorted(changed, key=lambda line: line[0])))


def stored_rows(archive: Archive) -> list[str]:
    return [
        f"{name}: {' | '.join(map(str, row))}".replace("http://", "").replace("a.test/2026/", "")
        for name, query in TABLES.items()
        for row in archive.db.execute(named(query).replace("{text}", SHORT_TEXT)).fetchall()
    ]


def grouped(rows: Sequence[str]) -> Iterator[str]:
    """Yield the rows; those that follow each other and differ in one value or two are one line, with all of these.

    Where the first value of a row stands again, it is `=`.
    """
    for name, same in groupby((row.split(": ", 1) for row in rows), key=lambda parts: parts[0]):
        groups: list[list[list[str]]] = []
        for _, row in same:
            first, *others = row.split(" | ")
            values = [first, *(re.sub(rf"(?<!\S){re.escape(first)}(?!\S)", "=", value) for value in others)]
            joined = [*groups[-1], values] if groups else []
            if joined and sum(len({*column}) > 1 for column in zip_longest(*joined)) < 3:
                groups[-1] = joined
            else:
                groups.append([values])
        for group in groups:
            columns = [", ".join(column if len({*column}) > 1 else column[:1]) for column in zip(*group, strict=True)]
            yield f"{name}: {' | '.join(columns)}"


def test_all_that_settling_stores_and_a_whole_settling_stores_the_same(archive):
    told = "".join(f"{line}\n" for line in settlings(archive, Clock()))
    assert told == expected_text(Path(__file__).with_name("settlings.txt"), told)
    assert verify(archive.db) == []
    assert not archive.db.conn.in_transaction
    rows = stored_rows(archive)
    note_unsettled(archive.db)
    settle(archive.db, Clock())
    assert stored_rows(archive) == rows
