"""The command line's own part: verbs, help, what is imported when."""

from __future__ import annotations

import gc
import re
import subprocess
import sys

import pytest

from broadsheet.crawler.cli import cli, main, run
from broadsheet.crawler.commands.verb_options import import_while_not_collecting
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.crawls import REPOSITORY
from tests.output.conftest import Maker

VERBS = sorted(cli.commands)


def imported(names: tuple[str, ...], *arguments: str) -> tuple[str, str]:
    """What a verb prints, and which modules of these names it has loaded."""
    script = (
        "import sys; from broadsheet.crawler.cli import run; run(sys.argv[1:]);"
        f"print([name for name in sys.modules if name.startswith({names})], file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, *arguments]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return ended.stdout, ended.stderr.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--version"], *([verb, "--help"] for verb in VERBS)], ids=" ".join)
def test_help_imports_nothing_heavy(arguments):
    out, loaded = imported(("scrapy", "twisted", "trafilatura", "lxml", "sqlite_utils", "rich"), *arguments)
    assert (loaded, out.startswith(("Usage: broadsheet", "broadsheet "))) == ("[]", True)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["search", "show", "explain", "changes", "report"])
def test_a_verb_that_reads_loads_neither_the_crawl_nor_the_raw_responses(tmp_path, verb):
    file, make = tmp_path / "a.db", Maker()
    with Archive.open(file) as archive:
        archive.save([make.outcome("https://a.example/mill", "The mill burned down in the night.")])
    words = [] if verb in ("changes", "report") else ["mill"]
    modules = ("broadsheet.crawler.crawl.", "broadsheet.crawler.fetch.", "broadsheet.output.raw.warc")
    assert imported(modules, verb, str(file), *words)[1] == "[]"


@pytest.mark.parametrize(("words", "verb"), list(cli.verbs()), ids=str)
def test_each_option_and_verb_says_what_it_is_for(words, verb):
    described = [option for option in verb.params if option.param_type_name == "option"]
    undescribed = [option.name for option in described if not option.help and option.name != "shape"]
    assert undescribed == []
    assert verb.help


def test_alone_it_shows_its_help(capsys):
    assert run([]) == 0
    shown = capsys.readouterr().out
    assert "\nExport and share:\n  export " in shown
    verbs = re.findall(r"^  \w+ +(?=[A-Z])", shown.partition("Your own site:")[2], re.MULTILINE)
    assert (len(verbs) > 20, len(set(map(len, verbs)))) == (True, 1), "in one column"


def test_while_modules_are_imported_no_garbage_is_collected(tmp_path, monkeypatch):
    (tmp_path / "imported_by_this_test.py").write_text("import gc\nwas_enabled = gc.isenabled()\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        import_while_not_collecting("imported_by_this_test")
        assert not sys.modules["imported_by_this_test"].was_enabled
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_the_process_ends_with_the_code_of_its_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["broadsheet", "verify"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("broadsheet: ")
