"""Verdicts on our own pages as this version of the cleaner gives them: `python -m tests.cleaners.stored_verdicts`.

Texts in archives name the version that made them, so the same version may not give another. The command writes the
digests anew, and raises `CLEANER_VERSION` if it is still that of other verdicts.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from broadsheet.cleaners import lineage
from broadsheet.cleaners.clean import clean
from tests.budget_pages import made_pages, sample_pages

FILE = Path(__file__).with_suffix(".json")
COMMAND = "python -m tests.cleaners.stored_verdicts"
_HEX_DIGITS = 12
_MOST_PAGES = 1000  # more than the sample site has


@dataclass(frozen=True, slots=True)
class StoredVerdicts:
    """Digests of the verdicts by page, with the cleaner's version and the libraries that read the pages."""

    version: str
    libraries: str
    pages: dict[str, str]


def read_verdicts() -> StoredVerdicts:
    """Read what is stored."""
    return StoredVerdicts(**json.loads(FILE.read_text("utf-8")))


def verdicts_now() -> StoredVerdicts:
    """Judge the pages, and digest of each what an archive stores: its type, its text, and each block's verdict."""
    cleaned = map(clean, {page.url: page for page in (*sample_pages(_MOST_PAGES), *made_pages())}.values())
    told = {
        page.url: [page.verdict.page_type, page.text, page.metadata.title, page.metadata.published,
                   page.metadata.authors, [(one.kept, one.reason, one.rule) for one in page.verdicts]]
        for page in cleaned
    }  # fmt: skip
    pages = {url: hashlib.sha256(json.dumps(values).encode()).hexdigest()[:_HEX_DIGITS] for url, values in told.items()}
    return StoredVerdicts(lineage.CLEANER_VERSION, lineage.lineage().libraries, pages)


def problem(stored: StoredVerdicts, now: StoredVerdicts) -> str:
    """Say what is wrong with a version whose verdicts differ from those that are stored; empty if nothing is."""
    differing = sorted(url for url in stored.pages.keys() | now.pages if stored.pages.get(url) != now.pages.get(url))
    if not differing and stored.version == now.version:
        return ""
    kept = f"CLEANER_VERSION is {'still ' * (stored.version == now.version)}{now.version}"
    return f"{len(differing)} pages are judged otherwise ({', '.join(differing[:3])}), and {kept}: run {COMMAND}"


def main() -> None:
    """Write the digests anew, under a new version if verdicts have changed and it has not."""
    stored, now, version = read_verdicts() if FILE.exists() else None, verdicts_now(), lineage.CLEANER_VERSION
    if stored and stored.version == version and stored.pages != now.pages:
        version = str(int(version) + 1)
        source = Path(lineage.__file__)
        text = source.read_text("utf-8")
        source.write_text(text.replace(f'CLEANER_VERSION = "{now.version}"', f'CLEANER_VERSION = "{version}"'), "utf-8")
    values = {"version": version, "libraries": now.libraries, "pages": dict(sorted(now.pages.items()))}
    FILE.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
    print(f"version {version}, {len(now.pages)} pages")


if __name__ == "__main__":
    main()
