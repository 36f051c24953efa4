"""A page's own reading as the archive holds it: what its cleaner said, without the site's memory and without rulings.

It can be packed, to be kept while the page is cleaned again, and made into rows again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from sqlite_utils import Database

from cleaners.document import Block, Cleaned, Kind, Metadata, PageType, PageVerdict, Verdict
from cleaners.verdicts.assemble import assemble
from output.db.text import storable
from output.store.ledger import read_ledger
from output.store.lineage import stored_lineage
from output.store.page_rows import SETTLED_EVIDENCE, PreparedPage, prepared
from output.store.user_values import JsonValue, user_values

_PACKING = 6
_PAGE = """SELECT u.url, p.capture_id, p.own_type, p.evidence, p.title, coalesce(p.canonical_url, ''), p.text_digest,
        p.word_count, p.blocks, p.outlinks, p.robots, p.cleaner_version, p.cleaner_id
    FROM pages p JOIN urls u ON u.id = p.id WHERE p.id = ?"""
_ARTICLE = """SELECT title, authors, published, modified, language, description, section, tags, licence, sitename,
        image, canonical_url, metadata_sources, first_seen, last_seen FROM {} WHERE page_id = ?"""
_OWN = """SELECT b.position, coalesce(o.kept, v.kept, b.kept), r.reason, r.rule FROM page_blocks b
        LEFT JOIN own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        LEFT JOIN overruled v ON v.page_id = b.page_id AND v.position = b.position
        JOIN reasons r ON r.id = coalesce(o.reason_id, v.reason_id, b.reason_id)
    WHERE b.page_id = ?"""
_LEADS = "SELECT way, url, ruled FROM page_leads WHERE page_id = ? ORDER BY way, url"
_LISTS = ("authors", "tags", "metadata_sources")
_COUNTS = ("words", "digest", "blocks", "kept", "outlinks")


@dataclass(frozen=True, slots=True)
class OwnReading:
    """A page as its cleaner read it, with its blocks if it is an article, when its article was seen, and what a user
    wrote beside it."""

    capture_id: int | None
    rows: PreparedPage
    blocks: tuple[Block, ...]
    verdicts: tuple[Verdict, ...]
    first_seen: str = ""
    last_seen: str = ""
    cleaner_id: int | None = None
    user_values: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of its kept blocks."""
        return tuple(block.text for block, verdict in zip(self.blocks, self.verdicts, strict=True) if verdict.kept)

    def is_read_as(self, new: PreparedPage) -> bool:
        """Whether another reading is the same in everything that is stored."""
        return not self.differs_in(new)

    def differs_in(self, new: PreparedPage) -> tuple[str, ...]:
        """What of that which is stored another reading says otherwise: `title`, `evidence`, `reasons`, ..."""
        old, new = self.rows, new if new.is_article else replace(new, metadata=_name_of(new.metadata))
        return (
            *_unlike(old.verdict, new.verdict, _OF_VERDICT),
            *_unlike(old.metadata, new.metadata, _OF_METADATA),
            *_unlike(old, new, _OF_PAGE),
            *(() if old.ledger.is_read_as(new.ledger) else ("reasons",)),
        )

    def packed(self) -> bytes:
        """The reading in a form that `unpacked` reads, texts and all."""
        said = {
            "capture": self.capture_id,
            "cleaner": self.cleaner_id,
            "seen": [self.first_seen, self.last_seen],
            "type": str(self.rows.verdict.page_type),
            "evidence": self.rows.verdict.evidence,
            "metadata": asdict(self.rows.metadata),
            "robots": self.rows.robots,
            "version": self.rows.cleaner_version,
            "counts": {name: getattr(self.rows, name) for name in _COUNTS},
            "leads": self.rows.leads,
            "user_values": self.user_values,
            "blocks": [_packed_block(*each) for each in zip(self.blocks, self.verdicts, strict=True)],
        }
        return zlib.compress(json.dumps(said, ensure_ascii=False).encode("utf-8", "replace"), _PACKING)


_NOT_COMPARED = ("url", "lineage", "cleaner_version", "leads", "markdown")
_BY_PARTS = ("verdict", "metadata", "ledger")
_OF_VERDICT = ("page_type", "evidence")
_OF_METADATA = tuple(each.name for each in fields(Metadata))
_OF_PAGE = tuple(each.name for each in fields(PreparedPage) if each.name not in (*_NOT_COMPARED, *_BY_PARTS))


def own_reading(db: Database, page_id: int) -> OwnReading | None:
    """How the archive holds a page; None if it has none of this number."""
    row = db.execute(_PAGE, [page_id]).fetchone()
    if row is None:
        return None
    url, capture, own_type, evidence, title, canonical, digest, words, blocks, outlinks, robots, version, cleaner = row
    facts = tuple(fact for fact in json.loads(evidence) if not fact.startswith(SETTLED_EVIDENCE))
    article = next((found for table in ("articles", "shelved") if (found := _article(db, table, page_id))), None)
    own = _own_verdicts(db, page_id)
    held = [(block, own[block.position]) for block, _ in read_ledger(db, page_id)] if own else []
    said = {
        "url": url,
        "verdict": PageVerdict(PageType(own_type), facts),
        "metadata": article[0] if article else _name_of(Metadata(title=title, canonical_url=canonical)),
        "robots": tuple(json.loads(robots)),
        "cleaner_version": version,
    }
    counts = {"words": words, "digest": digest, "blocks": blocks, "outlinks": outlinks}
    kept = sum(verdict.kept for _, verdict in held) if own else _kept(db, page_id)
    leads = tuple((way, to, bool(ruled)) for way, to, ruled in db.execute(_LEADS, [page_id]))
    rows = _rows(said, held, {**counts, "kept": kept}, leads)
    rows = replace(rows, lineage=stored_lineage(db, cleaner))
    first, last = article[1:] if article else ("", "")
    return OwnReading(capture, rows, *_split(held), first, last, cleaner, user_values(db, page_id))


def unpacked(db: Database, url: str, packed: bytes) -> OwnReading:
    """A reading that was packed, of the page at a URL."""
    said = json.loads(zlib.decompress(packed))
    held = [_unpacked_block(at, each) for at, each in enumerate(said["blocks"])]
    about = {
        "url": url,
        "verdict": PageVerdict(PageType(said["type"]), tuple(said["evidence"])),
        "metadata": _metadata(said["metadata"]),
        "robots": tuple(said["robots"]),
        "cleaner_version": said["version"],
    }
    leads = tuple((way, to, bool(ruled)) for way, to, ruled in said["leads"])
    rows = _rows(about, held, said["counts"], leads)
    rows = replace(rows, lineage=stored_lineage(db, said["cleaner"]))
    first, last = said["seen"]
    return OwnReading(said["capture"], rows, *_split(held), first, last, said["cleaner"], said.get("user_values", {}))


def _unlike(old: object, new: object, names: tuple[str, ...]) -> Iterator[str]:
    return (name for name in names if getattr(old, name) != getattr(new, name))


def _rows(
    said: Mapping[str, Any],
    held: list[tuple[Block, Verdict]],
    counts: Mapping[str, Any],
    leads: tuple[tuple[str, str, bool], ...],
) -> PreparedPage:
    """The rows of a page; the counts are those that were stored, since a page that is no article has no blocks."""
    blocks, verdicts = _split(held)
    text, markdown = assemble(blocks, verdicts)
    made = prepared(Cleaned(**said, blocks=blocks, verdicts=verdicts, text=text, markdown=markdown, outlinks=()))
    return replace(made, **counts, leads=leads)


def _split(held: list[tuple[Block, Verdict]]) -> tuple[tuple[Block, ...], tuple[Verdict, ...]]:
    return tuple(block for block, _ in held), tuple(verdict for _, verdict in held)


def _own_verdicts(db: Database, page_id: int) -> dict[int, Verdict]:
    rows = db.execute(_OWN, [page_id]).fetchall()
    return {position: Verdict(bool(kept), reason, rule) for position, kept, reason, rule in rows}


def _kept(db: Database, page_id: int) -> int:
    return int(db.execute("SELECT kept FROM pages WHERE id = ?", [page_id]).fetchone()[0])


def _article(db: Database, table: str, page_id: int) -> tuple[Metadata, str, str] | None:
    cursor = db.execute(_ARTICLE.format(table), [page_id])
    row = cursor.fetchone()
    if row is None:
        return None
    said = dict(zip([column[0] for column in cursor.description], row, strict=True))
    first, last = said.pop("first_seen"), said.pop("last_seen")
    plain = {name: json.loads(value) if name in _LISTS else value or "" for name, value in said.items()}
    plain["sources"] = plain.pop("metadata_sources")
    return _metadata(plain), first, last


def _metadata(said: Mapping[str, Any]) -> Metadata:
    lists = {name: tuple(said[name]) for name in ("authors", "tags")}
    return Metadata(**{**said, **lists})


def _name_of(said: Metadata) -> Metadata:
    """What is kept of a page that is no article."""
    return Metadata(title=storable(said.title), canonical_url=storable(said.canonical_url))


def _packed_block(block: Block, verdict: Verdict) -> list[object]:
    place = [block.path, block.level, block.link_chars, sorted(block.landmarks)]
    return [str(block.kind), block.text, block.markdown, *place, verdict.kept, verdict.reason, verdict.rule]


def _unpacked_block(position: int, said: list[Any]) -> tuple[Block, Verdict]:
    kind, text, markdown, path, level, link_chars, landmarks, kept, reason, rule = said
    block = Block(position, Kind(kind), text, markdown, path, level, link_chars, frozenset(landmarks))
    return block, Verdict(kept, reason, rule)
