"""`broadsheet report`: what an archive came to, as text or as JSON."""

from __future__ import annotations

import sys
from dataclasses import asdict

from broadsheet.crawler.crawl.archive_access import open_read_only, refuse
from broadsheet.crawler.crawl.terminal import UNBOUNDED, print_json, print_pages, reason_text, terminal_width
from broadsheet.output.read.report_figures import gather_report as make_report
from broadsheet.output.read.report_figures import known_hosts
from broadsheet.output.read.report_text import render, verdict_sentence

_MAX_LINES = 20  # of one list on a terminal
_MAX_HOSTS = 5  # that are named where the one asked for is unknown


def report(path: str, host: str, *, as_json: bool) -> int:
    """Print the report, or that on one host; 1 if the archive does not know the host."""
    with open_read_only(path) as db:
        if host and not known_hosts(db, host):
            hosts = known_hosts(db, "")
            more = " …" if len(hosts) > _MAX_HOSTS else ""
            return refuse(f"{path} has nothing of {host}; it has {', '.join(hosts[:_MAX_HOSTS]) or 'no host'}{more}")
        archive_report = make_report(db, host)
    if as_json:
        print_json({"verdict": verdict_sentence(archive_report), **asdict(archive_report)})
    else:
        max_lines = _MAX_LINES if sys.stdout.isatty() else UNBOUNDED
        print_pages(render(archive_report, terminal_width(), max_lines, reason_text).rstrip())
    return 0
