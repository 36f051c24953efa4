"""Reports of whole pages: all that is read of a page, and all that is judged of it, as lines of text.

`make expected` writes the reports of the files anew: read the difference.

A file holds cases: a line `== name | URL | encoding`, the page's HTML, a line `--`, and the report. Nothing in a report
is left out that a later stage reads, so that any other outcome is another line.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from broadsheet.cleaners.clean import clean, read_page, survey_page
from broadsheet.cleaners.document import Block, CleanedPage, ExtractorUse, Page
from broadsheet.cleaners.judge.block_features import Reading, measure_page
from broadsheet.cleaners.judge.block_verdicts import rule_verdicts
from broadsheet.cleaners.judge.page_features import page_features
from broadsheet.cleaners.page.metadata_fields import read_statements
from broadsheet.cleaners.page.parsed_page import decode, parse_page
from broadsheet.cleaners.rules.rule_files import load_rules
from broadsheet.cleaners.text_mode.line_features import line_features
from broadsheet.cleaners.text_mode.plaintext import judge_lines_by_rules, judge_text
from broadsheet.cleaners.text_mode.text_lines import blocks_of_text, read_lines
from tests.expected_texts import compared, is_writing

FOLDER = Path(__file__).parent
READINGS, VERDICTS = FOLDER / "page" / "readings.txt", FOLDER / "judge" / "verdicts.txt"
TEXTS = FOLDER / "text_mode" / "texts.txt"
FETCHED = "2026-06-30T12:00:00+00:00"


def forget_patterns(package: str) -> None:
    """Empty the caches of a package's modules, so that a test runs what an earlier one left there; not of its files."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith(f"{package}.")]
    for cached in [value for module in modules for value in vars(module).values() if hasattr(value, "cache_clear")]:
        if cached.__module__.startswith(f"{package}.") and "load" not in cached.__name__:
            cached.cache_clear()


@dataclass(frozen=True, slots=True)
class Case:
    """Page of a file of cases, and the report that is expected of it."""

    name: str
    url: str
    encoding: str
    html: str
    report: str

    @property
    def page(self) -> Page:
        """Return the page as it was fetched: no header tells its encoding."""
        return Page(self.url, self.html.encode(self.encoding), fetched_at=FETCHED)


def read_cases(file: Path) -> list[Case]:
    """Read the cases of a file."""
    found = re.findall(r"^== (.*)\n((?:(?!--\n).*\n)*)--\n((?:(?!== ).*\n)*)", file.read_text("utf-8"), re.M)
    heads = [([part.strip() for part in head.split("|")], html, report) for head, html, report in found]
    return [Case(head[0], head[1], head[2] if head[2:] else "utf-8", html, report) for head, html, report in heads]


def expected_report(file: Path, case: Case, told: str) -> str:
    """Return the report that a file expects of a case; what is told now, where the file is written anew."""
    if not is_writing():
        return compared(case.report, told, f"{file.name} == {case.name}")
    texts = [
        f"== {each.name} | {each.url} | {each.encoding}\n{each.html}--\n{told if each == case else each.report}"
        for each in read_cases(file)
    ]
    file.write_text("".join(texts), "utf-8")
    return told


def reading_report(case: Case) -> str:
    """Return what is read of a page before anything is judged: its fields, links, statements, pictures and blocks."""
    page = case.page
    decoded = decode(page.body, page.content_type)
    parsed = parse_page(decoded.text)
    if parsed.tree is None:
        return "nothing\n"
    reading = survey_page(page, parsed.tree)
    cleaned = clean(page)
    rows = [
        *(f"cut {cut}" for cut in (*decoded.cuts, *parsed.cuts)),
        *_field_rows(reading),
        *(f"states {statement}" for statement in _statements(reading)),
        *(f"link {link.via} {link.url} {' '.join(link.rel)}: {link.text}" for link in reading.outlinks),
        *(f"robots {directive}" for directive in reading.robots),
        *(f"picture {i.url} | {i.caption} | {i.credit} | {i.alt}" for i in cleaned.images),
        *map(_block_row, reading.blocks),
        *(["held", *map(_block_row, cleaned.blocks)] if cleaned.blocks != reading.blocks else []),
        *(f"evidence {fact}" for fact in cleaned.verdict.evidence if fact.startswith(("text_source=", "unused="))),
    ]
    return _lines(rows)


def _lines(rows: Sequence[str]) -> str:
    return "".join(row.replace("\n", "⏎").rstrip() + "\n" for row in rows)


def _field_rows(reading: Reading) -> Iterator[str]:
    metadata = reading.metadata
    for name in (field.name for field in fields(metadata) if field.name != "sources"):
        if value := getattr(metadata, name):
            yield f"{name} [{metadata.sources.get(name, '')}] {value}"


def _statements(reading: Reading) -> Iterator[str]:
    for statement in read_statements(reading.context, reading.metadata):
        yield " | ".join(str(getattr(statement, field.name)) for field in fields(statement))


def _block_row(block: Block) -> str:
    landmarks = " ".join(sorted(block.landmarks))
    kind = f"{block.kind}{block.level or ''}"
    return f"{kind} {block.path} ({landmarks}) {block.link_chars}: {block.markdown or block.text}"


def verdict_report(case: Case) -> str:
    """Return what is judged of a page: the sums of its features, each block's votes and verdict, and the page's."""
    page = case.page
    tree = parse_page(decode(page.body, page.content_type).text).tree
    assert tree is not None
    reading = read_page(page, tree, extractor_use=ExtractorUse.ALWAYS)
    rules = rule_verdicts(reading)
    cleaned = clean(page)
    rows = [
        *(_feature_rows(*measure_page(reading.blocks, reading.metadata)[1:]) if reading.blocks else ()),
        *_page_rows(cleaned, reading),
        *(f"{cleaned.verdict.page_type} {evidence}" for evidence in cleaned.verdict.evidence),
        f"standfirst {cleaned.metadata.standfirst}",
        f"language {cleaned.metadata.language}",
        f"layout {cleaned.layout_signature.hex()}",
        f"chances {cleaned.chances.hex()}",
    ]
    for n, (block, verdict) in enumerate(zip(cleaned.blocks, cleaned.verdicts, strict=True)):
        votes = " ".join(f"{'+' if vote.keep else '-'}{vote.rule}" for vote in verdict.votes)
        by_rules = f"{rules[n].rule} < " if len(rules) == len(cleaned.blocks) else ""
        sign = "+" if verdict.kept else "-"
        selected = "*" if n in reading.selected else ""
        rows.append(f"{sign}{selected} {block.text[:30]} [{verdict.reason}] {verdict.rule} < {by_rules}{votes}")
    return _lines([*rows, *filter(None, cleaned.markdown.splitlines())])


def _feature_rows(names: Sequence[str], table: np.ndarray) -> Iterator[str]:
    """Yield the sum of each feature that is not zero over the blocks, and that by position, which tells them apart."""
    positions = np.arange(1, len(table) + 1)
    columns = [(name, column) for name, column in zip(names, table.T, strict=True) if column.any()]
    parts = [f"{name} {column.sum():.5g}/{column @ positions:.5g}" for name, column in columns]
    for start in range(0, len(parts), 8):
        yield "; ".join(parts[start : start + 8])


def _page_rows(cleaned: CleanedPage, reading: Reading) -> Iterator[str]:
    judged = replace(reading, blocks=cleaned.blocks)
    features = page_features(judged, cleaned.verdicts)
    values = {field.name: getattr(features, field.name) for field in fields(features)}
    signs, words = values.pop("signs"), values.pop("words")
    yield "; ".join(f"{name} {_shown(value)}" for name, value in values.items() if value)
    yield "; ".join(f"{name} {value:.4g}" for name, value in signs.items() if value)
    for name, hashed in words.items():
        yield f"{name} {hashed.buckets.size}: {hashed.buckets.sum()} {hashed.shares.sum():.5g}"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(sorted(value)) if isinstance(value, frozenset) else str(value)


def text_report(case: Case) -> str:
    """Return what is judged of a text without markup, in the language that the case has for a URL."""
    blocks, rules = blocks_of_text(case.html), load_rules(case.url or None)
    text = read_lines(blocks, rules)
    title_index, by_rules = judge_lines_by_rules(text)
    title, verdicts = judge_text(blocks, rules)
    rows = [f"title {title}", *_feature_rows(*line_features(text, by_rules, title_index))]
    for block, shape, by_rule, verdict in zip(blocks, text.shapes, by_rules, verdicts, strict=True):
        votes = " ".join(f"{'+' if vote.keep else '-'}{vote.rule}" for vote in verdict.votes)
        sign = "+" if verdict.kept else "-"
        rows.append(f"{sign} {shape} {block.text[:40]} [{verdict.reason}] {verdict.rule} < {by_rule.rule} < {votes}")
    return _lines(rows)
