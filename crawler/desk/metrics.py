"""Figures of a desk in the text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_HELP = {
    "broadsheet_articles": "Articles in the archive.",
    "broadsheet_bytes": "Size of the archive's file.",
    "broadsheet_due": "1 if the site is to be looked at now.",
    "broadsheet_failed_turns": "Turns in a row that failed, the last one included.",
    "broadsheet_running_pages": "Pages that a crawl at work has by now.",
}
"""What each figure means. All of them go up and down."""


class Figure(NamedTuple):
    """A figure of an archive at this moment: `name` is one of those above."""

    name: str
    archive: str
    value: int


def metrics_text(figures: Iterable[Figure]) -> str:
    r"""Return the figures as Prometheus reads them, those of one name below its help.

    >>> print(metrics_text([Figure("broadsheet_articles", 'the "news"', 27)]), end="")
    # HELP broadsheet_articles Articles in the archive.
    # TYPE broadsheet_articles gauge
    broadsheet_articles{archive="the \"news\""} 27
    """
    lines: list[str] = []
    for name, found in groupby(sorted(figures), key=lambda figure: figure.name):
        lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} gauge"]
        lines += [f'{name}{{archive="{_escaped(figure.archive)}"}} {figure.value}' for figure in found]
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
