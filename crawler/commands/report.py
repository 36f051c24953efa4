"""`broadsheet report`: what an archive came to, as text or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from crawler.console.open_archive import open_read_only
from crawler.console.terminal import print_text, terminal_width
from output.db.text import escaped_json
from output.report.figures import gather_report as make_report
from output.report.report_text import render


def report(path: str, *, as_json: bool) -> int:
    """Print the report."""
    with open_read_only(path) as db:
        archive_report = make_report(db)
    print_text(
        escaped_json(json.dumps(asdict(archive_report), ensure_ascii=False, indent=2))
        if as_json
        else render(archive_report, terminal_width()).rstrip()
    )
    return 0
