"""Stored pages judged again: the votes on each block, and what site rules on trial would change.

No archive stores votes, so a page is judged again from its raw response. Judging and cleaning run elsewhere, bounded in
time and memory (`PageJudge` and `RuleTrier` are handed in): neither a page that kills a parser nor an expression that
never ends can reach the room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from sqlite_utils import Database

from ..raw.raw_exchange import LOCATION_COLUMNS, RecordLocation, record_locations
from .article_list import FACETS, CubeRow
from .strict_requests import NotHereError

_PLACE = f"""SELECT a.title, u.url, coalesce(nullif(c.final_url, ''), c.url), c.fetched_at, {LOCATION_COLUMNS}
    FROM (SELECT id, title, page_id FROM articles WHERE id = ?1
        UNION ALL SELECT id, title, page_id FROM _shelved WHERE id = ?1) a
        JOIN pages p ON p.id = a.page_id JOIN urls u ON u.id = p.id JOIN captures c ON c.id = p.capture_id
        LEFT JOIN captures o ON o.id = c.refers_to
    WHERE c.warc_file IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class BlockVote:
    """A vote on a block: who voted, to keep it or not, by which rule, for which reason."""

    voter: str
    keep: bool
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class VotedBlock:
    """A block with the verdict of the page alone, and the votes behind it."""

    position: int
    text: str
    is_kept: bool
    reason: str
    rule: str
    votes: tuple[BlockVote, ...]


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The place of the raw response of an article's page, with what is known of it. `folder` is the archive's file."""

    article_id: int
    title: str
    url: str
    final_url: str
    fetched_at: str
    record: RecordLocation
    body: RecordLocation | None
    folder: Path


PageJudge = Callable[[StoredResponse], Awaitable[tuple[VotedBlock, ...]]]
"""Judges a stored page again. NotHereError, in one line, if its record or its page cannot be read."""


@dataclass(frozen=True, slots=True)
class VotesView:
    """The votes on an article's page."""

    article_id: int
    title: str
    url: str
    blocks: tuple[VotedBlock, ...]


def find_response(db: Database, article_id: int, folder: Path) -> StoredResponse:
    """Find the raw response behind an article's text.

    Raises NotHereError if none was kept.
    """
    row = db.execute(_PLACE, [article_id]).fetchone()
    if row is None:
        raise NotHereError("no raw response of this article was kept, from which it could be judged again")
    title, url, final_url, fetched_at, *places = row
    return StoredResponse(article_id, title, url, final_url, fetched_at, *record_locations(places), folder)


ARTICLES, PER_LAYOUT, LAYOUTS = 12, 2, 6
"""How many pages of a host are tried: so many articles, and so many pages of each of its largest layouts."""

MOST_RULE_CHARACTERS = 50_000
_MOST_HOSTS = 200
_HOST_COLUMN = FACETS.index("host")

_ARTICLE_PAGES = f"SELECT page_id FROM articles INDEXED BY articles_listed WHERE host = ? ORDER BY id LIMIT {ARTICLES}"
_LAYOUTS = f"SELECT id FROM _layouts WHERE host = ? ORDER BY pages DESC, id LIMIT {LAYOUTS}"
_LAYOUT_PAGES = f"SELECT id FROM pages WHERE layout_id = ? ORDER BY id LIMIT {PER_LAYOUT}"
_RESPONSES = f"""SELECT coalesce(p.article_id, 0), p.title, u.url, coalesce(nullif(c.final_url, ''), c.url),
        c.fetched_at, {LOCATION_COLUMNS}
    FROM pages p JOIN urls u ON u.id = p.id JOIN captures c ON c.id = p.capture_id
        LEFT JOIN captures o ON o.id = c.refers_to
    WHERE p.id IN (SELECT value FROM json_each(?)) AND c.warc_file IS NOT NULL ORDER BY p.article_id IS NULL, u.url"""


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """The text of a rule file that a person writes, and the host that it is for."""

    host: str
    text: str

    @property
    def file(self) -> str:
        """Return the name that the file has in a folder of site rules, by which verdicts cite it."""
        return f"{self.host.partition(':')[0]}.txt"


@dataclass(frozen=True, slots=True)
class TrialBlock:
    """A block whose verdict changes: its text, and the reason and rule that remove it, now or before."""

    text: str
    reason: str
    rule: str


@dataclass(frozen=True, slots=True)
class LineMatch:
    """The matches of a line of the rules: how often on one page; or on how many pages, and how often together.

    `sample` is the beginning of a match, `problem` why the expression failed.
    """

    line: int
    directive: str
    pages: int
    matches: int
    sample: str
    problem: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of the metadata before and after."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PageTrial:
    """A page cleaned without the rules and with them.

    `kind` is `changed` (its text), `gained` or `lost` (as an article), or `same`; words are those of the text.
    """

    article_id: int
    url: str
    title: str
    kind: str
    words_before: int
    words_after: int
    restored: tuple[TrialBlock, ...]
    removed: tuple[TrialBlock, ...]
    fields: tuple[FieldChange, ...]
    matches: tuple[LineMatch, ...]

    @property
    def is_changed(self) -> bool:
        """Return whether the rules change anything that is stored with an article."""
        return self.kind != "same" or bool(self.fields)


@dataclass(frozen=True, slots=True)
class UntriedPage:
    """A page on which the rules could not be tried, and why."""

    url: str
    problem: str


@dataclass(frozen=True, slots=True)
class RuleFindings:
    """The findings of a trial: problems of lines of the rules, and the pages."""

    problems: tuple[str, ...]
    pages: tuple[PageTrial, ...]
    untried: tuple[UntriedPage, ...]


RuleTrier = Callable[[RuleDraft, Sequence[StoredResponse]], Awaitable[RuleFindings]]
"""Tries rules on stored pages. NotHereError, in one line, if the rules themselves cannot be read in time."""


@dataclass(frozen=True, slots=True)
class RuleTrialView:
    """The page for site rules. `findings` is None before anything was tried; `counts` are the pages by kind."""

    host: str
    hosts: tuple[str, ...]
    file: str
    text: str
    findings: RuleFindings | None = None
    counts: tuple[tuple[str, int], ...] = ()
    lines: tuple[LineMatch, ...] = ()


def blank_trial(cube: Sequence[CubeRow], draft: RuleDraft) -> RuleTrialView:
    """Return the page before a trial.

    `cube` has all articles counted by their facets; the largest hosts are offered.
    """
    articles: Counter[str] = Counter()
    for row in cube:
        articles[str(row[_HOST_COLUMN])] += row[-1]
    hosts = tuple(host for host, _ in articles.most_common(_MOST_HOSTS))
    host = draft.host or next(iter(hosts), "")
    return RuleTrialView(host, hosts, RuleDraft(host, "").file, draft.text)


def sample_responses(db: Database, host: str, folder: Path) -> list[StoredResponse]:
    """Return the pages of a host on which rules are tried, articles first; those whose raw response was kept.

    `folder` is the archive's file.
    """
    page_ids = [page_id for (page_id,) in db.execute(_ARTICLE_PAGES, [host])]
    for (layout_id,) in db.execute(_LAYOUTS, [host]).fetchall():
        page_ids += [page_id for (page_id,) in db.execute(_LAYOUT_PAGES, [layout_id])]
    rows = db.execute(_RESPONSES, [orjson.dumps(list(dict.fromkeys(page_ids))).decode()])
    return [StoredResponse(*[*row[:5], *record_locations(row[5:]), folder]) for row in rows]


def show_trial(blank: RuleTrialView, findings: RuleFindings) -> RuleTrialView:
    """Return the page after a trial: changed pages first, and what each line of the rules matched on all of them."""
    pages = tuple(sorted(findings.pages, key=lambda page: (not page.is_changed, page.kind, page.url)))
    kinds = Counter(page.kind if page.kind != "same" or not page.fields else "metadata" for page in pages)
    ordered = RuleFindings(findings.problems, pages, findings.untried)
    return replace(blank, findings=ordered, counts=tuple(kinds.most_common()), lines=tuple(_lines(pages)))


def _lines(pages: Sequence[PageTrial]) -> Iterator[LineMatch]:
    """Yield the matches of each line on all pages together, in the order of the lines."""
    by_line: dict[int, LineMatch] = {}
    for match in (match for page in pages for match in page.matches):
        total = by_line.get(match.line, LineMatch(match.line, match.directive, 0, 0, "", ""))
        by_line[match.line] = LineMatch(
            match.line, match.directive, total.pages + match.pages, total.matches + match.matches,
            total.sample or match.sample, total.problem or match.problem,
        )  # fmt: skip
    yield from (by_line[line] for line in sorted(by_line))
