"""A page's own reading as the archive holds it, and the changes that a new cleaning makes to it.

The reading is the cleaner's result, without the site's memory and without rulings. It can be packed into bytes, to be
stored while the page is cleaned again, and made into rows again. A change is stated for the article, and block by block
with the rule that decides it.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import (
    ArticleImage,
    Block,
    BlockKind,
    CleanedPage,
    FieldStatement,
    Metadata,
    PageType,
    PageVerdict,
    Verdict,
)
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.cleaners.lineage import Lineage

from ..archive.article_storage import user_values
from ..archive.ledger import LedgerRows, read_ledger
from ..archive.metadata_columns import STATED_AS_FIELDS, metadata_of_fields, metadata_of_row
from ..archive.page_rows import (
    SETTLED_EVIDENCE,
    PageRows,
    make_page_rows,
    stored_images,
    stored_lineage,
    stored_signature,
    stored_statements,
)
from ..archive.shelf import JsonValue
from ..archive.stored_text import storable_text
from ..archive.stored_values import decoding, json_value, stored_texts, unpacked
from ..write.assembled_text import stored_chances
from ..write.site_fields import with_own_fields

_COMPRESSION_LEVEL = 6
_PAGE = """SELECT u.url, p.capture_id, p.own_type, p.evidence, p.title, coalesce(p.canonical_url, ''), p.text_digest,
        p.word_count, p.blocks, p.outlinks, p.robots, p.cleaner_version, p.cleaner_id
    FROM pages p JOIN urls u ON u.id = p.id WHERE p.id = ?"""
_ARTICLE = f"SELECT {STATED_AS_FIELDS}, first_seen, last_seen FROM {{}} WHERE page_id = ?"
_OWN_VERDICTS = """SELECT b.position, coalesce(o.kept, b.kept), r.reason, r.rule, b.repeats
    FROM _page_blocks b
        LEFT JOIN _own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        JOIN _reasons r ON r.id = coalesce(o.reason_id, b.reason_id)
    WHERE b.page_id = ?"""
_OWN_LEDGER = """SELECT b.position, b.block_id, t.text, b.kind, coalesce(o.kept, b.kept), r.reason, r.rule, b.repeats
    FROM _page_blocks b JOIN _block_texts t ON t.id = b.block_id
        LEFT JOIN _own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        JOIN _reasons r ON r.id = coalesce(o.reason_id, b.reason_id)
    WHERE b.page_id = ? ORDER BY b.position"""
_LAYOUT = "SELECT layout FROM _page_layout WHERE page_id = ?"
_LEADS = "SELECT way, url, ruled FROM _page_leads WHERE page_id = ? ORDER BY way, url"
_COUNT_FIELDS = ("words", "digest", "blocks", "kept", "outlinks")

JudgedBlocks = list[tuple[Block, Verdict]]


@dataclass(frozen=True, slots=True)
class OwnReading:
    """A page as its cleaner read it: its rows, and if it is an article its blocks with their verdicts, when the article
    was first and last seen (UTC), and what a user wrote into columns of their own.
    """

    capture_id: int | None
    rows: PageRows
    blocks: tuple[Block, ...]
    verdicts: tuple[Verdict, ...]
    first_seen: str = ""
    last_seen: str = ""
    cleaner_id: int | None = None
    user_values: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def kept_texts(self) -> tuple[str, ...]:
        """Return the texts of its kept blocks."""
        return tuple(block.text for block, verdict in zip(self.blocks, self.verdicts, strict=True) if verdict.kept)

    def equals(self, new: PageRows) -> bool:
        """Return whether a new reading is the same in everything that is stored."""
        return not self.differing_fields(new)

    def differing_fields(self, new: PageRows) -> tuple[str, ...]:
        """Name the stored fields that differ in a new reading: `title`, `evidence`, `reasons`, ..."""
        old, new = self.rows, new if new.is_article else replace(new, metadata=_title_and_canonical(new.metadata))
        return (
            *_differing_attributes(old.verdict, new.verdict, _VERDICT_FIELDS),
            *_differing_attributes(old.metadata, new.metadata, _METADATA_FIELDS),
            *_differing_attributes(old, new, _PAGE_FIELDS),
            *(() if old.ledger.has_same_content(new.ledger) else ("reasons",)),
        )

    def pack(self) -> bytes:
        """Pack the reading with its texts as compressed JSON, which `unpack_reading` reads."""
        values = {
            "capture": self.capture_id,
            "cleaner": self.cleaner_id,
            "seen": [self.first_seen, self.last_seen],
            "type": str(self.rows.verdict.page_type),
            "evidence": self.rows.verdict.evidence,
            "signature": None if self.rows.layout_signature is None else self.rows.layout_signature.hex(),
            "metadata": asdict(self.rows.metadata),
            "robots": self.rows.robots,
            "version": self.rows.cleaner_version,
            "counts": {name: getattr(self.rows, name) for name in _COUNT_FIELDS},
            "chances": self.rows.ledger.chances.hex(),
            "images": [list(asdict(image).values()) for image in self.rows.images],
            "statements": [list(asdict(statement).values()) for statement in self.rows.statements],
            "leads": self.rows.leads,
            "user_values": self.user_values,
            "blocks": [_pack_block(*pair) for pair in zip(self.blocks, self.verdicts, strict=True)],
        }
        return zlib.compress(json.dumps(values, ensure_ascii=False).encode("utf-8", "replace"), _COMPRESSION_LEVEL)


_UNCOMPARED_FIELDS = (
    "url",
    "lineage",
    "cleaner_version",
    "leads",
    "markdown",
    "layout_signature",
    "certainty",
    "images",
    "statements",
    "asked_extractor",
)
_COMPARED_BY_PARTS = ("verdict", "metadata", "ledger")
_VERDICT_FIELDS = ("page_type", "evidence")
_METADATA_FIELDS = tuple(attribute.name for attribute in fields(Metadata))
_PAGE_FIELDS = tuple(
    attribute.name for attribute in fields(PageRows) if attribute.name not in (*_UNCOMPARED_FIELDS, *_COMPARED_BY_PARTS)
)


def read_own_reading(db: Database, page_id: int, new: PageRows | None = None) -> OwnReading | None:
    """Read the reading of a page that the archive holds; None if it has no page of this id.

    If it is the same as `new` in everything that is stored, its blocks are left out, which take most of the time.
    """
    row = db.execute(_PAGE, [page_id]).fetchone()
    if row is None:
        return None
    url, capture, own_type, evidence, title, canonical, digest, words, blocks, outlinks, robots, version, cleaner = row
    stored_facts = stored_texts(evidence, "pages", "evidence", page_id)
    facts = tuple(fact for fact in stored_facts if not fact.startswith(SETTLED_EVIDENCE))
    articles = (_read_article(db, table, page_id) for table in ("articles", "shelved"))
    article = next((article for article in articles if article), None)
    held_rows = new if new and digest == new.digest and _holds_ledger(db, page_id, new.ledger) else None
    own_verdicts = {} if held_rows else _read_own_verdicts(db, page_id)
    judged_blocks = (
        [(block, own_verdicts[block.position]) for block, _ in read_ledger(db, page_id)] if own_verdicts else []
    )
    kept_count = sum(verdict.kept for _, verdict in judged_blocks) if own_verdicts else _read_kept_count(db, page_id)
    rows = _build_rows(
        CleanedPage(
            url,
            PageVerdict(_stored_type(own_type, page_id), facts),
            article[0] if article else _title_and_canonical(Metadata(title=title, canonical_url=canonical)),
            *_assembled(judged_blocks),
            outlinks=(),
            robots=stored_texts(robots, "pages", "robots", page_id),
            cleaner_version=version,
            layout_signature=stored_signature(db, page_id),
            statements=stored_statements(db, page_id),
            images=stored_images(db, page_id),
            chances=stored_chances(db, page_id),
        ),
        {"words": words, "digest": digest, "blocks": blocks, "kept": kept_count, "outlinks": outlinks},
        db.execute(_LEADS, [page_id]),
        stored_lineage(db, cleaner),
    )
    seen = article[1:] if article else ("", "")
    if held_rows:
        texts = {name: getattr(held_rows, name) for name in ("text", "markdown", "kept", "ledger")}
        reading = OwnReading(capture, replace(rows, **texts), (), (), *seen, cleaner)
        return reading if reading.equals(held_rows) else read_own_reading(db, page_id)
    return OwnReading(capture, rows, *_split(judged_blocks), *seen, cleaner, user_values(db, page_id))


def _holds_ledger(db: Database, page_id: int, ledger: LedgerRows) -> bool:
    """Return whether the archive holds these blocks of a page, with these verdicts as the cleaner's own."""
    texts, repeats = dict(ledger.texts), dict(ledger.repeats)
    blocks = [
        (position, text_id, texts[text_id], kind, is_kept, *ledger.reasons[reason_index], repeats.get(position))
        for position, text_id, kind, is_kept, reason_index in ledger.blocks
    ]
    layout = db.execute(_LAYOUT, [page_id]).fetchone() or (b"",)
    return bool(layout[0] == ledger.layout and db.execute(_OWN_LEDGER, [page_id]).fetchall() == blocks)


def unpack_reading(db: Database, url: str, packed: bytes) -> OwnReading:
    """Unpack the reading that `OwnReading.pack` made, of the page at a URL."""
    stored = json_value(unpacked(packed).decode())
    judged_blocks = [_unpack_block(position, block_values) for position, block_values in enumerate(stored["blocks"])]
    rows = _build_rows(
        CleanedPage(
            url,
            PageVerdict(PageType(stored["type"]), tuple(stored["evidence"])),
            metadata_of_fields(stored["metadata"]),
            *_assembled(judged_blocks),
            outlinks=(),
            robots=tuple(stored["robots"]),
            cleaner_version=stored["version"],
            layout_signature=None if stored["signature"] is None else bytes.fromhex(stored["signature"]),
            statements=tuple(FieldStatement(*texts) for texts in stored["statements"]),
            images=tuple(ArticleImage(*texts) for texts in stored["images"]),
            chances=bytes.fromhex(stored["chances"]),
        ),
        stored["counts"],
        stored["leads"],
        stored_lineage(db, stored["cleaner"]),
    )
    first_seen, last_seen = (seen.replace("+00:00", "Z") for seen in stored["seen"])  # version 1 wrote the offset
    blocks, verdicts = _split(judged_blocks)
    seen_by = (first_seen, last_seen, stored["cleaner"])
    return OwnReading(stored["capture"], rows, blocks, verdicts, *seen_by, stored["user_values"])


def _stored_type(own_type: str, page_id: int) -> PageType:
    with decoding("pages", "own_type", page_id):
        return PageType(own_type)


def _differing_attributes(old: object, new: object, names: tuple[str, ...]) -> Iterator[str]:
    return (name for name in names if getattr(old, name) != getattr(new, name))


def _build_rows(
    cleaned: CleanedPage, counts: Mapping[str, Any], leads: Iterable[Sequence[Any]], lineage: Lineage | None
) -> PageRows:
    """Build the rows of a page.

    `counts` are fields of `PageRows` as they were stored, since a page that is no article has no blocks to count;
    `leads` are rows of kind, URL and whether a site rule names it.
    """
    lead_rows = tuple((kind, url, bool(is_by_rule)) for kind, url, is_by_rule in leads)
    return replace(make_page_rows(cleaned), **counts, leads=lead_rows, lineage=lineage)


def _assembled(judged_blocks: JudgedBlocks) -> tuple[tuple[Block, ...], tuple[Verdict, ...], str, str]:
    """Return the blocks, their verdicts, and the text and markdown that they give."""
    blocks, verdicts = _split(judged_blocks)
    return blocks, verdicts, *assemble(blocks, verdicts)


def _split(judged_blocks: JudgedBlocks) -> tuple[tuple[Block, ...], tuple[Verdict, ...]]:
    """Return the blocks and their verdicts apart."""
    return tuple(block for block, _ in judged_blocks), tuple(verdict for _, verdict in judged_blocks)


def _read_own_verdicts(db: Database, page_id: int) -> dict[int, Verdict]:
    """Read the cleaner's verdicts on a page's blocks, by position."""
    rows = db.execute(_OWN_VERDICTS, [page_id]).fetchall()
    return {n: Verdict(bool(is_kept), reason, rule, (), repeats) for n, is_kept, reason, rule, repeats in rows}


def read_own_blocks(db: Database, page_id: int) -> JudgedBlocks:
    """Read the blocks of an article page with the cleaner's verdicts, in order."""
    verdicts = _read_own_verdicts(db, page_id)
    return [(block, verdicts[block.position]) for block, _ in read_ledger(db, page_id)]


def _read_kept_count(db: Database, page_id: int) -> int:
    return int(db.execute("SELECT kept FROM pages WHERE id = ?", [page_id]).fetchone()[0])


def _read_article(db: Database, table: str, page_id: int) -> tuple[Metadata, str, str] | None:
    """Read (metadata, first seen, last seen) of a page's article in `articles` or `shelved`."""
    cursor = db.execute(_ARTICLE.format(table), [page_id])
    values = cursor.fetchone()
    if values is None:
        return None
    row = dict(zip([column[0] for column in cursor.description], values, strict=True))
    metadata = with_own_fields(db, page_id, metadata_of_row(row, table, f"of page {page_id}"))
    return metadata, row["first_seen"], row["last_seen"]


def _title_and_canonical(metadata: Metadata) -> Metadata:
    """Return the metadata that is stored of a page that is no article."""
    return Metadata(title=storable_text(metadata.title), canonical_url=storable_text(metadata.canonical_url))


def _pack_block(block: Block, verdict: Verdict) -> list[object]:
    markup = (block.path, block.level, block.link_chars, sorted(block.landmarks))
    judged = (verdict.kept, verdict.reason, verdict.rule, verdict.repeats)
    return [str(block.kind), block.text, block.markdown, *markup, *judged]


def _unpack_block(position: int, values: list[Any]) -> tuple[Block, Verdict]:
    kind, text, markdown, path, level, link_chars, landmarks, is_kept, reason, rule, repeats = values
    block = Block(position, BlockKind(kind), text, markdown, path, level, link_chars, frozenset(landmarks))
    return block, Verdict(is_kept, reason, rule, (), repeats)


NEW_BLOCK_REASON = ("new block", "")
"""(reason, rule) of a kept text that was no block before."""

NO_BLOCK_REASON = ("no block any more", "")
"""(reason, rule) of a text that was kept and is no block now."""

BlockChanges = tuple[tuple[str, str, str], ...]
"""(text, reason, rule) of blocks: a restored block has the rule that had removed it, a removed one the new rule."""


class PageChange(NamedTuple):
    """A page cleaned again.

    `kind` is same, changed (its text), gained or lost (as an article), or other (its metadata, verdict or reasons). The
    texts are those of its kept blocks.
    """

    kind: str
    url: str
    title: str
    restored_blocks: BlockChanges = ()
    removed_blocks: BlockChanges = ()
    old_texts: tuple[str, ...] = ()
    new_texts: tuple[str, ...] = ()
    differing_fields: tuple[str, ...] = ()  # of kind other: names of what differs


def compare_readings(old: OwnReading, new: PageRows) -> PageChange:
    """Compare a page's old reading with the rows of a new one."""
    title = new.metadata.title or old.rows.metadata.title
    if not (kind := _text_change_kind(old, new)):
        differing_fields = old.differing_fields(new)
        return PageChange(
            "other" if differing_fields else "same", old.rows.url, title, differing_fields=differing_fields
        )
    old_texts, new_texts = old.kept_texts, _kept_texts(new)
    restored_texts, removed_texts = Counter(new_texts) - Counter(old_texts), Counter(old_texts) - Counter(new_texts)
    return PageChange(
        kind,
        old.rows.url,
        title,
        restored_blocks=tuple(_with_reasons(restored_texts, _old_removal_reasons(old), NEW_BLOCK_REASON)),
        removed_blocks=tuple(_with_reasons(removed_texts, _new_removal_reasons(new), NO_BLOCK_REASON)),
        old_texts=old_texts,
        new_texts=new_texts,
    )


def _text_change_kind(old: OwnReading, new: PageRows) -> str:
    """Name the change of an article's text: gained, lost or changed; empty if it stays the same."""
    was_article, is_article = old.rows.is_article, new.is_article
    if was_article != is_article:
        return "gained" if is_article else "lost"
    return "changed" if was_article and old.rows.digest != new.digest else ""


def _kept_texts(page: PageRows) -> tuple[str, ...]:
    text_by_id = dict(page.ledger.texts)
    return tuple(text_by_id[text_id] for _, text_id, _, is_kept, _ in page.ledger.blocks if is_kept)


def _old_removal_reasons(old: OwnReading) -> dict[str, tuple[str, str]]:
    """Return (reason, rule) of the texts that the old reading removed."""
    pairs = zip(old.blocks, old.verdicts, strict=True)
    return {block.text: (verdict.reason, verdict.rule) for block, verdict in pairs if not verdict.kept}


def _new_removal_reasons(page: PageRows) -> dict[str, tuple[str, str]]:
    """Return (reason, rule) of the texts that the new rows remove."""
    text_by_id, reasons = dict(page.ledger.texts), page.ledger.reasons
    return {text_by_id[text_id]: reasons[index] for _, text_id, _, is_kept, index in page.ledger.blocks if not is_kept}


def _with_reasons(
    texts: Counter[str], reasons: dict[str, tuple[str, str]], default_reason: tuple[str, str]
) -> Iterator[tuple[str, str, str]]:
    for text in texts.elements():
        yield text, *reasons.get(text, default_reason)


@dataclass(slots=True)
class RecleanTally:
    """Counts over many pages: pages by kind of change, blocks brought back and removed by (reason, rule), and the
    fields that differ in pages of kind other.
    """

    pages_by_kind: Counter[str] = field(default_factory=Counter)
    restored_by_rule: Counter[tuple[str, str]] = field(default_factory=Counter)
    removed_by_rule: Counter[tuple[str, str]] = field(default_factory=Counter)
    differing_fields: Counter[str] = field(default_factory=Counter)

    def add(self, change: PageChange) -> None:
        """Count a page; the blocks of one that became or ceased to be an article are not counted one by one."""
        self.pages_by_kind[change.kind] += 1
        self.differing_fields.update(change.differing_fields)
        if change.kind == "changed":
            self.restored_by_rule += _count_by_rule(change.restored_blocks)
            self.removed_by_rule += _count_by_rule(change.removed_blocks)

    def as_counts(self) -> dict[str, int]:
        """Return the counts as they are stored with the run."""
        block_counts = {"blocks_back": self.restored_by_rule.total(), "blocks_removed": self.removed_by_rule.total()}
        return {**self.pages_by_kind, **block_counts}


def _count_by_rule(block_changes: Iterable[tuple[str, str, str]]) -> Counter[tuple[str, str]]:
    return Counter((reason, rule) for _, reason, rule in block_changes)
