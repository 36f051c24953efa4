"""What was taken down in any archive of a data set is in none of its tables, whichever archive still holds it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from broadsheet.output.write.forget import WILDCARD


@dataclass(frozen=True, slots=True)
class TakedownList:
    """URLs, and patterns in which `*` stands for anything."""

    urls: frozenset[str]
    patterns: re.Pattern[str] | None
    digest: str

    @classmethod
    def of(cls, patterns: Iterable[str]) -> TakedownList:
        """The list of what archives state."""
        all_patterns = sorted(set(patterns))
        wild = [
            re.escape(pattern).replace(re.escape(WILDCARD), ".*") for pattern in all_patterns if WILDCARD in pattern
        ]
        digest = hashlib.sha256("\0".join(all_patterns).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return cls(frozenset(all_patterns), re.compile("|".join(wild), re.DOTALL) if wild else None, digest)

    def names(self, url: object) -> bool:
        """Whether a URL was taken down; nothing that is no text was."""
        if not isinstance(url, str) or not (self.urls or self.patterns):
            return False
        return url in self.urls or bool(self.patterns and self.patterns.fullmatch(url))
