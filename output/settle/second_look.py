"""Second look at the pages of a host whose blocks were judged: pages without text, and pages that became equal.

An **emptied** page kept only text that its site repeats, or that stands in the site's slots. It is not an article: it
has a title but no text, and is `other`, or a `gallery` if it shows a picture that no other page of its host shows. A
**late copy** has the same title, day and text as another page of its host once repeated text is removed from both.

For the first look both stay articles: they are evidence of what the site repeats, and are judged. So the result depends
on the archive's content alone. The shelf keeps it for the next settling.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from broadsheet.cleaners.document import PageType, PageVerdict

from ..archive.page_rows import EMPTIED_EVIDENCE
from ..archive.shelf import ShelvingReason
from ..archive.stored_text import SQL_ARTICLE_TYPES
from ..archive.stored_values import stored_texts, text_digest
from .copies_and_parts import PageIdentity, choose_representative

if TYPE_CHECKING:
    from sqlite_utils import Database

_STORED_EMPTIED = f"""SELECT x.page_id, u.host, p.page_type, p.evidence FROM _shelf x
    CROSS JOIN pages p ON p.id = x.page_id CROSS JOIN urls u ON u.id = x.page_id
    WHERE x.why = '{ShelvingReason.EMPTIED}'"""
# The other page's article may be withdrawn: it is of the same title and host.
_STORED_COPIES = f"""SELECT x.page_id, u.host, coalesce((SELECT a.page_id FROM articles a WHERE a.id = p.article_id), (
        SELECT min(o.page_id) FROM _shelf o CROSS JOIN pages q ON q.id = o.page_id CROSS JOIN urls v ON v.id = q.id
        WHERE o.why = '{ShelvingReason.WITHDRAWN}' AND q.title = p.title AND v.host = u.host)) AS original
    FROM _shelf x CROSS JOIN pages p ON p.id = x.page_id CROSS JOIN urls u ON u.id = x.page_id
    WHERE x.why = '{ShelvingReason.COPY}' AND original IS NOT NULL"""

# A block that a person keeps or removes by hand counts as kept: neither is the site's doing.
_EMPTIED = f"""SELECT p.id, (
            SELECT count(*) FROM _own_verdicts o WHERE o.page_id = p.id AND o.kept = 1 AND o.site_kept IS NOT NULL),
        EXISTS (SELECT 1 FROM _images i WHERE i.page_id = p.id AND NOT EXISTS (
            SELECT 1 FROM _images s CROSS JOIN urls n ON n.id = s.page_id
            WHERE s.url = i.url AND s.page_id <> i.page_id AND n.host = u.host))
    FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ? AND p.own_type IN {SQL_ARTICLE_TYPES}
        AND EXISTS (SELECT 1 FROM _own_verdicts o WHERE o.page_id = p.id AND o.kept = 1 AND o.site_kept IS NOT NULL)
        AND NOT EXISTS (
            SELECT 1 FROM _page_blocks b LEFT JOIN _own_verdicts v ON v.page_id = b.page_id AND v.position = b.position
            WHERE b.page_id = p.id AND (b.kept = 1 OR coalesce(v.site_kept, v.kept) = 1))
        AND NOT EXISTS (SELECT 1 FROM _page_parts h WHERE h.head_id = p.id AND h.place > 0)
        AND NOT EXISTS (SELECT 1 FROM _shelf x WHERE x.page_id = p.id AND x.why NOT IN ('emptied', 'copy'))"""

# The articles of pages that share a title with another of their host; what the first look took out is none of them.
_NAMESAKES = f"""WITH found (page_id, title) AS (
        SELECT p.id, p.title FROM urls u CROSS JOIN pages p ON p.id = u.id
        WHERE u.host = ?1 AND p.own_type IN {SQL_ARTICLE_TYPES} AND p.title <> ''
            AND NOT EXISTS (
                SELECT 1 FROM _shelf x WHERE x.page_id = p.id AND x.why NOT IN ('emptied', 'copy', 'withdrawn')))
    SELECT f.page_id, u.url, f.title, coalesce(p.canonical_url, ''), coalesce(a.word_count, x.word_count),
        coalesce(a.published_day, x.published_day, ''), coalesce(a.text, x.text)
    FROM found f CROSS JOIN urls u ON u.id = f.page_id CROSS JOIN pages p ON p.id = f.page_id
        LEFT JOIN articles a ON a.page_id = f.page_id LEFT JOIN shelved x ON x.page_id = f.page_id
    WHERE f.title IN (SELECT title FROM found GROUP BY title HAVING count(*) > 1)
    ORDER BY f.title, u.url"""


class EmptiedPage(NamedTuple):
    """A page without a text of its own: its host and the verdict on it."""

    host: str
    verdict: PageVerdict


class LateCopy(NamedTuple):
    """A page whose text is that of another: its host, and the other page's id."""

    host: str
    original_id: int


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Findings of the second look, by page id."""

    emptied: Mapping[int, EmptiedPage] = field(default_factory=dict)
    copies: Mapping[int, LateCopy] = field(default_factory=dict)

    def original(self, page_id: int) -> int:
        """Return the page whose article has this page's text; mostly the page itself."""
        return self.copies[page_id].original_id if page_id in self.copies else page_id

    def shelving_reason(self, page_id: int) -> ShelvingReason | None:
        """Return the reason for taking a page's article out; None if it stays."""
        if page_id in self.emptied:
            return ShelvingReason.EMPTIED
        return ShelvingReason.COPY if page_id in self.copies else None

    def changed_pages(self, later: SecondLook) -> list[int]:
        """Return the pages of which a later look found something else, in order."""
        pages = self.emptied.keys() | self.copies.keys() | later.emptied.keys() | later.copies.keys()
        return sorted(
            page
            for page in pages
            if (self.emptied.get(page), self.copies.get(page)) != (later.emptied.get(page), later.copies.get(page))
        )


def stored_second_look(db: Database) -> SecondLook:
    """Return what the last settling's second look found."""
    emptied = {
        page_id: EmptiedPage(host, PageVerdict(PageType(page_type), _emptied_facts(evidence, page_id)))
        for page_id, host, page_type, evidence in db.execute(_STORED_EMPTIED).fetchall()
    }
    copies = {page_id: LateCopy(host, original) for page_id, host, original in db.execute(_STORED_COPIES).fetchall()}
    return SecondLook(emptied, copies)


def look_again(db: Database, hosts: Iterable[str], stored: SecondLook) -> SecondLook:
    """Look again at the pages of hosts whose blocks were just judged; for other hosts, reuse the stored result."""
    judged_hosts = list(hosts)
    emptied = {page_id: page for page_id, page in stored.emptied.items() if page.host not in judged_hosts}
    copies = {page_id: page for page_id, page in stored.copies.items() if page.host not in judged_hosts}
    for host in judged_hosts:
        emptied.update(_find_emptied(db, host))
        copies.update(_find_copies(db, host))
    return SecondLook(emptied, copies)


def _find_emptied(db: Database, host: str) -> Iterator[tuple[int, EmptiedPage]]:
    for page_id, block_count, has_picture in db.execute(_EMPTIED, [host]).fetchall():
        yield page_id, EmptiedPage(host, _verdict(block_count, has_picture=bool(has_picture)))


def _verdict(block_count: int, *, has_picture: bool) -> PageVerdict:
    facts = (f"{EMPTIED_EVIDENCE}{block_count} blocks", *([f"{EMPTIED_EVIDENCE}pictures only"] if has_picture else []))
    return PageVerdict(PageType.GALLERY if has_picture else PageType.OTHER, facts)


def _emptied_facts(evidence: str, page_id: int) -> tuple[str, ...]:
    facts = stored_texts(evidence, "pages", "evidence", page_id)
    return tuple(fact for fact in facts if fact.startswith(EMPTIED_EVIDENCE))


def _find_copies(db: Database, host: str) -> Iterator[tuple[int, LateCopy]]:
    groups: dict[tuple[str, str, str], list[PageIdentity]] = defaultdict(list)
    for page_id, url, title, canonical_url, word_count, day, text in db.execute(_NAMESAKES, [host]):
        if text:
            digest = text_digest(text)
            groups[title, day, digest].append(
                PageIdentity(page_id, url, title, canonical_url or url, digest, word_count)
            )
    for group in groups.values():
        original = choose_representative(group).page_id
        yield from ((page.page_id, LateCopy(host, original)) for page in group if page.page_id != original)
