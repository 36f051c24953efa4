"""`broadsheet clean`: a saved page, or a text that another tool extracted, to its article."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from broadsheet.output.read.plain_words import fact_words

from ..cli.command_line import CommandError, require_extra, shard
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import format_blocks, one_line, print_json, print_json_lines, print_text, terminal_width
from .verb_options import (
    DAY_AND_LANGUAGE_OPTIONS,
    INCLUDE_OPTION,
    PATH,
    RECORD_HOST_OPTION,
    Options,
    option_group,
    verb,
    with_options,
)

with lazy_imports():
    from broadsheet.cleaners import clean as clean_module
    from broadsheet.cleaners import document
    from broadsheet.cleaners.judge import article_text, site_rule_files
    from broadsheet.cleaners.page import canonical_urls, parsed_page
    from broadsheet.cleaners.rules import rule_files
    from broadsheet.cleaners.text_mode import plaintext, text_lines
    from broadsheet.output.archive import article_filter, row_sample, stored_text

    from .. import options as options_module
    from ..bulk import batch_task, bulk_run, cleaner, sources
    from ..cli import archive_access
    from ..crawl import early_checks, processes
    from ..fleet import object_store
    from . import fleet, run_summary

_COLUMN_HEADS = ("#", "verdict", "reason", "rule", "votes", "text")
_HTML_DOCUMENT = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*+)*+<(?:!doctype|html|head|body)\b", re.I | re.DOTALL
)
_TAG = re.compile(r"</?(?:p|div|br|h[1-6]|a|span|ul|li|article|section|main|table|img|meta|link|script)\b[^<>]*>", re.I)
_MIN_TAGS = 3  # tags from which a fragment counts as HTML; a text may quote one or two
_SAMPLE_CHARS = 20_000  # characters that are looked at


STANDARD_INPUT = "-"
_PAGE_ENDINGS = (".html", ".htm", ".xhtml", ".txt")


@dataclass(frozen=True, slots=True)
class _CleanResult:
    """Result of cleaning one input. `page_facts` is what only a page has: type, evidence, metadata."""

    title: str
    blocks: tuple[document.Block, ...]
    verdicts: tuple[document.Verdict, ...]
    text: str
    markdown: str
    page_facts: Mapping[str, object]


_BULK_OPTIONS: Options = option_group("With -o", (
    click.option("-o", "--output", type=PATH, default="", metavar="FOLDER|s3://…",
                 help="Clean WARC and WACZ files to Parquet here."),
    click.option("--paths-from", type=PATH, metavar="FILE|URL",
                 help="A list of files to clean, one a line; may be compressed."),
    click.option("--base", type=PATH, default="", metavar="FOLDER|URL",
                 help="The folder or URL of relative paths in that list."),
    RECORD_HOST_OPTION,
    INCLUDE_OPTION,
    click.option("--sample", type=shard, metavar="N/COUNT", help="Only this part of the URLs, as 1/100, by digest."),
    *DAY_AND_LANGUAGE_OPTIONS,
    click.option("--limit", type=click.IntRange(min=1), metavar="N",
                 help="Stop after N records, to try things out."),
    click.option("--only", type=click.Choice(["articles"]), help="Leave out the texts of pages that are not articles."),
    click.option("--by-site", is_flag=True, help="Judge each host by all its pages, as an archive does."),
    click.option("--scheduler", default="", metavar="ADDRESS", help="On this Dask cluster, tcp://host:8786 or a file."),
))  # fmt: skip


@verb
@click.argument("files", metavar="[FILE|FOLDER|-]...", nargs=-1, type=PATH)
@click.option("--text", "form", flag_value="text", help="The input is text that another tool extracted.")
@click.option("--html", "form", flag_value="html", help="The input is HTML. By default the input is looked at.")
@click.option("--url", default="", metavar="URL", help="Where the page came from; helps to judge it.")
@click.option("--format", "shape", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option("--site-rules", type=PATH, metavar="DIR", help="Rule files by host; of a page, --url says whose.")
@click.option("--explain", is_flag=True, help="List every block: kept or removed, why, by which rule and votes.")
@with_options(_BULK_OPTIONS)
def clean(**options: Any) -> int:
    """Print a saved page's title, an empty line, and its article. FILE may be - for standard input.

    With -o, FILE is a WARC or WACZ file, a pattern, a folder with such files, https://… or s3://…: they become Parquet
    files of their pages, of what was removed from articles, and of their records. Run the same command again to do what
    is missing.

    In a folder, all .html, .htm, .xhtml and .txt files are cleaned. Several articles are each printed below their
    file's name; as JSON, one object per line.
    """
    if options["output"]:
        return _clean_in_bulk(options)
    if not options["files"]:
        raise click.UsageError("name a file, a folder, or - for standard input")
    if len(options["files"]) == 1:
        early_checks.check_files(name for name in options["files"] if name != "-")
    files = [str(file) for name in options["files"] for file in _files_of(name)]
    rules = site_rules_for(options["url"], options["site_rules"])
    codes = [_clean_input(file, rules, options, is_alone=len(files) == 1) for file in files]
    if not codes:
        raise CommandError("no file to clean: the folder holds no .html, .htm, .xhtml or .txt file")
    return max(codes)


def _clean_in_bulk(options: Mapping[str, Any]) -> int:
    """Clean WARC and WACZ files to Parquet; return 1 if a file could not be read."""
    require_extra("pyarrow", "parquet")
    if options["by_site"] and options["limit"]:
        raise CommandError("--by-site judges all pages of a host: leave out --limit")
    processes.start_workers()
    target = options["output"] if "://" in options["output"] else str(Path(options["output"]).absolute())
    try:
        found = sources.found_sources(options["files"], lambda line: click.echo(one_line(line), err=True))
        if options["paths_from"]:
            found += sources.listed_sources(options["paths_from"], options["base"])
        if not found:
            raise CommandError("name a WARC or WACZ file, a pattern, a folder, https://… or s3://…, or a list of them")
        sources_found = list({source.address: source for source in found}.values())
        run = bulk_run.BulkRun(
            sources_found, _bulk_job(options, target), options["scheduler"], options["limit"], options["by_site"]
        )
        signals = fleet.run_with_progress(run, quiet=False)
    except (object_store.StoreError, OSError) as error:
        raise click.ClickException(f"{target}: {getattr(error, 'strerror', None) or error}") from error
    print_text(run.summary())
    return run_summary.SIGNAL_EXIT_BASE + signals[0] if signals else int(bool(run.files["unread"]))


def _bulk_job(options: Mapping[str, Any], target: str) -> batch_task.BulkJob:
    hosts = frozenset(article_filter.stored_host_of(host).removeprefix("www.") for host in options["hosts"])
    sample = row_sample.RowSample(*options["sample"]) if options["sample"] else row_sample.WHOLE
    try:
        selection = batch_task.RecordSelection(hosts, options["include"], sample)
        selection.check()
        page_cleaner = cleaner.Cleaner(
            rules=options["site_rules"],
            language=options["language"],
            since=options["since"],
            extractor=early_checks.extractor_setting(),
        )
    except options_module.OptionError as error:
        raise CommandError(str(error)) from error
    for problem in page_cleaner.rule_problems:
        click.echo(one_line(problem), err=True)
    return batch_task.BulkJob(target, page_cleaner, selection, options["only"] == "articles")


def _files_of(name: str) -> Iterator[Path | str]:
    path = Path(name)
    if name == STANDARD_INPUT or not path.is_dir():
        yield name
        return
    yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in _PAGE_ENDINGS and file.is_file())


def _clean_input(
    file: str, rules: Sequence[site_rule_files.SiteRuleFile], options: Mapping[str, Any], *, is_alone: bool
) -> int:
    """Clean one input and print it. An unreadable one is reported and skipped, unless it is the only one."""
    try:
        body = _read_input(file)
        is_html = _is_html(body, options["form"])
    except CommandError as error:
        if is_alone:
            raise
        return archive_access.refuse(str(error))
    result = _clean_page(body, options["url"], rules) if is_html else _clean_text(body)
    _print_result(result, options, file, is_alone=is_alone)
    return _exit_code(result, "" if is_alone else file)


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
        cells = [_block_cells(block, verdict) for block, verdict in zip(result.blocks, result.verdicts, strict=True)]
        print_text(format_blocks(_COLUMN_HEADS, cells, [block.text for block in result.blocks], terminal_width()))
    else:
        title = one_line(result.title)
        print_text(f"# {title}" if options["shape"] == "markdown" and title else title)
        print_text()
        print_text(result.markdown if options["shape"] == "markdown" else result.text)
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
    decoded = parsed_page.decode(body)
    if decoded.is_binary:
        raise CommandError("this is neither a page nor text (--html or --text reads it anyway)")
    return bool(_HTML_DOCUMENT.match(decoded.text) or len(_TAG.findall(decoded.text, 0, _SAMPLE_CHARS)) >= _MIN_TAGS)


def site_rules_for(url: str, rules_folder: str | None) -> tuple[site_rule_files.SiteRuleFile, ...]:
    """Read the site rules for the URL's host from a folder. CommandError without a host, or if it cannot be read."""
    if not rules_folder:
        return ()
    if not canonical_urls.host_of(url):
        raise CommandError("--site-rules needs --url: rules are looked up by the page's host")
    try:
        return site_rule_files.SiteRuleFolder(rules_folder).for_host(canonical_urls.host_of(url))
    except site_rule_files.SiteRulesError as error:
        raise CommandError(str(error)) from error


def _clean_page(body: bytes, url: str, rules: Sequence[site_rule_files.SiteRuleFile]) -> _CleanResult:
    arguments = (document.Page(url, body), rules, early_checks.extractor_setting())
    # A user's XPath or pattern may run for ever; our own are bounded, and need no process.
    cleaned = processes.run_in_worker(clean_module.clean, *arguments) if rules else clean_module.clean(*arguments)
    facts = {
        "page_type": str(cleaned.verdict.page_type),
        "evidence": list(cleaned.verdict.evidence),
        "metadata": asdict(cleaned.metadata),
    }
    return _CleanResult(cleaned.metadata.title, cleaned.blocks, cleaned.verdicts, cleaned.text, cleaned.markdown, facts)


def _clean_text(body: bytes) -> _CleanResult:
    blocks = text_lines.blocks_of_text(parsed_page.decode(body).text)
    title, verdicts = plaintext.judge_text(blocks, rule_files.load_rules())
    return _CleanResult(title, blocks, verdicts, *article_text.assemble(blocks, verdicts), page_facts={})


def _json_values(result: _CleanResult, *, explain: bool) -> dict[str, object]:
    values = {"title": result.title, "text": result.text, "markdown": result.markdown}
    blocks = [_block_values(block, verdict) for block, verdict in zip(result.blocks, result.verdicts, strict=True)]
    return {**values, "word_count": stored_text.count_words(result.text), **result.page_facts} | (
        {"blocks": blocks} if explain else {}
    )


def _block_values(block: document.Block, verdict: document.Verdict) -> dict[str, object]:
    return {
        "position": block.position,
        "kind": str(block.kind),
        "kept": verdict.kept,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "repeats": verdict.repeats,
        "votes": [asdict(vote) for vote in verdict.votes],
        "path": block.path,
        "text": block.text,
    }


def _block_cells(block: document.Block, verdict: document.Verdict) -> list[str]:
    votes = " ".join(f"{'+' if vote.keep else '-'}{vote.voter}" for vote in verdict.votes)
    reason = verdict.reason + ("" if verdict.repeats is None else f", as block {verdict.repeats}")
    return [str(block.position), "kept" if verdict.kept else "removed", reason, verdict.rule, votes]


def _exit_code(result: _CleanResult, file: str = "") -> int:
    """Return 0 if there is article text, else 1.

    Standard error says why a page was not judged an article, after the file's name if given.
    """
    name = f"{file}: " if file else ""
    page_type = result.page_facts.get("page_type", document.PageType.ARTICLE)
    if page_type not in (document.PageType.ARTICLE, document.PageType.TEASER):
        evidence = ", ".join(map(fact_words, result.page_facts["evidence"]))  # type: ignore[call-overload]
        click.echo(one_line(f"broadsheet: {name}judged as {page_type}, not as an article ({evidence})"), err=True)
    if not result.text:
        click.echo(one_line(f"broadsheet: {name}no article text found"), err=True)
    return int(not result.text)
