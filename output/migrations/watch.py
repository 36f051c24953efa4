"""Version 3: when a page is looked at again, and what changed in its article."""

from __future__ import annotations

WATCH: tuple[str, ...] = ()
