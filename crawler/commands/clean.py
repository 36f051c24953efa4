"""`broadsheet clean`: a saved page, or a text that another tool extracted, to its article."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from broadsheet.cleaners.clean import clean as clean_page
from broadsheet.cleaners.document import Block, Page, PageType, Verdict
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.cleaners.judge.site_rule_files import SiteRuleFile, SiteRuleFolder, SiteRulesError
from broadsheet.cleaners.page.canonical_urls import canonicalise, host_of
from broadsheet.cleaners.page.parsed_page import BINARY_PROBLEM, decode
from broadsheet.cleaners.rules.rule_files import load_rules
from broadsheet.cleaners.text_mode.plaintext import judge_text
from broadsheet.cleaners.text_mode.text_lines import blocks_of_text
from broadsheet.crawler.crawl.archive_access import refuse
from broadsheet.crawler.crawl.command_line import CommandError
from broadsheet.crawler.crawl.early_checks import extractor_setting
from broadsheet.crawler.crawl.terminal import (
    format_blocks,
    one_line,
    print_json,
    print_json_lines,
    print_text,
    terminal_width,
)
from broadsheet.output.archive.stored_text import count_words

_COLUMN_HEADS = ("#", "verdict", "reason", "rule", "votes", "text")
_HTML_DOCUMENT = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body)\b", re.I | re.DOTALL
)
_TAG = re.compile(r"</?(?:p|div|br|h[1-6]|a|span|ul|li|article|section|main|table|img|meta|link|script)\b[^<>]*>", re.I)
_MIN_TAGS = 3  # so many tags make a fragment HTML; a text may quote one or two
_SAMPLE_CHARS = 20_000  # characters that are looked at


STANDARD_INPUT = "-"
_PAGE_ENDINGS = (".html", ".htm", ".xhtml", ".txt")


@dataclass(frozen=True, slots=True)
class _SavedPage:
    """A file to clean, `-` for standard input, and the URL that it came from, if that is known."""

    file: str
    url: str


@dataclass(frozen=True, slots=True)
class _CleanResult:
    """What was made of the input. `page_facts` is what only a page has: type, evidence, metadata."""

    title: str
    blocks: tuple[Block, ...]
    verdicts: tuple[Verdict, ...]
    text: str
    markdown: str
    page_facts: Mapping[str, object]


def clean(options: Mapping[str, Any]) -> int:
    """Print the articles of the inputs in the form that the options ask for; 1 if one of them has no text."""
    inputs = list(_saved_pages(options))
    rules_by_url = {page.url: site_rules_for(page.url, options["site_rules"]) for page in inputs}
    is_alone = len(inputs) == 1
    codes = [_clean_input(page, rules_by_url[page.url], options, is_alone=is_alone) for page in inputs]
    if not codes:
        raise CommandError("no file to clean: the folder holds no .html, .htm, .xhtml or .txt file")
    return max(codes)


def _saved_pages(options: Mapping[str, Any]) -> Iterator[_SavedPage]:
    """The pages to clean: files, those in folders, `-`, and the lines of a list, in the order in which they are
    named."""
    for name in options["files"]:
        yield from (_SavedPage(str(file), options["url"]) for file in _files_of(name))
    if options["list_file"]:
        yield from _listed_pages(Path(options["list_file"]), options["url"])


def _files_of(name: str) -> Iterator[Path | str]:
    path = Path(name)
    if name == STANDARD_INPUT or not path.is_dir():
        yield name
        return
    yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in _PAGE_ENDINGS and file.is_file())


def _listed_pages(list_file: Path, url: str) -> Iterator[_SavedPage]:
    """A page a line: `FILE`, or `URL FILE`; a file's name is relative to the list."""
    try:
        lines = list_file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {list_file}: {getattr(error, 'strerror', None) or error}") from error
    for line in filter(None, map(str.strip, lines)):
        page_url, _, name = line.partition(" ") if canonicalise(line.split()[0]) else (url, "", line)
        yield _SavedPage(str(list_file.parent / name.strip()), page_url)


def _clean_input(page: _SavedPage, rules: Sequence[SiteRuleFile], options: Mapping[str, Any], *, is_alone: bool) -> int:
    """Clean one input and print it; what cannot be read costs the others nothing, unless it is the only one."""
    try:
        body = _read_input(page.file)
        is_html = _is_html(body, options["form"])
    except CommandError as error:
        if is_alone:
            raise
        return refuse(str(error))
    result = _clean_page(body, page.url, rules) if is_html else _clean_text(body)
    _print_result(result, options, page.file, is_alone=is_alone)
    return _exit_code(result, "" if is_alone else page.file)


def _print_result(result: _CleanResult, options: Mapping[str, Any], file: str, *, is_alone: bool) -> None:
    if options["shape"] == "json":
        values = _json_values(result, explain=options["explain"])
        if is_alone:
            print_json(values)
        else:
            print_json_lines([{"file": file, **values}])
        return
    if not is_alone:
        print_text(f"==> {one_line(file)} <==")
    if options["explain"]:
        _print_blocks(result)
    else:
        _print_article(result, result.markdown if options["shape"] == "markdown" else result.text, options["shape"])
    if not is_alone:
        print_text()


def _read_input(file: str) -> bytes:
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error


def _is_html(body: bytes, input_form: str | None) -> bool:
    if input_form:
        return input_form == "html"
    decoded = decode(body)
    if decoded.problem == BINARY_PROBLEM:
        raise CommandError("this is neither a page nor text (--html or --text reads it all the same)")
    return bool(_HTML_DOCUMENT.match(decoded.text) or len(_TAG.findall(decoded.text, 0, _SAMPLE_CHARS)) >= _MIN_TAGS)


def site_rules_for(url: str, rules_folder: str | None) -> tuple[SiteRuleFile, ...]:
    """The site rules for the URL's host from a folder. CommandError without a host, or if the folder cannot be read."""
    if not rules_folder:
        return ()
    if not host_of(url):
        raise CommandError("--site-rules needs --url: rules are looked up by the page's host")
    try:
        return SiteRuleFolder(rules_folder).for_host(host_of(url))
    except SiteRulesError as error:
        raise CommandError(str(error)) from error


def _clean_page(body: bytes, url: str, rules: Sequence[SiteRuleFile]) -> _CleanResult:
    cleaned = clean_page(Page(url, body), rules, extractor_setting())
    facts = {
        "page_type": str(cleaned.verdict.page_type),
        "evidence": list(cleaned.verdict.evidence),
        "metadata": asdict(cleaned.metadata),
    }
    return _CleanResult(cleaned.metadata.title, cleaned.blocks, cleaned.verdicts, cleaned.text, cleaned.markdown, facts)


def _clean_text(body: bytes) -> _CleanResult:
    blocks = blocks_of_text(decode(body).text)
    title, verdicts = judge_text(blocks, load_rules())
    return _CleanResult(title, blocks, verdicts, *assemble(blocks, verdicts), page_facts={})


def _print_article(result: _CleanResult, article: str, output_format: str) -> None:
    title = one_line(result.title)
    print_text(f"# {title}" if output_format == "markdown" and title else title)
    print_text()
    print_text(article)


def _json_values(result: _CleanResult, *, explain: bool) -> dict[str, object]:
    values = {"title": result.title, "text": result.text, "markdown": result.markdown}
    blocks = [_block_values(block, verdict) for block, verdict in zip(result.blocks, result.verdicts, strict=True)]
    return {**values, "word_count": count_words(result.text), **result.page_facts} | (
        {"blocks": blocks} if explain else {}
    )


def _block_values(block: Block, verdict: Verdict) -> dict[str, object]:
    return {
        "position": block.position,
        "kind": str(block.kind),
        "kept": verdict.kept,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "votes": [asdict(vote) for vote in verdict.votes],
        "path": block.path,
        "text": block.text,
    }


def _print_blocks(result: _CleanResult) -> None:
    cells = [_block_cells(block, verdict) for block, verdict in zip(result.blocks, result.verdicts, strict=True)]
    print_text(format_blocks(_COLUMN_HEADS, cells, [block.text for block in result.blocks], terminal_width()))


def _block_cells(block: Block, verdict: Verdict) -> list[str]:
    votes = " ".join(f"{'+' if vote.keep else '-'}{vote.voter}" for vote in verdict.votes)
    return [str(block.position), "kept" if verdict.kept else "removed", verdict.reason, verdict.rule, votes]


def _exit_code(result: _CleanResult, file: str = "") -> int:
    """0 if there is article text, else 1; says on standard error why a page is no article, and which one if it has a
    name."""
    name = f"{file}: " if file else ""
    page_type = result.page_facts.get("page_type", PageType.ARTICLE)
    if page_type not in (PageType.ARTICLE, PageType.TEASER):
        evidence = ", ".join(map(str, result.page_facts["evidence"]))  # type: ignore[call-overload]
        click.echo(one_line(f"broadsheet: {name}judged as {page_type}, not as an article ({evidence})"), err=True)
    if not result.text:
        click.echo(one_line(f"broadsheet: {name}no article text found"), err=True)
    return int(not result.text)
