"""Version 3: articles that are alike, and how rules and sites did in each run."""

from __future__ import annotations

SURVEY: tuple[str, ...] = ()
