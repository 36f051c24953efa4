"""One article with all that the archive knows of it: text, blocks with their verdicts, sources, edits, copies, URLs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import COMPARED_KINDS, EditKind
from broadsheet.cleaners.document import PageType
from broadsheet.cleaners.judge.certainty import Certainty, certainty

from ..archive.metadata_columns import ARTICLE_COLUMNS, JSON_COLUMNS, METADATA_FIELDS, STATING_COLUMNS
from ..archive.pictures import PictureRun, named_pictures, picture_runs, pictures_of_article
from ..archive.stored_values import stored_object, stored_texts
from ..read.archive_facts import PICTURE_WORDS
from ..read.edit_history import Revision, revisions_of
from ..read.page_lookup import StoredBlock, StoredPage, read_page
from ..read.plain_words import count_text, shelving_words
from ..write.corrections import CorrectedField, corrections_in_force
from ..write.verdicts import OF_PAGE, find_steps, waiting_blocks
from .article_list import ListPlace
from .strict_requests import NotHereError

MOST_ROWS = 50  # of addresses and captures
_FOLDED_RUN = 7  # removed blocks in a row from which on they are folded

_COLUMNS = ", ".join(f"coalesce({name}, '')" for name in ARTICLE_COLUMNS)
_ARTICLE = f"""SELECT {_COLUMNS}, '' FROM articles WHERE id = ?1
    UNION ALL SELECT {_COLUMNS}, why FROM shelved WHERE id = ?1"""
_RULING = "SELECT article_id IS NOT NULL, host, at, note FROM rulings WHERE id = ?"
_COPY = "SELECT id, url, title, coalesce(published_day, '') FROM articles WHERE id = ?"
_ADDRESSES = f"""SELECT u.url, u.state, u.reason, u.found_via, coalesce(u.found_on, ''), u.first_seen,
        coalesce(u.fetched_at, ''), coalesce(u.http_status, '')
    FROM (SELECT id FROM pages WHERE article_id = ?1 UNION SELECT ?2) p JOIN urls u ON u.id = p.id
    ORDER BY u.id <> ?2, u.url LIMIT {MOST_ROWS}"""
_CAPTURES = f"""SELECT c.id, c.url, c.fetched_at, coalesce(c.http_status, 0), c.content_type, c.payload_length,
        c.warc_file IS NOT NULL, c.rendered_for IS NOT NULL,
        c.id IS (SELECT capture_id FROM pages WHERE id = ?2) AS is_of_text
    FROM (SELECT id FROM pages WHERE article_id = ?1 UNION SELECT ?2) p JOIN urls u ON u.id = p.id
        JOIN captures c ON c.url = u.url
    ORDER BY is_of_text DESC, c.fetched_at DESC, c.id LIMIT {MOST_ROWS}"""
_PAGE_FACTS = "SELECT certainty, EXISTS (SELECT 1 FROM _images WHERE page_id = ?1) FROM pages WHERE id = ?1"


# Pictures that an update asks for: neither stored nor gone from the site.
_ASKABLE_PICTURES = """SELECT count(*) FROM _images i WHERE page_id = ? AND NOT EXISTS (SELECT 1 FROM urls u
    WHERE u.url = i.url AND (u.state = 'done' OR u.reason IN ('http_404', 'http_410', 'forgotten')))"""


class MetadataLine(NamedTuple):
    """A field of an article's metadata, its value as text, and where on the page it was read.

    `own` is the page's own statement if a person corrected the field (it may be empty), else None.
    """

    name: str
    value: str
    source: str
    own: str | None = None


@dataclass(frozen=True, slots=True)
class ShownBlock(StoredBlock):
    """A block of the page with the ruling in force and its scope: `article`, `host`, `everywhere`; empty without one.

    `is_waiting`: a ruling on it waits for a crawl to end.
    """

    ruled: str = ""
    note: str = ""
    is_waiting: bool = False


_STORED_VALUES = attrgetter(*(field.name for field in fields(StoredBlock)))


@dataclass(frozen=True, slots=True)
class BlockRun:
    """Blocks in a row with the same verdict; `reasons` are those of removed ones with their counts."""

    is_kept: bool
    blocks: tuple[ShownBlock, ...]
    reasons: tuple[tuple[str, int], ...]

    @property
    def is_folded(self) -> bool:
        """Return whether the run is so long that it would hide the article."""
        return not self.is_kept and len(self.blocks) >= _FOLDED_RUN


class CopyLine(NamedTuple):
    """A similar article: the kind of similarity, its degree (0 to 1), and the article."""

    kind: str
    similarity: float
    id: int
    url: str
    title: str
    published_day: str


class AddressLine(NamedTuple):
    """A URL that leads to the article: what it gave, and how it was found."""

    url: str
    state: str
    reason: str
    found_via: str
    found_on: str
    first_seen: str
    fetched_at: str
    http_status: str


class CaptureLine(NamedTuple):
    """A response that was received for one of the article's URLs, or the document that a browser made of one.

    `is_of_text`: the article's text was read from it.
    """

    id: int
    url: str
    fetched_at: str
    http_status: int
    content_type: str
    payload_length: int
    has_record: bool
    is_rendered: bool
    is_of_text: bool


@dataclass(frozen=True, slots=True)
class ArticleView:
    """Everything about an article.

    `certainty` is the F1 that its verdicts are expected to have; None: not known. `pictures` stand where the page has
    them, also those whose files the archive lacks. `missing_pictures` counts those that can be asked for. `place` is
    its place in the list from which it was opened; None: in none. `watch` is a person's word for how closely it is
    watched, empty without.
    """

    id: int
    url: str
    host: str
    title: str
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    language: str
    section: str
    sitename: str
    description: str
    published: str
    published_day: str
    word_count: int
    page_type: str
    shelving_reason: str
    evidence: tuple[str, ...]
    cleaner_version: str
    certainty: float | None
    markdown: str
    metadata: tuple[MetadataLine, ...]
    blocks: tuple[ShownBlock, ...]
    revisions: tuple[Revision, ...]
    copies: tuple[CopyLine, ...]
    addresses: tuple[AddressLine, ...]
    captures: tuple[CaptureLine, ...]
    pictures: tuple[PictureRun, ...] = ()
    missing_pictures: int = 0
    notes: tuple[ArticleNote, ...] = ()
    place: ListPlace | None = None
    watch: str = ""

    @property
    def runs(self) -> tuple[BlockRun, ...]:
        """Return the blocks in runs of the same verdict."""
        runs = (tuple(blocks) for _, blocks in groupby(self.blocks, key=lambda block: block.is_kept))
        return tuple(BlockRun(blocks[0].is_kept, blocks, _reason_counts(blocks)) for blocks in runs)

    @property
    def repeats_description(self) -> bool:
        """Return whether the text begins with the page's summary, which then need not stand above it too."""
        return self.markdown.lstrip("#*_> ").startswith(self.description[:80])

    @property
    def record(self) -> CaptureLine | None:
        """Return the capture that the text was read from; None where its raw response was not kept."""
        return next((capture for capture in self.captures if capture.is_of_text and capture.has_record), None)

    @property
    def removed_count(self) -> int:
        """Count the removed blocks."""
        return sum(not block.is_kept for block in self.blocks)


def read_article(db: Database, article_id: int) -> ArticleView:
    """Read the article of a number, shelved or not.

    Raises NotHereError if the archive has none.
    """
    row = db.execute(_ARTICLE, [article_id]).fetchone()
    if row is None:
        raise NotHereError("the archive has no article of that number")
    fields = dict(zip(_FIELDS, row, strict=True))
    page = read_page(db, fields["page_id"])
    rulings = {
        step.position: db.execute(_RULING, [step.ruling_id]).fetchone()
        for step in find_steps(db, OF_PAGE, {"page": fields["page_id"]})
        if step.ruling_id is not None and step.is_idle
    }
    pending_blocks = waiting_blocks(db, fields["page_id"])
    page_keys = [article_id, fields["page_id"]]
    corrections = corrections_in_force(db, article_id, fields["host"])
    certainty, has_pictures = db.execute(_PAGE_FACTS, [fields["page_id"]]).fetchone()
    revisions, is_emptied = revisions_of(db, article_id), not fields["markdown"].strip() and bool(rulings)
    facts = (fields["why"], fields["page_type"], certainty, fields["word_count"], bool(has_pictures), is_emptied)
    return ArticleView(
        **{name: fields[name] for name in _SHOWN_AS_THEY_ARE},
        authors=_texts(fields, "authors"),
        tags=_texts(fields, "tags"),
        published=fields["published_stated"],
        shelving_reason=fields["why"],
        evidence=page.evidence,
        certainty=certainty,
        metadata=tuple(_metadata_lines(fields, {own.field: own.text for own in page.corrected})),
        blocks=tuple(_shown_blocks(page, rulings, pending_blocks)),
        revisions=revisions,
        copies=tuple(_copies(db, article_id)),
        addresses=tuple(AddressLine(*map(str, values)) for values in db.execute(_ADDRESSES, page_keys)),
        captures=tuple(
            CaptureLine(*[*values[:6], *map(bool, values[6:])]) for values in db.execute(_CAPTURES, page_keys)
        ),
        pictures=picture_runs(db, article_id, [*pictures_of_article(db, article_id), *named_pictures(db, article_id)]),
        watch=watched.value if (watched := corrections.get(CorrectedField.WATCH)) else "",
        missing_pictures=db.execute(_ASKABLE_PICTURES, [fields["page_id"]]).fetchone()[0],
        notes=tuple(article_notes(NotedFacts(*facts, revisions))),
    )


def _copies(db: Database, article_id: int) -> Iterator[CopyLine]:
    from ..read.alike_articles import alike_to  # brings numpy

    for pair in alike_to(db, article_id):
        other_id = pair.duplicate_id if pair.article_id == article_id else pair.article_id
        other = db.execute(_COPY, [other_id]).fetchone()
        yield CopyLine(pair.kind, pair.similarity, *other)


_FIELDS = (*ARTICLE_COLUMNS, "why")
_SHOWN_AS_THEY_ARE = (
    *"id url host title language section sitename description published_day word_count page_type".split(),
    *"cleaner_version markdown".split(),
)


def _texts(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    return stored_texts(fields[name], "articles", name, fields["id"])


def _metadata_lines(fields: dict[str, Any], own: dict[str, str]) -> Iterator[MetadataLine]:
    """Yield the fields that have a value, or had one, each with its source."""
    sources = stored_object(fields["metadata_sources"], "articles", "metadata_sources", fields["id"])
    for name in METADATA_FIELDS:
        column = STATING_COLUMNS[name]
        value = ", ".join(_texts(fields, name)) if column in JSON_COLUMNS else str(fields[column])
        is_said_elsewhere = (name == "description" and fields["standfirst"].startswith(value.rstrip(" .…"))) or (
            value and value == {"keywords": ", ".join(_texts(fields, "tags")), "canonical_url": fields["url"]}.get(name)
        )
        if (value and not is_said_elsewhere) or name in own:
            yield MetadataLine(name, value, str(sources.get(name, "")), own.get(name))


def _shown_blocks(
    page: StoredPage, rulings: dict[int, tuple[Any, ...]], pending_blocks: Collection[int]
) -> Iterator[ShownBlock]:
    for block in page.blocks:
        is_for_article, host, _, note = rulings.get(block.position, (False, None, "", ""))
        scope = "article" if is_for_article else "host" if host else "everywhere"
        ruled = scope if block.position in rulings else ""
        yield ShownBlock(*[*_STORED_VALUES(block), ruled, note, block.block_id in pending_blocks])


def _reason_counts(blocks: Iterable[ShownBlock]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(block.reason for block in blocks if not block.is_kept).most_common())


# Notes above an article: what a reader should know before trusting its text.
#
# An article may be withdrawn, shelved, of low certainty, edited, the free beginning of a longer one, or little more
# than pictures. Each note has a sentence, and where it helps a link.


class NoteKind(StrEnum):
    """Kind of a note, the most important first."""

    WITHDRAWN = "withdrawn"
    SHELVED = "shelved"
    EMPTIED = "emptied"
    UNCERTAIN = "uncertain"
    EDITED = "edited"
    TEASER = "teaser"
    PICTURES = "pictures"


class ArticleNote(NamedTuple):
    """A note: its kind, the sentence, and a link below the article's address with its words (empty: none)."""

    kind: NoteKind
    text: str
    path: str = ""
    link: str = ""


class NotedFacts(NamedTuple):
    """Facts of an article that notes are made of. `certainty` is the expected F1; None: not known."""

    shelving_reason: str
    page_type: str
    certainty: float | None
    word_count: int
    has_pictures: bool
    is_emptied: bool
    revisions: Sequence[Revision]


def article_notes(facts: NotedFacts) -> Iterator[ArticleNote]:
    """Yield the notes of an article, the most important first."""
    latest = facts.revisions[-1] if facts.revisions else None
    if latest is not None and latest.change == EditKind.WITHDRAWN and not facts.shelving_reason:
        seen = f"Its site has withdrawn this article, as seen on {latest.seen_at[:10]}"
        yield ArticleNote(NoteKind.WITHDRAWN, f"{seen}. The archive keeps the last text.")
    if facts.shelving_reason:
        yield ArticleNote(NoteKind.SHELVED, f"This article is shelved: {shelving_words(facts.shelving_reason)}.")
    if facts.is_emptied:
        text = "A person took all of its text out."
        yield ArticleNote(NoteKind.EMPTIED, text, "?view=blocks", "The blocks")
    elif facts.certainty is not None and certainty(facts.certainty) is Certainty.LOW:
        text = "The text is of low certainty: some text may be missing or superfluous."
        yield ArticleNote(NoteKind.UNCERTAIN, text, "?view=blocks", "What was removed")
    yield from _edit_notes(facts.revisions)
    if facts.page_type == PageType.TEASER:
        yield ArticleNote(NoteKind.TEASER, "This is the free beginning of an article behind a paywall.")
    if facts.has_pictures and facts.word_count < PICTURE_WORDS and not facts.is_emptied:
        words = count_text(facts.word_count, "word")
        yield ArticleNote(NoteKind.PICTURES, f"The page has pictures with hardly a word: {words}.")


def _edit_notes(revisions: Sequence[Revision]) -> Iterator[ArticleNote]:
    """Yield a note on the edits of the publication, with the notice of the latest one."""
    edits = [revision for revision in revisions if not set(COMPARED_KINDS).isdisjoint(revision.kinds)]
    if not edits:
        return
    latest = edits[-1]
    kinds, day = ", ".join(latest.kinds), latest.seen_at[:10]
    text = f"Its publication edited this article: {count_text(len(edits), 'edit')}, the latest on {day} ({kinds})."
    notice = f" “{latest.note}”" if latest.note else ""
    yield ArticleNote(NoteKind.EDITED, text + notice, f"/diff?to={latest.number}", "What changed")
