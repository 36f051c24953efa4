"""A report as plain text for people: what needs looking at first, tables after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from output.db.text import inert
from output.report.coverage import Coverage, Gap
from output.report.figures import AlarmLine, Report, RuleRate, Yield

_SOURCES = {"sitemap": "sitemaps name", "feed": "feeds name", "link": "were found by links alone"}
_MANY_RULES = 8  # of one host
_MANY_RUNS = 5  # of one host


def render(found: Report, width: int = 80, most: int = 20) -> str:
    """The report as plain text, no line wider than `width`; long lists end after `most` lines and say so."""
    shelved = "".join(f", {count} taken out as {why}" for why, count in found.shelved)
    sections = (
        _folded(f"{found.articles} articles{shelved}", "", width),
        _alarms(found.alarms, width, most),
        _table("URLs", ("kind", "state", "reason", "URLs"), _cells(found.urls), width, most),
        *(_coverage(each, width, most) for each in found.coverage),
        _table("How pages were found", ("via", "found", "fetched", "articles"), _cells(found.found_by), width, most),
        _withdrawals(found, width, most),
        _duplicates(found, width, most),
        _table("Removed from articles", ("reason", "rule", "blocks", "words"), _cells(found.removed), width, most),
        _yields(found.yields, width, most),
        *_rules(found.rule_rates, width),
        _table("Links to other hosts", ("host", "links"), _cells(found.outside), width, most),
        _table("Runs", ("started", "finished", "command", "outcome", "why"), _cells(found.runs), width, most),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def alarm_line(alarms: Sequence[AlarmLine]) -> str:
    """The alarms of a run in one line; empty if there is none."""
    if not alarms:
        return ""
    more = f"; {len(alarms) - 1} more in the report" if len(alarms) > 1 else ""
    return f"Look at {alarms[0].host}: {alarms[0].message}{more}"


def _alarms(alarms: Sequence[AlarmLine], width: int, most: int) -> str:
    if not alarms:
        return ""
    said = [f"{each.at[:10]} {each.host}: {each.message}" for each in alarms[:most]]
    lines = ["Out of line with the past", *(_folded(_one(line), "  ", width) for line in said)]
    return "\n".join((*lines, *_rest(len(alarms), most)))


def _coverage(found: Coverage, width: int, most: int) -> str:
    others = sum(gap.urls for gap in found.pages)
    missing = sum(gap.urls for gap in found.gaps)
    head = f"Of {found.named:,} URLs that {_SOURCES[found.source]}: {found.articles:,} lead to articles"
    head += f", {others:,} to other pages" if others else ""
    head += f", {missing:,} were not read" if missing else ""
    lines = [_folded(head, "", width)]
    for gap in found.pages[:most]:
        lines += _gap(gap, width)
    for gap in found.gaps[:most]:
        lines += _gap(gap, width)
    lines += _rest(max(len(found.pages), len(found.gaps)), most)
    if found.unnamed:
        lines.append(_folded(f"Articles that no sitemap names: {found.unnamed:,}", "  ", width))
        lines += _examples(found.unnamed_examples, found.unnamed, width)
    return "\n".join(lines)


def _gap(gap: Gap, width: int) -> Iterator[str]:
    """A line for the count, reason and hint, and one for each example of what was not read."""
    why = gap.reason or gap.state
    if not gap.hint:
        yield _cut(_one(f"  {gap.urls:>7,} {why}, for example {gap.examples[0]}"), width)
        return
    yield _folded(_one(f"{gap.urls:>7,} {gap.state}, {why}: {gap.hint}"), "  ", width)
    yield from _examples(gap.examples, gap.urls, width)


def _examples(urls: Sequence[str], total: int, width: int) -> Iterator[str]:
    for url in urls:
        yield _cut(f"          {_one(url)}", width)
    if total > len(urls):
        yield "          …"


def _withdrawals(found: Report, width: int, most: int) -> str:
    rows = [[each.seen_at[:10], each.reason or each.state, each.title, each.url] for each in found.withdrawals]
    title = "Withdrawn by their sites, kept here"
    return _table(title, ("since", "now", "title", "URL"), _plain(rows), width, most)


def _duplicates(found: Report, width: int, most: int) -> str:
    kinds = _table("Articles that are alike", ("kind", "pairs", "least alike"), _cells(found.duplicates), width, most)
    heads = ("articles", "the earliest of them", "")
    rows = [[str(each.articles), each.title, each.url] for each in found.clusters]
    return "\n".join(filter(None, (kinds, _table("", heads, _plain(rows), width, most))))


def _yields(yields: Sequence[Yield], width: int, most: int) -> str:
    """The whole of each host's pages, run by run, the latest first."""
    whole: list[Yield] = []
    for each in yields:
        if each.part == "*" and sum(one.host == each.host for one in whole) < _MANY_RUNS:
            whole.append(each)
    heads = ("host", "run", "pages", "articles", "barren", "alike", "words", "removed")
    rows = [
        [
            *(each.host, each.started_at[:16].replace("T", " ")),
            *(f"{n:,}" for n in (each.pages, each.articles, each.barren, each.alike, each.words_median)),
            f"{each.removed_share:.0%}",
        ]
        for each in whole
    ]
    return _table("What each site gave, run by run", heads, _plain(rows), width, most)


def _rules(rates: Sequence[RuleRate], width: int) -> Iterator[str]:
    """The rules that fired most on each host, with their share of article pages then and now."""
    for host in dict.fromkeys(rate.host for rate in rates):
        own = [rate for rate in rates if rate.host == host]
        rows = [
            [
                *(rate.reason, rate.rule),
                *(_share(rate.pages, rate.of_pages), _share(rate.pages_before, rate.of_pages_before)),
            ]
            for rate in own
        ]
        title = f"Rules on {own[0].of_pages:,} article pages of {host}, last run and before"
        yield _table(_cut(_one(title), width), ("reason", "rule", "last", "before"), _plain(rows), width, _MANY_RULES)


def _share(hits: int, pages: int) -> str:
    return f"{hits / pages:.0%}" if pages else "–"


def _cells(rows: Iterable[object]) -> list[list[str]]:
    """The fields of frozen values as one-line strings, numbers with thousands separated."""
    return [[_cell(getattr(row, name)) for name in row.__slots__] for row in rows]  # type: ignore[attr-defined]


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else _one(str(value))


def _plain(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    return [[_one(cell) for cell in row] for row in rows]


def _one(text: str) -> str:
    """The text in one line, but for spaces in front, and with everything in it inert."""
    return text[: len(text) - len(text.lstrip(" "))] + " ".join(inert(text).split())


def _folded(text: str, indent: str, width: int) -> str:
    return "\n".join(wrap(text, width, initial_indent=indent, subsequent_indent=indent + "    " * bool(indent)))


def _rest(total: int, most: int) -> list[str]:
    return [f"  … and {total - most} more"] if total > most else []


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], width: int, most: int) -> str:
    if not rows:
        return ""
    shown = rows[:most]
    widths = _fit([max(len(row[place]) for row in (heads, *shown)) for place in range(len(heads))], width)
    numeric = [
        all(row[place].replace(",", "").removesuffix("%").isdigit() for row in shown) for place in range(len(heads))
    ]
    lines = [*filter(None, [title]), _line(heads, widths, numeric), *(_line(row, widths, numeric) for row in shown)]
    return "\n".join((*lines, *_rest(len(rows), most)))


def _fit(widths: list[int], width: int) -> list[int]:
    """Narrow the widest column, a character at a time, until indent, columns and gaps fit the width."""
    while 2 * len(widths) + sum(widths) > width and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        _cut(cell, size).rjust(size) if right else _cut(cell, size).ljust(size)
        for cell, size, right in zip(cells, widths, numeric, strict=True)
    ]
    return ("  " + "  ".join(padded)).rstrip()


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"
