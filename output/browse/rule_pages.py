"""Rules and layouts: what each rule removed, what the pages of a layout are, and their alarms.

Rules are counted now on a sample of articles, and over the runs on each host. A layout says what its pages are and why.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from ..read.layout_alarms import LAYOUT_GONE, NEW_LAYOUT
from ..read.report_figures import AlarmLine, RuleRate, read_alarms, read_rule_rates
from .strict_requests import Arguments, NotHereError

SAMPLE_ARTICLES = 300
"""Articles whose blocks are counted by rule. Their ids come from a digest, so that the first ones are a sample."""

_MOST_EXAMPLES = 20
_MOST_ALARMS = 50

_SAMPLE = f"(SELECT page_id, id, url, title FROM articles ORDER BY id LIMIT {SAMPLE_ARTICLES})"
_COUNTS = f"""SELECT r.id, r.reason, r.rule, count(*), count(DISTINCT b.page_id)
    FROM {_SAMPLE} a CROSS JOIN _page_blocks b ON b.page_id = a.page_id JOIN _reasons r ON r.id = b.reason_id
    WHERE b.kept = 0 GROUP BY r.id ORDER BY 5 DESC, 4 DESC, 2, 3"""
_EXAMPLES = f"""SELECT a.id, a.title, a.url, b.position, t.text, count(*)
    FROM {_SAMPLE} a CROSS JOIN _page_blocks b ON b.page_id = a.page_id JOIN _block_texts t ON t.id = b.block_id
    WHERE b.kept = 0 AND b.reason_id = ? GROUP BY b.block_id ORDER BY 6 DESC, t.text LIMIT {_MOST_EXAMPLES}"""
_RUNS_OF_RULE = """SELECT f.host, r.started_at, f.pages, y.articles FROM _rule_rates f JOIN runs r ON r.id = f.run_id
        JOIN _yields y ON y.run_id = f.run_id AND y.host = f.host AND y.part = '*'
    WHERE f.reason_id = ? ORDER BY r.started_at DESC, f.host LIMIT 60"""


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule: its number in `reasons`, its reason, what it removed from the sampled articles' pages, on how many of
    them, and how wide a bar of 100 that is.
    """

    id: int
    reason: str
    rule: str
    blocks: int
    pages: int
    width: float


@dataclass(frozen=True, slots=True)
class RulesView:
    """The rules, the busiest first, over `sampled` articles; rates by host, and alarms, the latest first."""

    sampled: int
    of_articles: int
    rules: tuple[RuleLine, ...]
    rates: tuple[RuleRate, ...]
    alarms: tuple[AlarmLine, ...]


@dataclass(frozen=True, slots=True)
class RuleExample:
    """A text that a rule removed: on so many of the sampled pages, one of them here."""

    article_id: int
    title: str
    url: str
    position: int
    text: str
    pages: int


@dataclass(frozen=True, slots=True)
class RuleRun:
    """The number of a host's article pages on which a rule fired in a run."""

    host: str
    started_at: str
    pages: int
    of_pages: int


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule: what it removes, the most frequent texts first, and its past."""

    id: int
    reason: str
    rule: str
    examples: tuple[RuleExample, ...]
    runs: tuple[RuleRun, ...]


def read_rules(db: Database, arguments: Arguments) -> RulesView:
    """Read all rules; with the argument `reason`, those that remove for it."""
    reason = arguments.text("reason")
    (of_articles,) = db.execute("SELECT count(*) FROM articles INDEXED BY articles_listed").fetchone()
    sampled = min(SAMPLE_ARTICLES, of_articles)
    rows = [row for row in db.execute(_COUNTS).fetchall() if reason in ("", row[1])]
    rules = tuple(RuleLine(*[*row, round(100 * row[-1] / max(sampled, 1), 1)]) for row in rows)
    return RulesView(sampled, of_articles, rules, read_rule_rates(db), read_alarms(db)[:_MOST_ALARMS])


def read_rule(db: Database, reason_id: int) -> RuleView:
    """Read a rule by its number in `reasons`.

    Raises NotHereError if there is none.
    """
    row = db.execute("SELECT id, reason, rule FROM _reasons WHERE id = ?", [reason_id]).fetchone()
    if row is None:
        raise NotHereError("the archive has no rule of that number")
    examples = tuple(RuleExample(*values) for values in db.execute(_EXAMPLES, [reason_id]))
    runs = tuple(RuleRun(*values) for values in db.execute(_RUNS_OF_RULE, [reason_id]))
    return RuleView(*[*row, examples, runs])


_MOST_LAYOUTS = 200
_LEAST_PAGES = 3  # of a layout that is listed

_LAYOUTS = f"""SELECT l.id, l.host, l.pages, l.articles,
        coalesce(nullif(l.kind, ''), CASE l.articles WHEN 0 THEN 'other' ELSE 'mixed' END), l.evidence,
        u.id, u.url, coalesce(p.title, ''), coalesce(p.article_id, 0)
    FROM (SELECT id, host, pages, articles, kind, evidence FROM _layouts WHERE pages >= {_LEAST_PAGES}
            ORDER BY pages DESC, id LIMIT {_MOST_LAYOUTS}) l
        CROSS JOIN pages p ON p.id = (SELECT id FROM pages WHERE layout_id = l.id ORDER BY id LIMIT 1)
        CROSS JOIN urls u ON u.id = p.id
    ORDER BY l.pages DESC, l.host, l.id"""
_COUNT_LAYOUTS = "SELECT count(*) FROM _layouts"


@dataclass(frozen=True, slots=True)
class LayoutPart:
    """Pages of a host that are made alike: how many, how many of them are articles, what they are together and why; and
    one of them, by its number in `urls` and that of its article (0 if it is none).
    """

    id: int
    host: str
    pages: int
    articles: int
    kind: str
    evidence: str
    example_id: int
    example_url: str
    example_title: str
    article_id: int


@dataclass(frozen=True, slots=True)
class LayoutsView:
    """The largest of `count` layouts, those of one or two pages left out; alarms of layouts, the latest first."""

    count: int
    layouts: tuple[LayoutPart, ...]
    alarms: tuple[AlarmLine, ...]


def read_layouts(db: Database) -> LayoutsView:
    """Read the layouts of all hosts, the largest first."""
    (count,) = db.execute(_COUNT_LAYOUTS).fetchone()
    alarms = [alarm for alarm in read_alarms(db) if alarm.what in (NEW_LAYOUT, LAYOUT_GONE)]
    layouts = tuple(LayoutPart(*row) for row in db.execute(_LAYOUTS))
    return LayoutsView(count, layouts, tuple(alarms[:_MOST_ALARMS]))
