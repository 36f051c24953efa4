"""A folder of site rule files, looked up by host; a file is read when the first page of its host comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from broadsheet.cleaners.site_rules.ftr_format import SiteRuleFile, SiteRuleProblem, parse_rule_file

_SUFFIX = ".txt"
_GLOBAL_STEM = "global"  # global.txt applies to every host, after the host's own file
_OTHER_FILES = ("license.txt", "readme.txt")


class SiteRulesError(ValueError):
    """A folder that cannot be read. The message is one line for the user."""


class SiteRuleFolder:
    """The rule files of a folder. A file named `.example.org.txt` is for every subdomain of example.org."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        try:
            names = sorted(path.name for path in self._folder.iterdir() if path.suffix == _SUFFIX)
        except OSError as error:
            raise SiteRulesError(f"cannot read the folder of site rules {folder}: {error.strerror}") from error
        self._names_by_host = {
            name.removesuffix(_SUFFIX).lower(): name for name in names if name.lower() not in _OTHER_FILES
        }
        self._loaded: dict[str, SiteRuleFile] = {}

    def __len__(self) -> int:
        return len(self._names_by_host)

    def for_host(self, host: str) -> tuple[SiteRuleFile, ...]:
        """Return the rules for a host: its own file, or else the nearest one with a leading dot; then global.txt."""
        host_file = next((name for key in _lookup_keys(host) if (name := self._names_by_host.get(key))), None)
        return tuple(map(self._load, filter(None, (host_file, self._names_by_host.get(_GLOBAL_STEM)))))

    def read_all(self) -> Iterator[SiteRuleFile]:
        """Read all files of the folder, in the order of their names."""
        return map(self._load, self._names_by_host.values())

    def _load(self, name: str) -> SiteRuleFile:
        if name not in self._loaded:
            self._loaded[name] = read_rule_file(self._folder / name)
        return self._loaded[name]


def read_rule_file(path: Path) -> SiteRuleFile:
    """Read one rule file. A file that cannot be read gives one without directives, with that problem."""
    try:
        return parse_rule_file(path.read_text("utf-8-sig", "replace"), path.name)
    except OSError as error:
        return SiteRuleFile(path.name, problems=(SiteRuleProblem(path.name, 1, f"cannot be read: {error.strerror}"),))


def _lookup_keys(host: str) -> Iterator[str]:
    """Yield the names of the files that may be for a host, the most specific first."""
    name = host.lower().partition(":")[0].removeprefix("www.")
    yield name
    labels = name.split(".")
    for start in range(1, len(labels)):
        yield "." + ".".join(labels[start:])
