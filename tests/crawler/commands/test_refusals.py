"""What verbs refuse: a line, an exit code, nothing printed, and no row or file changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.output.archive.ledger import block_id
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.commands.conftest import CAPTION, RIVER, TOWER
from tests.crawler.shell import ACTIVE, command, verb_here

BLOCK = block_id(CAPTION)


@pytest.fixture
def here(archive_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive in this folder, beside what is none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("no archive")
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0\0\1\2\3" * 50)
    (tmp_path / "loop.txt").write_text("test_url: http://127.0.0.1:9/river\n")
    return archive_path


def everything(archive: Path) -> list[object]:
    """All rows of an archive, and the files around it."""
    with closing(sqlite3.connect(archive)) as connection:
        return [*connection.iterdump(), *sorted(path for path in archive.parent.rglob("*") if path.suffix != ".lock")]


REFUSED = [
    *(
        (f"{words}{mode}", 1, said)
        for mode in ("", " --dry-run")
        for words, said in (
            ("restore made.db 7", "no block 7"),
            (f"restore made.db {BLOCK} --article {TOWER}", "in article"),
            (f"restore made.db {BLOCK} --article https://a.example/none", "no article"),
            (f"restore made.db {BLOCK} --host b.example", "on b.example"),
            (f"restore made.db {BLOCK} --undo", "no ruling"),
        )
    ),
    ("remove made.db x", 2, "say which block"),
    ("remove made.db -1", 2, "-1"),
    (f"remove made.db {2**63}", 2, str(2**63)),
    (f"restore made.db {RIVER}", 2, "say which block"),
    (f"restore made.db {'9' * 5000}", 2, "is not the number of a block"),
    (f"restore made.db {RIVER} x", 2, "'x' is not a valid integer"),
    ("correct made.db", 1, "has no corrections"),
    ("correct made.db --export-rules own.toml", 1, "has no "),
    ("correct made.db lighthouse --article", 1, "has no page of lighthouse"),
    (f"correct made.db {RIVER}", 2, "name an article and its corrections: --title"),
    ("correct made.db --title x", 2, "name an article and its corrections: --title"),
    (f"correct made.db {RIVER} --title=", 2, "--title has no words"),
    (f"correct made.db {RIVER} --published 2024-05", 2, "--published '2024-05' is not a date"),
    (f"correct made.db {RIVER} --language english", 2, "'english' is not a language code"),
    ("correct made.db lighthouse --title x", 1, "has no article lighthouse"),
    ("correct made.db --undo 7", 1, "has no correction 7 in force"),
    *((f"forget made.db {url} {mode}", 1, "") for mode in ("--dry-run", "--yes")
      for url in ("https://a.example/nothing", "https://c.example/*", "no-url")),
    ("changes made.db --kind typo", 2, "'typo' is not one of"),
    *((f"changes made.db --since {text}", 2, "is not a time") for text in
      ("yesterday", "-3", "9999999d", f"{'9' * 30}d", "0001-01-01T00:00:00+12:00", "9" * 5000, "²")),
    (f"changes made.db --since {10**20}", 0, f"no edits since {10**20}"),
    *((f"search made.db the --since {day}", 2, "is not a date") for day in ("2024-1", "yesterday", "2024-13")),
    ("search made.db the --host other.example", 1, "no article matches the"),
    *((f"verify made.db --sample {part}", 2, "is not a part") for part in ("0", "8/7", "10%")),
    ("export made.db --format csv -o folder", 2, "is a folder"),
    ("export made.db --format markdown -o made.db", 2, "cannot make the folder"),
    ("export made.db --format markdown -o -", 2, "writes a folder"),
    ("export made.db --format tei", 2, "writes a folder"),
    ("export made.db --format html -o -", 2, "writes a folder"),
    ('export made.db --format jsonl --query "-"', 2, "has no word"),
    ("export made.db -o x.docx", 2, "jsonl, csv"),
    ("export made.db --format docx", 2, "json-feed"),
    *((f"merge all.db made.db {name}", 1, said) for name, said in
      (("missing.db", "does not exist"), ("text.db", "is not a SQLite database"), (".", "is a folder"))),
    ("reclean made.db --undo", 1, "has no reclean run to undo"),
    ("clean binary", 2, "neither a page nor text"),
    ("clean missing", 2, "missing"),
    ("clean folder", 2, "holds no .html"),
]  # fmt: skip


def test_a_refusal_is_a_line_and_changes_nothing(here):
    before = everything(here)
    for words, code, said in REFUSED:
        ended, out, errors = verb_here(*words.replace('"', "").split(" "))
        assert (ended, out, errors.count("\n"), ACTIVE & set(errors)) == (code, "", 1, set()), (words, errors)
        assert said in errors, words
        assert everything(here) == before, words


@pytest.mark.slow
def test_rules_of_a_page_that_a_crawl_may_not_ask_for_are_a_line(here):
    code, out, errors = command("rules", "test", "loop.txt")
    assert (code, out, errors.count("\n"), "refused" in errors) == (2, "", 1, True), errors


@pytest.mark.parametrize(
    "command",
    [f"restore made.db {BLOCK}", f"remove made.db {BLOCK}", "merge all.db made.db",
     "correct made.db a --title x", "reclean made.db"],
)  # fmt: skip
def test_an_archive_that_another_command_owns_is_refused_in_a_line(command, here):
    with Archive.open(here):
        code, out, errors = verb_here(*command.split())
    assert (code, out, errors.count("\n"), "made.db is in use by another command" in errors) == (75, "", 1, True)
    assert not Path("all.db").exists()
