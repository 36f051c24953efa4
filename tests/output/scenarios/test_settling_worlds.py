"""Random archives: settling often gives what settling once at the end gives, whatever came in between.

All that settling writes is compared, also what only explains: evidence, and why an article is shelved.
"""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import (
    AUTHORS,
    DAY_MONTH,
    PUBLISHED,
    FieldStatement,
    Metadata,
    Outlink,
    PageType,
    Verdict,
)
from broadsheet.cleaners.site import field_evidence, repeated_blocks
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.read.verify import verify
from broadsheet.output.settle import settle_steps as steps
from broadsheet.output.settle.settle_steps import SettleSteps
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.person_verdicts import Ruling, drop_ruling, store_ruling
from broadsheet.output.write.url_queue import add_urls
from broadsheet.output.write.verdicts import apply_rulings
from tests import internal_tables as inner
from tests.output.cleaned_pages import cleaned_page
from tests.output.conftest import Clock, Maker
from tests.output.settle.stories import BODY, KEPT, PROMO, with_blocks
from tests.sampling import sampled

HOSTS = ("a.test", "b.test", "c.test", "d.test")
URLS = [f"http://{host}/story-{'abcdefghijklmn'[number]}" for host in HOSTS for number in range(14)]
SIGNATURES = [b"", *(pack_signature(list(range(first, first + 30))) for first in (0, 100, 200))]
SERIAL_URLS = [f"http://a.test/long{end}" for end in ("", "?page=2", "?page=3")]
LEFT_OUT = Verdict(False, "closing line", "model/closing-line")
REMOVED = Verdict(False, "share buttons", "share.icons")
NOTE, TAGS = "body>main>div.note>p", "body>main>div.tags>p"
Step = Callable[[Archive], None]


def words(name: str, count: int) -> str:
    return " ".join(f"{name}{'abcdefghij'[number // 10]}{'abcdefghij'[number % 10]}" for number in range(count))


STORIES = [tuple(words(f"story{'abcdefghijklmnopqrstuvwx'[n]}{part}", 24) for part in "xyz") for n in range(24)]
SERIES_NOTE = words("series", 60)
TITLE = "The harbour"
SHORT_NOTE = "Tide tables are sold at the harbour office of the town"


@dataclass
class World:
    """Makes the steps of one archive's life, the same for each seed."""

    chance: random.Random
    make: Maker = field(default_factory=lambda: Maker(Clock()))
    rulings: list[Ruling] = field(default_factory=list)
    saved_texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Some worlds are small, so that a page meets others in many ways, and its own content again and again."""
        hosts = self.chance.sample(HOSTS, self.chance.choice((1, 2, len(HOSTS))))
        urls = [url for url in URLS if url.split("/")[2] in hosts]
        self.urls = self.chance.sample(urls, self.chance.choice((6, 12, len(urls))))
        self.stories = self.chance.sample(STORIES, self.chance.choice((5, 10, len(STORIES))))
        self.promo_share, self.gap_share = self.chance.choice((0.3, 0.6, 0.9)), self.chance.choice((0.02, 0.1, 0.3))
        self.series_share = self.chance.choice((0.0, 0.1, 0.3))

    def steps(self, count: int) -> list[Step]:
        kinds: tuple[tuple[Callable[[], Step], int], ...] = (
            (self.save_page, 70), (self.save_serial_page, 8), (self.save_failure, 3), (self.queue_again, 3),
            (self.rule, 10), (self.save_bare_page, 6), (self.save_twin, 8),
        )  # fmt: skip
        makers, weights = zip(*kinds, strict=True)
        return [self.chance.choices(makers, weights)[0]() for _ in range(count)]

    def save_page(self) -> Step:
        url = self.chance.choice(self.urls)
        texts = self.story_texts()
        canonical = self.chance.choice(self.urls) if self.chance.random() < 0.25 else ""
        title = self.chance.choice(("", "", TITLE))
        page_type = PageType.OTHER if self.chance.random() < 0.05 else PageType.ARTICLE
        return self.saving(url, texts, canonical=canonical, title=title, page_type=page_type)

    def save_bare_page(self) -> Step:
        """The step that saves a page of nothing but what the site adds to others."""
        return self.saving(self.chance.choice(self.urls), [], title=TITLE)

    def save_twin(self) -> Step:
        """The step that saves a story under a title, which other pages have too."""
        return self.saving(self.chance.choice(self.urls), list(self.stories[0]), title=TITLE)

    def story_texts(self) -> list[str]:
        kind = self.chance.choices(("one", "several", "part", "nearly"), (55, 25, 10, 10))[0]
        stories = self.chance.sample(self.stories, self.chance.randint(2, 4) if kind == "several" else 1)
        if kind == "part":
            return list(stories[0][: self.chance.randint(1, 2)])
        if kind == "one" and self.chance.random() < 0.2:
            return [f"{' '.join(stories[0][0].split()[:14])} …"]
        texts = [text for story in stories for text in story]
        return [*texts[:-1], f"{texts[-1]} seen {self.chance.randint(1, 99)} times"] if kind == "nearly" else texts

    def save_serial_page(self) -> Step:
        number = self.chance.randrange(3)
        links = tuple(
            Outlink(SERIAL_URLS[other], "", ("next",), "next") for other in (number - 1, number + 1) if 0 <= other < 3
        )
        texts = list(self.stories[number]) if self.chance.random() < 0.7 else self.story_texts()
        return self.saving(SERIAL_URLS[number], texts, title="The long story", outlinks=links)

    def saving(self, url: str, texts: list[str], **changes: object) -> Step:
        """The step that saves a page with these paragraphs, of which some are left out, between what the site adds."""
        rows = [(text, BODY, self.paragraph_verdict()) for text in texts]
        if not texts or self.chance.random() < self.promo_share:
            rows.insert(self.chance.choice((0, len(rows))), (PROMO, self.chance.choice((BODY, NOTE)), KEPT))
        if self.chance.random() < self.series_share:
            rows.append((SERIES_NOTE, self.chance.choice((BODY, NOTE)), KEPT))
        if self.chance.random() < 0.4:
            rows.append((self.chance.choice((SHORT_NOTE, words(url[-1] * 3, 9))), BODY, LEFT_OUT))
        if texts and self.chance.random() < 0.4:
            rows.append((words(url[-1] * 2, 6), TAGS, self.chance.choice((REMOVED, REMOVED, REMOVED, KEPT))))
        if changes.get("page_type") is not PageType.OTHER:  # of which no block is stored
            self.saved_texts += [row[0] for row in rows]
        outcome = self.make.outcome(url, "x", **changes)
        values = {"layout_signature": self.chance.choice(SIGNATURES), "chances": b""}
        if self.chance.random() < 0.9:
            values["chances"] = bytes(self.chance.choice((3, 40, 128, 230, 252)) for _ in rows)
        outcome = with_blocks(outcome, *rows, **values, **self.fields_of(url, cleaned_page(outcome).metadata))
        return lambda archive: archive.save([outcome])

    def fields_of(self, url: str, metadata: Metadata) -> dict[str, object]:
        """Return metadata and statements of a page, by chances of their own: most state the site as their author."""
        chance = random.Random(f"{url} {len(self.saved_texts)}")
        site = ("Ann Lee",) if chance.random() < 0.05 else ("The Paper",)
        byline = chance.choice((("Bo Chen",), ("Cy Roe",), ()))
        order, day = chance.choice(("day-first", "day-first", "month-first")), f"2024-0{chance.randint(1, 9)}-05"
        statements = (
            FieldStatement(AUTHORS, "meta", json.dumps(site)),
            *([FieldStatement(AUTHORS, "markup", json.dumps(byline))] if byline else []),
            FieldStatement(PUBLISHED, "text", day),
            chance.choice(
                (FieldStatement(DAY_MONTH, "shown", order), FieldStatement(DAY_MONTH, "assumed", f"month-first {day}"))
            ),
        )
        end = "" if metadata.title == TITLE else chance.choice((" | The Paper", " | The Paper", ""))
        title = f"{metadata.title}{end}"
        fields = {"title": title, "authors": site, "published": day, "sitename": "The Paper"}
        sources = {"title": "meta", "authors": "meta", "published": "text", "sitename": "meta"}
        return {"metadata": replace(metadata, **fields, sources=sources), "statements": statements}

    def paragraph_verdict(self) -> Verdict:
        return self.chance.choice((LEFT_OUT, REMOVED)) if self.chance.random() < self.gap_share else KEPT

    def save_failure(self) -> Step:
        outcome = Outcome(self.chance.choice(self.urls), "failed", "http_404", 404, self.make.clock())
        return lambda archive: archive.save([outcome])

    def queue_again(self) -> Step:
        url = self.chance.choice(SERIAL_URLS)

        def step(archive: Archive) -> None:
            with write_transaction(archive.db):
                add_urls(archive.db, [DiscoveredUrl(url, "a.test")], "2026-01-01T00:00:00Z")
                archive.db.execute("UPDATE urls SET state = 'queued' WHERE url = ?", [url])

        return step

    def rule(self) -> Step:
        """Store a ruling or drop one as such: what a person's command does depends on what the page shows just then."""
        if not self.saved_texts:
            return self.save_page()
        if self.rulings and self.chance.random() < 0.3:
            ruling, change = self.rulings.pop(self.chance.randrange(len(self.rulings))), drop_ruling
        else:
            common_texts = [text for text in (PROMO, SHORT_NOTE) if text in self.saved_texts]
            text = self.chance.choice([*common_texts, self.chance.choice(self.saved_texts)])
            scope = self.chance.choice(
                ({}, {"host": "a.test"}, {"article_id": article_id(self.chance.choice(self.urls))})
            )
            ruling = Ruling(block_id(text), self.chance.random() < 0.5, ruled_at=self.make.clock(), **scope)
            self.rulings.append(ruling)
            change = store_ruling

        def step(archive: Archive) -> None:
            with write_transaction(archive.db):
                change(archive.db, ruling)
                apply_rulings(archive.db, ruling.ruled_at)

        return step


_REASONS = f"{inner.REASONS} r ON r.id = reason_id"
_SETTLED = {
    "articles": "SELECT * FROM articles",
    "shelved": "SELECT * FROM shelved",
    "pages": """SELECT u.url, p.page_type, p.own_type, p.evidence, p.article_id, p.kept, p.removed, p.word_count
        FROM pages p JOIN urls u USING (id)""",
    "blocks": f"SELECT page_id, position, block_id, kept, reason, rule FROM {inner.PAGE_BLOCKS} JOIN {_REASONS}",
    "own verdicts": f"""SELECT page_id, position, kept, reason, rule, site_kept
        FROM {inner.OWN_VERDICTS} JOIN {_REASONS}""",
    "own fields": f"SELECT * FROM {inner.OWN_FIELDS}",
    "statements of pages": f"SELECT * FROM {inner.PAGE_STATEMENTS}",
    "evidence": f"SELECT block_id, host, at_place, pages, of_pages, first_seen FROM {inner.BLOCK_EVIDENCE}",
    "parts": f"SELECT * FROM {inner.PAGE_PARTS}",
    "layouts": f"SELECT id, host, signature, pages, articles, kind, evidence FROM {inner.LAYOUTS}",
    "layout of pages": "SELECT id, layout_id FROM pages",
    inner.SCANS: f"SELECT page_id, first_seen, scan FROM {inner.SCANS}",
    "copies": "SELECT id, _copy_of FROM pages WHERE _copy_of IS NOT NULL",
    "common texts": f"SELECT * FROM {inner.COMMON_TEXTS}",
    "urls": "SELECT url, state, iif(state = 'queued', '', reason), held_reason FROM urls",
}


def settled_state(archive: Archive) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(archive.db.execute(query).fetchall(), key=repr) for name, query in _SETTLED.items()}


def result(
    file: Path,
    seed: int,
    step_count: int,
    settle_share: float,
    settle_now: Callable[[Database, Clock], object] = settle,
) -> dict[str, list[tuple[object, ...]]]:
    steps, moments = World(random.Random(seed)).steps(step_count), random.Random(seed + 1)
    clock = Clock()
    with Archive.open(file, clock) as archive:
        for step in steps:
            step(archive)
            if moments.random() < settle_share:
                settle_now(archive.db, clock)
        settle(archive.db, clock)
        again = settle(archive.db, clock)
        assert (again.rewritten_rows, again.rejudged_pages, again.removed_articles, again.returned_articles) == (0,) * 4
        assert verify(archive.db) == []
        return settled_state(archive)


def check_world(folder: Path, seed: int, step_count: int) -> None:
    once = result(folder / "once.db", seed, step_count, 0.0)
    often = result(folder / "often.db", seed, step_count, 0.3)
    for name, rows in once.items():
        assert often[name] == rows, name


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3])
def test_settling_often_gives_what_settling_once_gives(tmp_path, seed):
    check_world(tmp_path, seed, 35)


def make_slots_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_blocks, "_SLOT_PAGES", 3)
    monkeypatch.setattr(repeated_blocks, "_SLOT_SHARE", 0.5)
    monkeypatch.setattr(repeated_blocks, "_SURE_PAGES", 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", sampled(range(100, 160), 6))
def test_it_does_in_larger_worlds(tmp_path, seed, monkeypatch):
    """Few pages are enough for a slot, and for a field's evidence."""
    make_slots_common(monkeypatch)
    monkeypatch.setattr(field_evidence, "MIN_PAGES", 2 + seed % 3)
    check_world(tmp_path, seed, 60)


def check_world_with_cuts(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step of settling is committed, and half of the settlings are cut off somewhere between two steps."""
    moments, end_step = random.Random(seed + 2), SettleSteps.end_step
    cuts: list[int] = []

    def settle_and_cut(db: Database, clock: Clock) -> None:
        steps_left = moments.choice((1, 2, 4, 99))

        def cut(steps: SettleSteps) -> None:
            nonlocal steps_left
            end_step(steps)
            steps_left -= 1
            if not steps_left:
                cuts.append(seed)
                raise InterruptedError

        with monkeypatch.context() as patch, suppress(InterruptedError):
            patch.setattr(SettleSteps, "end_step", cut)
            settle(db, clock)

    once = result(folder / "once.db", seed, 60, 0.0)
    monkeypatch.setattr(steps, "ROWS_PER_STEP", 1)
    for name, rows in result(folder / "cut.db", seed, 60, 0.3, settle_and_cut).items():
        assert once[name] == rows, name
    assert cuts


@pytest.mark.slow
@pytest.mark.parametrize("seed", sampled(range(200, 220), 3))
def test_settling_that_was_cut_off_gives_the_same_once_it_is_done(tmp_path, seed, monkeypatch):
    check_world_with_cuts(tmp_path, seed, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "table", "word"), [
    (114, "blocks", "site/slot"), (115, "shelved", "emptied"),
])  # fmt: skip
def test_these_worlds_have_slots_and_pages_without_a_text(tmp_path, seed, table, word, monkeypatch):
    make_slots_common(monkeypatch)
    assert any(word in row for row in result(tmp_path / "world.db", seed, 60, 0.0)[table])


def test_fields_follow_the_site_in_these_worlds(tmp_path, monkeypatch):
    monkeypatch.setattr(field_evidence, "MIN_PAGES", 2)
    assert {row[1] for row in result(tmp_path / "world.db", 105, 60, 0.0)["own fields"]} == {
        "authors",
        "published",
        "title",
    }
