"""Whether the nine sites of the corpus, an archive each and merged, are the archive of one crawl of all of them.

    python -m tests.bench.merged_sites [NAME ...] [--most-pages N] [--keep DIR] [--out FILE]

All sites are served at once, each at a port of its own. One crawl of all of them makes `whole.db`; a crawl of each one
a shard, and `broadsheet merge` makes `merged.db` of the shards. Crawls go step by step, so that chance decides nothing.
Every table, view, row and column of both archives is compared, but for what `tests/bench/archives/columns.py` leaves
out (times, numbers of rows, places of raw records) and what says how an archive was made: `OTHERWISE`. Then the
shards are merged once more, and the merged archive is verified. With --most-pages a larger site is served in part on
both sides: so many of its HTML files, those nearest to the start page. It leaves `results/merged_sites.json`.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from tests.bench.archives.contents import Contents
from tests.bench.archives.differences import Comparison, comparisons
from tests.bench.documents.figures import refresh_documents
from tests.bench.figures import write_figures
from tests.bench.site_pages import names
from tests.bench.sites import ROOT, SHARED, Site
from tests.internal_tables import RULE_RATES, WARC_FILES, YIELDS

RESULTS = Path(__file__).parent / "results" / "merged_sites.json"
OTHERWISE = {
    "alarms": "of a run",
    "captures.refers_to": "the first of the same answers, in a shard of its own site",
    "meta": "of the file",
    RULE_RATES: "of a run",
    "runs": "one crawl, or one of each site",
    WARC_FILES: "of a run",
    YIELDS: "of a run",
}
"""Tables, views and columns that say how an archive was made, and why: they are counted, not held to be equal."""

_EXAMPLES = 5
_LINK = re.compile(r"""href=["']?(?:https?://[^/"'\s>]+)?([^"'\s>#?]+)""", re.IGNORECASE)


@contextmanager
def served(wanted: Sequence[str], folder: Path, most_pages: int) -> Iterator[dict[str, str]]:
    """Serve the sites: the start URL of each."""
    with ExitStack() as stack:
        sites = [stack.enter_context(Site(name, folder)) for name in wanted]
        for site in sites:
            trim(site.home / "www", urlsplit(site.start).path, most_pages)
        yield {site.name: site.start for site in sites}


def trim(www: Path, start: str, most_pages: int) -> None:
    """Leave so many HTML files (0: all), those that links lead to first from the start page, then any; other kinds of
    files stay."""
    if most_pages:
        linked = list(islice(linked_files(www, start), most_pages))
        others = [file for file in sorted(www.rglob("*.html")) if file not in set(linked)]
        for page in others[max(0, most_pages - len(linked)) :]:
            page.unlink()


def linked_files(www: Path, start: str) -> Iterator[Path]:
    """The HTML files of a site in the order in which links lead to them, nearest first."""
    waiting = deque([start])
    seen: set[Path] = set()
    while waiting:
        path = waiting.popleft()
        file = www / unquote(path).strip("/")
        file = file / "index.html" if file.is_dir() else file
        if file in seen or file.suffix != ".html" or not file.is_file():
            continue
        seen.add(file)
        yield file
        base = f"/{file.relative_to(www).as_posix()}"
        links = _LINK.findall(file.read_text("utf-8", "replace"))
        waiting.extend(urlsplit(urljoin(base, link)).path for link in links)


def crawl(db: Path, *starts: str) -> None:
    """Crawl the sites into an archive, one answer after the other. SystemExit where the crawl ends badly."""
    step_by_step("crawl", *starts, "--db", str(db), "--delay", "0", "--allow-private")


def step_by_step(*arguments: str) -> None:
    """Run a verb that asks for one answer after the other. SystemExit where it ends badly."""
    run("-m", "tests.bench.archives.step_by_step", *arguments, "-q")


def merge(target: Path, shards: Sequence[Path]) -> str:
    """Merge the shards: what the command prints."""
    return run("-m", "broadsheet.crawler.cli", "merge", str(target), *map(str, shards))


def run(*arguments: str) -> str:
    """Run Python with these arguments: what it prints. SystemExit where it ends badly."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"ended with {done.returncode}: {' '.join(command)}")
    return done.stdout


def compared_tables(whole: Path, merged: Path) -> dict[str, Any]:
    """Of each table and view: rows in both, and what differs by column."""
    return {compared.relation: _facts(compared) for compared in comparisons(whole, merged)}


def _facts(compared: Comparison) -> dict[str, Any]:
    facts: dict[str, Any] = {"rows": compared.old_rows, "merged_rows": compared.new_rows}
    if compared.differences:
        facts["differences"] = dict(Counter(each.column or "whole rows" for each in compared.differences))
        if not is_as_expected(compared.relation, facts):
            facts["examples"] = [repr(each)[:400] for each in compared.differences[:_EXAMPLES]]
    return facts


def is_as_expected(relation: str, facts: dict[str, Any]) -> bool:
    """Whether a table or view differs in nothing but what `OTHERWISE` names."""
    return relation in OTHERWISE or all(f"{relation}.{column}" in OTHERWISE for column in facts.get("differences", ()))


def measure(wanted: Sequence[str], folder: Path, most_pages: int) -> dict[str, Any]:
    """Crawl, merge, compare."""
    whole, merged = folder / "whole.db", folder / "merged.db"
    with served(wanted, folder / "sites", most_pages) as starts:
        crawl(whole, *starts.values())
        shards = [folder / f"{name}.db" for name in wanted]
        for name, shard in zip(wanted, shards, strict=True):
            crawl(shard, starts[name])
            print(f"{name}: {_rows(shard, 'pages'):,} pages, {_rows(shard, 'articles'):,} articles", flush=True)
    print(merge(merged, shards), flush=True)
    return _result(wanted, most_pages, (whole, merged), shards)


def _result(wanted: Sequence[str], most_pages: int, pair: tuple[Path, Path], shards: list[Path]) -> dict[str, Any]:
    tables = compared_tables(*pair)
    again = merge(pair[1], shards[::-1]).count("nothing new")
    run("-m", "broadsheet.crawler.cli", "verify", str(pair[1]))
    is_as_before = compared_tables(*pair) == tables
    sites = {
        name: {"pages": _rows(shard, "pages"), "articles": _rows(shard, "articles")}
        for name, shard in zip(wanted, shards, strict=True)
    }
    return {
        "most_pages": most_pages,
        "sites": sites,
        "pages": _rows(pair[1], "pages"),
        "articles": _rows(pair[1], "articles"),
        "unequal": [name for name, facts in tables.items() if not is_as_expected(name, facts)],
        "merged_again": {"nothing_new": again, "is_as_before": is_as_before},
        "tables": tables,
    }


def _rows(db: Path, table: str) -> int:
    contents = Contents(db)
    try:
        return sum(rows.total() for rows in contents.rows_of(table, contents.relations[table]).values())
    finally:
        contents.close()


def main() -> None:
    """Run, print what differs, and write the result; exits with 1 if anything does that may not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--most-pages", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    if not (SHARED / "corpus/sites").is_dir():
        sys.exit(f"no corpus in {SHARED}: set BROADSHEET_SHARED")
    folder = args.keep or Path(tempfile.mkdtemp(prefix="merged-sites-"))
    folder.mkdir(parents=True, exist_ok=True)
    result = measure(args.names or names(), folder.absolute(), args.most_pages)
    write_figures(args.out, result)
    refresh_documents(args.out)
    for name in result["unequal"]:
        print(name, json.dumps(result["tables"][name], indent=1, ensure_ascii=False))
    is_repeatable = result["merged_again"] == {"nothing_new": len(result["sites"]), "is_as_before": True}
    sys.exit(bool(result["unequal"]) or not is_repeatable)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()
