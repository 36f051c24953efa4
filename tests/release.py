"""Reasons not to publish: `python -m tests.release TAG ADDRESS`, where the workflow of a release runs.

A tag that is not the version's, a repository whose address its owner has not set, a changelog without the version.
Exits with a line for each.
"""

import re
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def reasons_against(tag: str, address: str, folder: Path = REPOSITORY) -> list[str]:
    """What keeps the version in a folder from being published under a tag, from the repository at an address."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    version, own = settings["project"]["version"], settings["tool"]["broadsheet"]["repository"]
    sections = re.findall(r"^## (.+)$", (folder / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    is_false = {
        f"the tag {tag} is not v{version}, the version of pyproject.toml": tag != f"v{version}",
        "the repository's address is not set: [tool.broadsheet] of pyproject.toml": not own,
        f"pyproject.toml names the repository {own}, and this is {address}": bool(own) and own != address,
        f"CHANGELOG.md does not begin with {version}, but with {sections[0]}": sections[0].split()[0] != version,
    }
    return [line for line, is_so in is_false.items() if is_so]


if __name__ == "__main__":
    if lines := reasons_against(*sys.argv[1:]):
        sys.exit("\n".join(lines))
