"""Version 3: which cleaner made each text, and what cleaning again changed."""

from __future__ import annotations

LINEAGE: tuple[str, ...] = ()
