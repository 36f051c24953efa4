"""Version 5: what is wrong with an imported record stands beside its capture."""

from __future__ import annotations

IMPORTED: tuple[str, ...] = ("ALTER TABLE captures ADD COLUMN record_faults TEXT",)
