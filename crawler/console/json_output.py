"""What the verbs print with `--json`: exact values, with whatever acts on a screen escaped (`docs/json.md`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from broadsheet.crawler.console.terminal import print_text
from broadsheet.output.db.text import escaped_json


def print_json(values: Mapping[str, object]) -> None:
    """Print one object on several lines."""
    print_text(escaped_json(json.dumps(values, ensure_ascii=False, indent=2)))


def print_json_lines(rows: Iterable[Mapping[str, object]]) -> None:
    """Print objects, one a line."""
    for row in rows:
        print_text(escaped_json(json.dumps(row, ensure_ascii=False)))
