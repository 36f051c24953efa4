"""`broadsheet reclean`: clean an archive again, show what would change, or undo earlier runs."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import CommandError
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import cut_line, format_table, one_line, print_text, terminal_width
from .verb_options import PATH, unchecked_archive_argument, verb

with lazy_imports():
    from broadsheet.output.archive import archive_file, stored_values
    from broadsheet.output.settle import own_reading, reclean_undo
    from broadsheet.output.write import archive_writer, run_records

    from .. import options as options_module
    from ..cli import archive_access, progress_line
    from ..crawl import early_checks, processes, run_parts, session
    from ..replay import recleaning
    from ..workers import settle_pool
    from . import run_summary

_MAX_RULES = 12
_MAX_DIFF_LINES = 6  # of a diff that are shown of an example
_CHANGE_TEXTS = {"changed": "texts changed", "gained": "gained", "lost": "lost"}
_UNCHANGED_TEXTS = {
    "current": "made by this cleaner already",
    "no_raw": "without a raw response",
    "raw_missing": "whose raw response is not there",
    "broken_record": "whose raw response is damaged",
}


@verb
@unchecked_archive_argument
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@click.option("--site-rules", type=PATH, metavar="DIR", help="Rule files by host; without it, those of the last run.")
@click.option("--no-site-rules", is_flag=True, help="Without the site rules of the last run.")
@click.option("--all", is_flag=True, help="Also clean pages that this version has cleaned.")
@click.option(
    "--examples", type=click.IntRange(0), default=5, show_default=True, metavar="N", help="How many changes to show."
)
@click.option("--undo", is_flag=True, help="Undo the last run.")
@click.option(
    "--back-to", type=click.IntRange(0), metavar="RUN", help="Go back to the state after RUN; 0: before the first."
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def reclean(**options: Any) -> int:
    """Clean the stored pages again from their raw responses with this version's cleaner, without a network.

    Texts change in place; rulings made by hand stay in force. Run the same command again to continue.
    """
    processes.start_workers()
    if not options["dry_run"]:
        archive_access.upgrade(options["db"])
    with archive_access.open_read_only(options["db"]) as db:
        last_rules = run_records.latest_site_rules(db)
    if options["undo"] or options["back_to"] is not None:
        return _undo(options["db"], options["back_to"], quiet=options["quiet"])
    rules = "" if options["no_site_rules"] else options["site_rules"] or last_rules
    crawl_options = options_module.CrawlOptions((), site_rules=rules, extractor=early_checks.extractor_setting())
    try:
        run_parts.site_rules_of(crawl_options)
    except options_module.OptionError as error:
        hint = "" if options["site_rules"] else " (the last run's; --site-rules DIR or --no-site-rules)"
        raise CommandError(f"{error}{hint}") from error
    with archive_access.told_faults(options["db"]):
        return _reclean(options, crawl_options)


def _reclean(options: Mapping[str, Any], crawl_options: options_module.CrawlOptions) -> int:
    import asyncio

    started, path = time.monotonic(), options["db"]
    # A dry run takes no lock: it may run beside a crawl.
    opening = archive_access.open_read_only(path) if options["dry_run"] else archive_writer.Archive.open(path)
    with opening as opened:
        archive = opened if isinstance(opened, archive_writer.Archive) else None
        db = archive.db if archive else opened
        run_id = archive.runs.start("reclean", _recorded(crawl_options), session.software_versions()) if archive else 0
        recleaner, reclean_run, signal_number = asyncio.run(_run_recleaner(db, options, crawl_options, run_id))
        if archive:
            settle_pool.settle_in_processes(archive.db)  # also what a run that was killed has left unsettled
            run_end = ("stopped", f"signal {signal_number}") if signal_number else ("finished", "")
            archive.runs.finish(run_id, *run_end, recleaner.findings.tally.as_counts())
    if signal_number:
        click.echo(one_line(f"Stopped. {path} is in order, and the same command goes on from here."), err=True)
        return run_summary.SIGNAL_EXIT_BASE + signal_number
    if not options["quiet"]:
        _print_findings(options, recleaner.findings, time.monotonic() - started, reclean_run)
    return 0


def _recorded(options: options_module.CrawlOptions) -> dict[str, object]:
    """Return the options for the record of the run."""
    return {"site_rules": options.site_rules, "extractor": str(options.extractor)}


async def _run_recleaner(
    db: Any, options: Mapping[str, Any], crawl_options: options_module.CrawlOptions, run_id: int
) -> tuple[recleaning.Recleaner, int, int]:
    signals: list[int] = []
    started, reclean_run = time.monotonic(), 0

    def status_line() -> str:
        findings = recleaner.findings
        rate = findings.pages / max(time.monotonic() - started, 0.001)
        changed_count = sum(findings.tally.pages_by_kind[kind] for kind in _CHANGE_TEXTS)
        return f"{findings.pages:,} pages  {changed_count:,} articles changed  {rate:.1f} pages/s"

    def on_stop(signal_number: int) -> None:
        signals.append(signal_number)
        recleaner.is_stopping = True

    async with progress_line.show_progress(status_line, quiet=options["quiet"]) as print_line:
        recleaner = recleaning.Recleaner(db, archive_file.archive_path(options["db"]), crawl_options, print_line)
        async with progress_line.handle_stop_signals(on_stop):
            if options["dry_run"]:
                await recleaner.dry_run(include_current=options["all"])
            else:
                reclean_run = await recleaner.write(run_id, include_current=options["all"])
    return recleaner, reclean_run, signals[0] if signals else 0


def _print_findings(
    options: Mapping[str, Any], findings: recleaning.RecleanFindings, seconds: float, reclean_run: int
) -> None:
    looked_at, were = ("looked at", "would be") if options["dry_run"] else ("cleaned again", "were")
    pages_by_kind = findings.tally.pages_by_kind
    changes_text = ", ".join(f"{text} {pages_by_kind[kind]:,}" for kind, text in _CHANGE_TEXTS.items())
    print_text(f"{count_text(findings.pages, 'page')} {looked_at} in {seconds:.0f} s")
    other_count, same_count = pages_by_kind["other"], pages_by_kind["same"]
    print_text(f"Articles: {changes_text}; only metadata {other_count:,}, unchanged {same_count:,}")
    if field_counts := findings.tally.differing_fields:
        print_text(f"Changed fields: {', '.join(f'{name} {count:,}' for name, count in field_counts.most_common())}")
    for title, rule_counts in (
        ("brought back", findings.tally.restored_by_rule),
        ("removed", findings.tally.removed_by_rule),
    ):
        if rule_counts:
            print_text(f"\nBlocks that {were} {title}: {rule_counts.total():,}, by rule")
            rows = [(str(count), reason, rule) for (reason, rule), count in rule_counts.most_common(_MAX_RULES)]
            more_count = len(rule_counts) - _MAX_RULES
            more_text = f"\n… and {count_text(more_count, 'more rule')}" if more_count > 0 else ""
            print_text(
                format_table([("blocks", "reason", "rule"), *rows], terminal_width(), right_aligned=frozenset({0}))
                + more_text
            )
    if options["dry_run"]:
        for change in sorted(findings.examples, key=lambda change: (change.kind, change.url))[: options["examples"]]:
            print_text("\n" + "\n".join(_example_lines(change)))
    if unchanged := {reason: count for reason, count in findings.unchanged_counts.items() if count}:
        unchanged_text = ", ".join(
            f"{count:,} {_UNCHANGED_TEXTS.get(reason, reason)}" for reason, count in unchanged.items()
        )
        print_text(f"\nLeft as they are: {unchanged_text}")
    has_changes = any(pages_by_kind[kind] for kind in (*_CHANGE_TEXTS, "other"))
    if has_changes and not options["dry_run"]:
        print_text(f"\nThis was run {reclean_run}; broadsheet reclean {options['db']} --undo goes back.")
    elif has_changes:
        print_text("\nNothing was written; leave out --dry-run to do it.")


def _example_lines(change: own_reading.PageChange) -> Iterator[str]:
    """Yield a change in a few lines: removed blocks with a minus, blocks brought back with a plus."""
    yield cut_line(f"{change.kind}: {change.title or '(no title)'}", terminal_width())
    yield "  " + one_line(change.url)
    reasons = {
        text: f"{block_reason} {rule}".strip()
        for text, block_reason, rule in (*change.restored_blocks, *change.removed_blocks)
    }
    lines = [line for line in difflib.ndiff(change.old_texts, change.new_texts) if line[:1] in "+-"]
    for line in lines[:_MAX_DIFF_LINES]:
        reason = reasons.get(line[2:], "")
        yield cut_line(f"{line[:1]} {f'[{reason}] ' if reason else ''}{line[2:]}", terminal_width())
    if len(lines) > _MAX_DIFF_LINES:
        yield f"    … and {count_text(len(lines) - _MAX_DIFF_LINES, 'more block')}"


def _undo(path: str, run: int | None, *, quiet: bool) -> int:
    """Undo the last run, or all runs after `run`."""
    with archive_access.told_faults(path), archive_writer.Archive.open(path) as archive:
        run_ids = reclean_undo.list_recleans(archive.db)
        if run is None:
            if not run_ids:
                return archive_access.refuse(f"{path} has no reclean run to undo")
            run = run_ids[-1] - 1
        undone = reclean_undo.undo_after(archive.db, run, stored_values.utc_now)
    if not undone.undone_runs:
        return archive_access.refuse(f"there is nothing to undo after run {run}")
    newer_text = f"; {undone.newer_pages:,} were fetched again since and stay" if undone.newer_pages else ""
    if not quiet:
        print_text(f"{undone.restored_pages:,} pages are as they were before{newer_text}")
    return 0
