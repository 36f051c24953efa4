"""Fills the figures that benchmarks made into the documentation: `python -m tests.bench.documents.figures`.

A document has its place between `<!-- figures: NAME -->` and `<!-- end -->`; `figures.toml` has what stands there, with
`{RESULT/KEY/…/KEY:FORMAT}` where a figure of a file of results goes. A benchmark that has written its results calls
`refresh_documents`, and a test holds the documents against the results.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from tests.bench.load.page import page_of
from tests.bench.whole_sites import with_last_table

REPOSITORY = Path(__file__).resolve().parents[3]
RESULTS = REPOSITORY / "tests/bench/results"
_RESULT_FOLDERS = (RESULTS, REPOSITORY / "cleaners/judge/models")
_FIGURE = re.compile(r"\{([^{}:]+)(?::([^{}]+))?\}")
_PLACE = re.compile(r"<!-- figures: (\S+) -->\n.*?<!-- end -->", re.DOTALL)


def documents() -> list[Path]:
    """The files that may have figures."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def rendered_blocks(definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What stands in each place, by its name. KeyError for a figure that no file of results has."""
    results: dict[str, Any] = {}
    return {name: _rendered(definition, results) for name, definition in definitions.items()}


def load_definitions() -> dict[str, dict[str, Any]]:
    """The blocks of `figures.toml`: `text` or, for a table, its `head` and a `row` for each name in `rows`."""
    return tomllib.loads(Path(__file__).with_name("figures.toml").read_text("utf-8"))


def filled(text: str, blocks: Mapping[str, str]) -> str:
    """A document with its places filled. KeyError for a place of an unknown name."""
    return _PLACE.sub(lambda place: f"<!-- figures: {place[1]} -->\n{blocks[place[1]]}\n<!-- end -->", text)


def place_names(text: str) -> list[str]:
    """The names of a document's places, in order."""
    return [place[1] for place in _PLACE.finditer(text)]


def fill_documents() -> list[Path]:
    """Write the figures into every document; returns those that have changed. KeyError for a figure that the results
    do not have, before anything is written."""
    blocks, changed_files = rendered_blocks(load_definitions()), []
    for file in documents():
        text = file.read_text("utf-8")
        if (new_text := filled(text, blocks)) != text:
            file.write_text(new_text, "utf-8")
            changed_files.append(file)
    return changed_files


def refresh_documents(result_file: Path) -> None:
    """Fill the documents, if a benchmark has written its results to the place where they are kept."""
    if result_file.resolve().parent == RESULTS:
        main()


def _rendered(definition: Mapping[str, Any], results: dict[str, Any]) -> str:
    table = [definition["row"].replace("ROW", name) for name in definition.get("rows", ())]
    text = "\n".join([definition.get("head", definition.get("text", "")).strip("\n"), *table])
    return _FIGURE.sub(lambda figure: _figure_text(_look_up(figure[1], results), figure[2] or ""), text)


def _look_up(path: str, results: dict[str, Any]) -> Any:
    name, *keys = path.split("/")
    if name not in results:
        file = next(folder / f"{name}.json" for folder in _RESULT_FOLDERS if (folder / f"{name}.json").exists())
        results[name] = json.loads(file.read_text("utf-8"))
    return reduce(lambda value, key: value[int(key)] if isinstance(value, list) else value[key], keys, results[name])


def _figure_text(value: Any, form: str) -> str:
    """A figure in the documents' spelling: a per cent sign has a space before it."""
    return f"{value:{form}}".replace("%", " %") if form else str(value)


def main() -> None:
    """Write docs/performance.md and fill the other documents; say which have changed."""
    page = page_of(json.loads((RESULTS / "throughput.json").read_text("utf-8")))
    (REPOSITORY / "docs/performance.md").write_text(with_last_table(page), "utf-8")
    for file in fill_documents():
        print(f"filled {file.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
