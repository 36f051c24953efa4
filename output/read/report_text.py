"""Report as plain text: a page that sums up the archive and says what needs attention, and all tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from rich.cells import cell_len, set_cell_size

from broadsheet.cleaners.judge.certainty import certainty

from ..archive.rendered_layouts import SAMPLED, RenderDecision
from ..archive.stored_text import inert_text
from .coverage import Coverage, Gap
from .judgement import Look, needs_look, verdict_sentence
from .plain_words import block_words, count_text, reason_text, rule_words, shown_time
from .report_figures import AlarmLine, Report, RunLine, Yield
from .run_letter import RunLetter

_SOURCES = {"sitemap": "sitemaps name", "feed": "feeds name", "link": "links alone led to"}
_EXAMPLE_INDENT = " " * 10
_MAX_RUNS = 5  # of one host
_RENDERED_SHARES = {
    RenderDecision.TRYING: "not decided", RenderDecision.ALL: "all", RenderDecision.FEW: f"one in {SAMPLED}",
}  # fmt: skip


_MOST_REASONS = 5
_SUMMED = 18  # columns of a summary's first


def render_summary(report: Report, looks: Sequence[Look], letter: RunLetter, width: int = 80) -> str:
    """Render a summary: the verdict, a line on each kind of content, and what needs a look or is unusual."""
    lines = (
        line
        for title, text in _summary_lines(report, letter) if text
        for line in _wrapped(_one_line(text), width, f"  {title:<{_SUMMED}}", " " * (_SUMMED + 2))
    )  # fmt: skip
    sections = (
        _wrap_text(verdict_sentence(report.articles, report.shelved, looks), "", width),
        "\n".join(lines),
        look_section(looks, width),
        _implausible_section(report, width, _MOST_REASONS),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _summary_lines(report: Report, letter: RunLetter) -> Iterator[tuple[str, str]]:
    """Yield a name and a text for each line of a summary; a text is empty where there is nothing to say."""
    yield "Complete?", letter.completeness
    if letter.ended_at:
        yield "Last run", f"{shown_time(letter.ended_at)}: {letter.headline or 'no new article and no edit'}"
    yield "Certainty", _certainty_words(report)
    yield "Around them", _removed_words(report)
    links = sum(host.links for host in report.outside)
    to = count_text(len(report.outside), "other host")
    yield "Links", f"{links:,} to {to}" if links else ""


def _removed_words(report: Report) -> str:
    """List what was removed around the articles, the most frequent reasons first."""
    blocks = Counter[str]()
    for count in report.removed:
        blocks[block_words(count.reason)] += count.blocks
    named = [f"{number:,} {reason}" for reason, number in blocks.most_common(_MOST_REASONS)]
    total = count_text(sum(blocks.values()), "block")
    return f"{total} removed: {', '.join(named)}{' and others' if len(blocks) > len(named) else ''}" if blocks else ""


def render(report: Report, looks: Sequence[Look], letter: RunLetter, width: int = 80, max_lines: int = 20) -> str:
    """Render the whole report as plain text, no line wider than `width` unless a word is: the summary, then all tables.

    `looks` are the judgement of the archive. A list longer than `max_lines` lines is cut and says so.
    """
    sections = (
        render_summary(report, looks, letter, width).rstrip(),
        _alarm_section(report.alarms, width, max_lines),
        *(_coverage_section(coverage, width, max_lines) for coverage in report.coverage),
        *(_format_table(*table, width, max_lines) for table in _tables(report)),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def look_section(looks: Iterable[Look], width: int, indent: str = "") -> str:
    """Format a judgement: what needs a look, then what is good to know, each with what to do; empty without looks."""
    all_looks = list(looks)
    urgent = needs_look(all_looks)
    lines: list[str] = []
    for title, part in (
        ("Needs a look", urgent),
        ("Good to know", [look for look in all_looks if look not in urgent]),
    ):
        lines += [indent + title] if part else []
        lines += [line for look in part for line in _look_lines(look, width, indent)]
    return "\n".join(lines)


def _look_lines(look: Look, width: int, indent: str) -> Iterator[str]:
    """Yield the sentence of a look and, further in, its advice; no word is broken, since it may be an address."""
    for text, margin in ((look.sentence, f"{indent}  "), (look.advice, f"{indent}      ")):
        if text:
            yield from _wrapped(_one_line(text), width, margin, margin)


def _alarm_section(alarms: Sequence[AlarmLine], width: int, max_lines: int) -> str:
    if not alarms:
        return ""
    sentences = [f"{alarm.at[:10]} {alarm.host}: {alarm.message}" for alarm in alarms[:max_lines]]
    lines = ["Out of line with the past", *(_wrap_text(_one_line(sentence), "  ", width) for sentence in sentences)]
    return "\n".join((*lines, *_more_line(len(alarms), max_lines)))


def _coverage_section(coverage: Coverage, width: int, max_lines: int) -> str:
    page_urls = sum(gap.urls for gap in coverage.pages)
    missing_urls = sum(gap.urls for gap in coverage.gaps)
    lead = "leads" if coverage.articles == 1 else "lead"
    named = f"{count_text(coverage.named, 'URL')} that {_SOURCES[coverage.source]}"
    head = f"Of {named}: {coverage.articles:,} {lead} to articles"
    head += f", {page_urls:,} to other pages" if page_urls else ""
    head += f", {missing_urls:,} {'was' if missing_urls == 1 else 'were'} not read" if missing_urls else ""
    lines = [_wrap_text(head, "", width)]
    for gaps in (coverage.pages, coverage.gaps):
        for gap in gaps[:max_lines]:
            lines += _gap_lines(gap, width)
        lines += _more_line(len(gaps), max_lines)
    if coverage.unnamed_examples:
        lines.append(_wrap_text(f"Articles that no sitemap names: {coverage.unnamed:,}", "  ", width))
        lines += _example_lines(coverage.unnamed_examples, coverage.unnamed, width)
    return "\n".join(lines)


def _gap_lines(gap: Gap, width: int) -> Iterator[str]:
    """Yield a line with count, reason and hint, and one for each example of what was not read."""
    reason = reason_text(gap.reason) if gap.reason else gap.state
    if not gap.hint:
        line = _one_line(f"  {gap.urls:>7,} {reason}, for example {gap.examples[0]}")
        example = "" if cell_len(line) <= width else f", for example {_one_line(gap.examples[0])}"
        yield _truncate(line.removesuffix(example), width)
        yield from _example_lines(gap.examples[:1] if example else (), 1 if example else 0, width)
        return
    text = _one_line(f"{gap.urls:>7,} {gap.state}, {reason}: {gap.hint}")
    yield from _wrapped(text, width, "  ", _EXAMPLE_INDENT)
    yield from _example_lines(gap.examples, gap.urls, width)


_Table = tuple[str, Sequence[str], Sequence[Iterable[object]]]
"""A table: its title, the heads of its columns, its rows."""


def _tables(report: Report) -> Iterator[_Table]:
    """Yield all tables of the report, in their order."""
    yield (
        "Withdrawn by their sites, kept here",
        ("since", "now", "title", "URL"),
        [(one.seen_at[:10], reason_text(one.reason or one.state), one.title, one.url) for one in report.withdrawals],
    )
    yield (
        "URLs",
        ("kind", "state", "what it is", "URLs"),
        [(row.kind, row.state, reason_text(row.reason), row.urls) for row in report.urls],
    )
    yield "How pages were found", ("via", "found", "fetched", "articles"), report.found_by
    yield (
        "Layouts: pages made alike",
        ("pages", "article pages", "kind", "one of them", "why"),
        [(layout.pages, layout.articles, layout.kind, layout.example, layout.evidence) for layout in report.layouts],
    )
    yield (
        "Rendered in a browser, by layout",
        ("host", "rendered", "more", "words", "with it", "requests", "seconds", "from now on"),
        [
            (
                *(layout.host, layout.rendered, layout.gained, layout.words_before, layout.words_after),
                *(layout.requests, f"{layout.seconds:,.1f}", _RENDERED_SHARES[RenderDecision(layout.decision)]),
            )
            for layout in report.rendered_layouts
        ],
    )
    yield (
        f"Certainty of the texts: {_certainty_words(report)}",
        ("certainty", "title", "URL"),
        [(certainty(article.certainty), article.title, article.url) for article in report.uncertain],
    )
    yield (
        "Removed from articles",
        ("what it is", "how it was recognised", "blocks", "words"),
        [(block_words(row.reason), rule_words(row.rule), row.blocks, row.words) for row in report.removed],
    )
    shown_yields: list[Yield] = []
    for host_yield in report.yields:
        if host_yield.part == "*" and sum(run.host == host_yield.host for run in shown_yields) < _MAX_RUNS:
            shown_yields.append(host_yield)
    hosts = {host_yield.host for host_yield in shown_yields}
    rows = [
        (
            *("" if len(hosts) == 1 else one.host, shown_time(one.started_at), one.pages, one.article_pages),
            *(one.barren, one.alike, one.words_median, f"{one.removed_share:.0%}"),
        )
        for one in shown_yields
    ]
    heads = ("host", "run", "pages", "article pages", "no text", "copies", "words", "removed")
    yield f"What {hosts.pop() if len(hosts) == 1 else 'each site'} gave, run by run", heads, rows
    yield "Links to other hosts", ("host", "links"), report.outside
    yield "Runs", ("started", "finished", "outcome", "why", "pages", "command"), list(map(_run_cells, report.runs))


def _certainty_words(report: Report) -> str:
    return ", ".join(f"{count.articles:,} {count.certainty}" for count in report.certainty)


def _run_cells(run: RunLine) -> tuple[object, ...]:
    why = "" if run.reason == run.outcome else run.reason
    return shown_time(run.started_at), shown_time(run.finished_at), run.outcome, why, run.pages or "", run.command


def _example_lines(urls: Sequence[str], total: int, width: int) -> Iterator[str]:
    for url in urls:
        yield _truncate(f"{_EXAMPLE_INDENT}{_one_line(url)}", width)
    if total > len(urls):
        yield f"{_EXAMPLE_INDENT}…"


def _implausible_section(report: Report, width: int, max_lines: int) -> str:
    if not report.implausible:
        return ""
    facts = (_wrap_text(_one_line(fact), "  ", width) for fact in report.implausible[:max_lines])
    return "\n".join(("Seldom so, and worth a look", *facts, *_more_line(len(report.implausible), max_lines)))


def _one_line(text: str) -> str:
    """Return the text in one line, without control characters; spaces in front stay."""
    return text[: len(text) - len(text.lstrip(" "))] + " ".join(inert_text(text).split())


def _wrap_text(text: str, indent: str, width: int) -> str:
    return "\n".join(_wrapped(text, width, indent, indent + "    " * bool(indent)))


def _wrapped(text: str, width: int, first_indent: str, indent: str) -> list[str]:
    """Wrap text between words only: an address that is cut leads nowhere."""
    return wrap(
        text, width, initial_indent=first_indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _more_line(total: int, max_lines: int) -> list[str]:
    """Return the line that says how many are left out; empty if all are shown."""
    return [f"  … and {total - max_lines} more"] if total > max_lines else []


def _format_table(
    title: str, heads: Sequence[str], values: Sequence[Iterable[object]], width: int, max_lines: int
) -> str:
    """Format a table with its title; columns of numbers are right-aligned, empty ones left out. Empty without rows."""
    if not values:
        return ""
    rows = [[f"{value:,}" if isinstance(value, int) else _one_line(str(value)) for value in row] for row in values]
    full_columns = [column for column in range(len(heads)) if any(row[column] for row in rows)]
    heads, rows = [heads[column] for column in full_columns], [[row[column] for column in full_columns] for row in rows]
    shown_rows, columns = rows[:max_lines], range(len(heads))
    widths = _fit_widths([max(cell_len(row[column]) for row in (heads, *shown_rows)) for column in columns], width)
    is_numeric = [
        all(row[column].replace(",", "").removesuffix("%").isdigit() for row in shown_rows) for column in columns
    ]
    table_lines = (_format_row(row, widths, is_numeric) for row in (heads, *shown_rows))
    return "\n".join((_truncate(_one_line(title), width), *table_lines, *_more_line(len(rows), max_lines)))


def _fit_widths(widths: list[int], width: int) -> list[int]:
    """Narrow the widest column, a character at a time, until indent, columns and gaps fit the width."""
    while 2 * len(widths) + sum(widths) > width and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _format_row(cells: Sequence[str], widths: Sequence[int], is_numeric: Sequence[bool]) -> str:
    padded_cells = [
        _pad(_truncate(cell, size), size, right_aligned=right_aligned)
        for cell, size, right_aligned in zip(cells, widths, is_numeric, strict=True)
    ]
    return ("  " + "  ".join(padded_cells)).rstrip()


def _pad(text: str, size: int, *, right_aligned: bool) -> str:
    space = " " * (size - cell_len(text))
    return space + text if right_aligned else text + space


def _truncate(text: str, size: int) -> str:
    """Return the text cut to a width in columns; a Chinese or Japanese character takes two."""
    return text if cell_len(text) <= size else set_cell_size(text, max(0, size - 1)).rstrip() + "…"
