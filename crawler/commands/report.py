"""`broadsheet report`: what an archive came to, as text or as JSON."""

from __future__ import annotations

import sys
from dataclasses import asdict
from shlex import quote

import click

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import UNBOUNDED, print_json, print_pages, terminal_width
from .verb_options import archive_argument, verb

with lazy_imports():
    from broadsheet.output.read import judgement, report_figures, report_text, run_letter

    from ..cli import archive_access

_MAX_LINES = 20  # of one list on a terminal
_MAX_HOSTS = 5  # that are named where the one asked for is unknown


@verb
@archive_argument
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
@click.option("--all", "everything", is_flag=True, help="All tables, not a page that sums up.")
@click.option("--host", metavar="HOST", default="", help="On one host of the archive, or on a domain's hosts.")
def report(db: str, as_json: bool, everything: bool, host: str) -> int:
    """Say what an archive came to, and what needs a look, the worst first, with what to do.

    With --all, tables follow: what was not read, withdrawn and removed, and what fell out of line with each
    site's past. A long report is shown page by page (PAGER, else less).
    """
    with archive_access.open_read_only(db) as archive_db:
        if host and not report_figures.known_hosts(archive_db, host):
            hosts = report_figures.known_hosts(archive_db, "")
            more = " …" if len(hosts) > _MAX_HOSTS else ""
            return archive_access.refuse(
                f"{db} has nothing of {host}; it has {', '.join(hosts[:_MAX_HOSTS]) or 'no host'}{more}"
            )
        archive_report = report_figures.gather_report(archive_db, host)
        looks = judgement.judge_archive(archive_db, db, host=host, coverage=archive_report.coverage)
        with report_figures.host_scope(archive_db, host):
            letter = run_letter.read_letter(archive_db, archive_report.coverage)
    if as_json:
        verdict = judgement.verdict_sentence(archive_report.articles, archive_report.shelved, looks)
        head = {"verdict": verdict, "completeness": letter.completeness, "last_run": letter.headline}
        print_json({**head, "looks": judgement.look_values(looks), **asdict(archive_report)})
    elif everything:
        max_lines = _MAX_LINES if sys.stdout.isatty() else UNBOUNDED
        print_pages(report_text.render(archive_report, looks, letter, terminal_width(), max_lines).rstrip())
    else:
        summary = report_text.render_summary(archive_report, looks, letter, terminal_width())
        more = f"broadsheet report {quote(db)} --all" + (f" --host {quote(host)}" if host else "")
        print_pages(f"{summary}\nAll tables: {more}")
    return 0
