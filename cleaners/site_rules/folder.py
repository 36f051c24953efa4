"""A folder of site rule files, looked up by host and read only when a page of that host comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cleaners.site_rules.ftr_format import Problem, SiteRule, read_rule

_ENDING = ".txt"
_GLOBAL = "global"  # global.txt holds for every host, after the host's own
_NOT_RULES = ("license.txt", "readme.txt")


class SiteRulesError(ValueError):
    """A folder that cannot be used; its text is one line for the person who named it."""


class SiteRules:
    """The rule files of a folder. A file named `.example.org.txt` is for every host below example.org."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        try:
            names = sorted(path.name for path in self._folder.iterdir() if path.suffix == _ENDING)
        except OSError as error:
            raise SiteRulesError(f"cannot read the folder of site rules {folder}: {error.strerror}") from error
        self._files = {name.removesuffix(_ENDING).lower(): name for name in names if name.lower() not in _NOT_RULES}
        self._read: dict[str, SiteRule] = {}

    def __len__(self) -> int:
        return len(self._files)

    def for_host(self, host: str) -> tuple[SiteRule, ...]:
        """The rules of a host: its own file, else the nearest one with a leading dot; then global.txt."""
        own = next((name for key in _keys(host) if (name := self._files.get(key))), None)
        return tuple(map(self._load, filter(None, (own, self._files.get(_GLOBAL)))))

    def every(self) -> Iterator[SiteRule]:
        """All rules of the folder, by file name."""
        return map(self._load, self._files.values())

    def _load(self, name: str) -> SiteRule:
        if name not in self._read:
            self._read[name] = read_file(self._folder / name)
        return self._read[name]


def read_file(path: Path) -> SiteRule:
    """Read one rule file; a file that cannot be read is a rule with that as its problem."""
    try:
        return read_rule(path.read_text("utf-8-sig", "replace"), path.name)
    except OSError as error:
        return SiteRule(path.name, problems=(Problem(path.name, 1, f"cannot be read: {error.strerror}"),))


def _keys(host: str) -> Iterator[str]:
    name = host.lower().partition(":")[0].removeprefix("www.")
    yield name
    labels = name.split(".")
    for start in range(1, len(labels)):
        yield "." + ".".join(labels[start:])
