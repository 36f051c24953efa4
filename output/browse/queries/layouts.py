"""How a host's pages are made: its layouts with what they are and why, and the alarms of layouts that came or went."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.output.report.figures import AlarmLine, read_alarms
from broadsheet.output.report.layout_alarms import LAYOUT_GONE, NEW_LAYOUT

_MOST_LAYOUTS = 200
_LEAST_PAGES = 3  # of a layout that is listed
_MOST_ALARMS = 50

_LAYOUTS = f"""SELECT l.id, l.host, l.pages, l.articles,
        coalesce(nullif(l.kind, ''), CASE l.articles WHEN 0 THEN 'other' ELSE 'mixed' END), l.evidence,
        u.id, u.url, coalesce(p.title, ''), coalesce(p.article_id, 0)
    FROM (SELECT id, host, pages, articles, kind, evidence FROM layouts WHERE pages >= {_LEAST_PAGES}
            ORDER BY pages DESC, id LIMIT {_MOST_LAYOUTS}) l
        CROSS JOIN pages p ON p.id = (SELECT id FROM pages WHERE layout_id = l.id ORDER BY id LIMIT 1)
        CROSS JOIN urls u ON u.id = p.id
    ORDER BY l.pages DESC, l.host, l.id"""
_COUNT_LAYOUTS = "SELECT count(*) FROM layouts"


@dataclass(frozen=True, slots=True)
class LayoutPart:
    """Pages of a host that are made alike: how many, how many of them are articles, what they are together and why; and
    one of them, by its number in `urls` and that of its article (0 if it is none)."""

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
    """The layouts of all hosts, the largest first."""
    (count,) = db.execute(_COUNT_LAYOUTS).fetchone()
    alarms = [alarm for alarm in read_alarms(db) if alarm.what in (NEW_LAYOUT, LAYOUT_GONE)]
    layouts = tuple(LayoutPart(*row) for row in db.execute(_LAYOUTS))
    return LayoutsView(count, layouts, tuple(alarms[:_MOST_ALARMS]))
