"""Every command block of README and docs runs, in order, in one folder that was empty: what is written there works.

`https://news.example` is served by the sample site on loopback, and its front page's first story is edited before each
look again. What a reader brings along (saved pages, archives of other crawlers) lies in the folder. A command that
cannot run here has a reason of a closed list, and how many of each there are is pinned.
"""

import gzip
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import pytest

from broadsheet.cleaners.lineage import Lineage
from broadsheet.crawler.demo.server import DemoServer
from broadsheet.output.archive.page_rows import lineage_id
from tests.crawler.crawls import REPOSITORY
from tests.crawler.scripted_site import page
from tests.crawler.warcs import arc_file_head, arc_record
from tests.crawler.warm import run
from tests.internal_tables import CLEANERS, PAGE_BLOCKS

DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
STORY = "/investigations/dredging-contracts"
TUTORIAL_SITE = "http://127.0.0.1:8765"  # where docs/tutorial.md has the sample site served
EXEMPT = {
    "cron": re.compile(r"\d+ \* \* \* \* "),
    "installs": re.compile(r"(?:pipx|pip|uv) "),
    "make": re.compile(r"make "),
    "serves": re.compile(r"(?:broadsheet )?datasette (?!.*--(?:get|print))|wb-manager |\S*broadsheet browse "),
    "project": re.compile(r"scrapy |# proj/|.*\bimport proj\b", re.DOTALL),
    "tools": re.compile(r".*^(?:import (?:polars|duckdb)|from datatrove)\b", re.DOTALL | re.MULTILINE),
}
"""Why a command is not run here. `project` needs a Scrapy project of one's own, `tools` packages that tests have apart:
`tests/crawler/test_addon.py` and `tests/output/scenarios` run these."""

PINNED = {"cron": 1, "installs": 3, "make": 2, "project": 7, "serves": 4, "tools": 4, "sh": 116, "python": 7, "sql": 50}
"""How many commands have which reason, and how many blocks' commands run."""

_BLOCK = re.compile(r"^```(sh|python|sql)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s+#\s.*$")
_PLAIN = re.compile(r"broadsheet (?:[^|<>&;()$`*?\[\]'\"\\~#]|'[^']*')+")  # all that a shell does is to split it
_PATIENCE = 120.0  # seconds until a command counts as hung


@dataclass(frozen=True)
class Command:
    """A command of a document: what runs it (`sh`, `python`, `sql`), or the reason why nothing does."""

    document: str
    kind: str
    text: str


def commands_of(document: Path) -> Iterator[Command]:
    for language, block in _BLOCK.findall(document.read_text("utf-8")):
        texts = shell_lines(block) if language == "sh" else statements(block) if language == "sql" else [block]
        for text in texts:
            reasons = [reason for reason, pattern in EXEMPT.items() if language != "sql" and pattern.match(text)]
            yield Command(document.name, reasons[0] if reasons else language, text)


def shell_lines(block: str) -> list[str]:
    lines = block.replace("\\\n", " ").splitlines()
    return [_COMMENT.sub("", line) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def statements(block: str) -> list[str]:
    return [text for text in re.sub(r"--.*", "", block).split(";") if text.strip()]


COMMANDS = [command for document in DOCUMENTS for command in commands_of(document)]


def bring_along(folder: Path, environment: dict[str, str]) -> None:
    """What readers have of their own: saved pages, extracted text, rules, and archives of other crawlers."""
    (folder / "page.html").write_text(page("river"))
    (folder / "extracted.txt").write_text(
        "\n".join(["Home", "A story", *(f"The council met {n} times." for n in "abc")])
    )
    (folder / "rules").mkdir()
    (folder / "rules" / "news.example.txt").write_text("body: //article\n")
    subprocess.run(["broadsheet", "demo"], cwd=folder, env=environment, check=True, capture_output=True)
    sample = folder / "demo-out" / "sample.db"
    shutil.copy(sample, folder / "archive.db")
    for name in ("archive.db", "sample.db"):
        shutil.copytree(folder / "demo-out" / "sample.db.warc", folder / f"{name}.warc")
    export = ["broadsheet", "export", str(sample), "-o", "crawl.wacz"]
    subprocess.run(export, cwd=folder, env=environment, check=True, capture_output=True)
    [warc] = (folder / "demo-out" / "sample.db.warc").glob("*.warc.gz")
    for name in ("site-1.warc.gz", "CC-MAIN-2024-10.warc.gz"):
        shutil.copy(warc, folder / name)
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page("old").encode()
    records = (arc_file_head(), arc_record("http://old.example/story", answer))
    (folder / "2008").mkdir()
    (folder / "2008" / "old.arc.gz").write_bytes(b"".join(map(gzip.compress, records)))


def age_cleaner(archive: Path) -> None:
    """An archive as an earlier version of the cleaner would have left it, with another verdict on one block."""
    connection = sqlite3.connect(archive)
    with connection:
        connection.execute(f"DELETE FROM {CLEANERS} WHERE version = '0'")
        columns = "version, rules, model, site_rules, libraries"
        (model, site_rules, libraries), *_ = connection.execute(f"SELECT model, site_rules, libraries FROM {CLEANERS}")
        older = Lineage("0", "older", model, site_rules, libraries)
        connection.execute(
            f"INSERT INTO {CLEANERS} (id, {columns}) VALUES (?, ?, ?, ?, ?, ?)", [lineage_id(older), *astuple(older)]
        )
        connection.execute(f"UPDATE pages SET cleaner_id = (SELECT id FROM {CLEANERS} WHERE version = '0')")
        connection.execute(
            f"""UPDATE {PAGE_BLOCKS} SET kept = 1 WHERE position = 0
                AND page_id = (SELECT page_id FROM articles WHERE url LIKE ? LIMIT 1)""",
            [f"%{STORY}"],
        )
    connection.close()


def crawl_anew(folder: Path, environment: dict[str, str], origin: str) -> None:
    """An archive without what `age_cleaner` did: it left verdicts that no cleaner gave."""
    (folder / "news.db").unlink()
    shutil.rmtree(folder / "news.db.warc")
    arguments = ["broadsheet", "crawl", origin, "--db", "news.db", "--quiet"]
    subprocess.run(arguments, cwd=folder, env=environment, capture_output=True)


def prepare(command: Command, server: DemoServer, folder: Path, environment: dict[str, str]) -> None:
    """What happens in the world before a command: a publication edits its story, a new version has another cleaner."""
    if command.text.startswith("broadsheet update"):
        server.correct_story()
        look_again = replace(command, text="broadsheet update news.db --all --quiet")  # as if days had passed
        assert run_command(look_again, folder, environment, server.url) == ""
    if command.text.split() == "broadsheet reclean news.db".split():
        age_cleaner(folder / "news.db")
    if command.text.split() == "broadsheet verify news.db".split():
        crawl_anew(folder, environment, server.url)


def run_sql(text: str, folder: Path) -> str:
    """What is wrong with a query; empty if it runs."""
    connection = sqlite3.connect(folder / "news.db")
    try:
        connection.execute(text, {"id": 0, "last": 0, "url": ""}).fetchall()
    except sqlite3.Error as error:
        return str(error)
    finally:
        connection.close()
    return ""


def run_command(command: Command, folder: Path, environment: dict[str, str], origin: str) -> str:
    """What is wrong with a command; empty if it works."""
    if command.kind == "sql":
        return run_sql(command.text, folder)
    text = command.text.replace("https://news.example", origin).replace(TUTORIAL_SITE, origin)
    text = text.replace("--host news.example", f"--host {origin.partition('//')[2]}")
    if command.kind == "sh" and _PLAIN.fullmatch(text):
        code, out, errors = run("broadsheet.crawler.cli", shlex.split(text)[1:], environment, folder, _PATIENCE)
    else:
        arguments = [sys.executable, "-c", text] if command.kind == "python" else ["bash", "-o", "pipefail", "-c", text]
        ended = subprocess.run(
            arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_PATIENCE,
        )  # fmt: skip
        code, out, errors = ended.returncode, ended.stdout, ended.stderr
    is_good = code == 0 and "Traceback" not in errors
    return "" if is_good else f"exit {code}\n{out[-300:]}\n{errors[-800:]}"


@pytest.mark.slow
def test_every_command_of_readme_and_docs_runs(tmp_path):
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY), "COLUMNS": "100",
        "BROADSHEET_ALLOW_PRIVATE": "1", "BROADSHEET_DELAY": "0", "BROADSHEET_RETRY_TIMES": "0",
    }  # fmt: skip
    bring_along(tmp_path, environment)
    failures = []
    with DemoServer() as server:
        for command in COMMANDS:
            prepare(command, server, tmp_path, environment)
            if command.kind not in EXEMPT and (failure := run_command(command, tmp_path, environment, server.url)):
                failures.append(f"{command.document}: {command.text}\n{failure}")
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


def test_no_command_of_ours_is_exempt_and_the_others_are_counted():
    ours = [command for command in COMMANDS if command.kind in EXEMPT and command.text.startswith("broadsheet")]
    assert {command.kind for command in ours} <= {"serves"}
    assert Counter(command.kind for command in COMMANDS) == PINNED


def test_a_block_is_cut_into_its_commands():
    block = "# a note\nbroadsheet report a.db   # says\nsqlite-utils a.db \\\n  'select 1'\n"
    assert [" ".join(line.split()) for line in shell_lines(block)] == [
        "broadsheet report a.db", "sqlite-utils a.db 'select 1'",
    ]  # fmt: skip
    assert [text.strip() for text in statements("-- all\nselect 1;\nselect 2;")] == ["select 1", "select 2"]
