"""The command line: what it prints, on which stream, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cleaners.clean import clean
from cleaners.record import Page
from crawler.cli import cli, run
from output.archive import Archive
from output.outcome import Outcome
from tests.crawler.crawls import REPOSITORY
from tests.crawler.scripted_site import Reply, ScriptedSite, page

VERBS = sorted(cli.commands)
HEAVY = ("scrapy", "twisted", "trafilatura", "lxml", "sqlite_utils", "rich", "pebble")
HOSTILE = "Evil \x1b[2J\u202etxt\x07 title"


def start(*arguments: object, **changes: Any) -> subprocess.Popen[str]:
    """A command in a process of its own, as from a shell."""
    command = [sys.executable, "-m", "crawler.cli", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "100"}
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **changes
    )


def command(*arguments: object, **changes: Any) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    process = start(*arguments, **changes)
    out, errors = process.communicate(timeout=120)
    return process.returncode, out, errors


def crawl(site: ScriptedSite, db: Path, *options: object) -> tuple[int, str, str]:
    return command("crawl", f"{site.url}/", "--db", db, "--allow-private", "--delay", 0, *options)


def rows(db: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """An archive of two articles, one of them with a title that would act on a terminal."""
    file = tmp_path / "made.db"
    with Archive.open(file) as archive:
        for name in ("river", HOSTILE):
            url = f"https://a.example/{name[:5].strip()}"
            cleaned = clean(Page(url, page(name).encode()))
            archive.save([Outcome(url, "done", "article", cleaned=cleaned)])
    return file


class TestStarting:
    @pytest.mark.parametrize("arguments", [["--version"], *([verb, "--help"] for verb in VERBS)], ids=" ".join)
    def test_help_imports_nothing_heavy(self, arguments: list[str]) -> None:
        script = (
            "import sys; from crawler.cli import run; code = run(sys.argv[1:]);"
            f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr); sys.exit(code)"
        )
        ended = subprocess.run(
            [sys.executable, "-c", script, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
        assert ended.stderr.strip() == "[]"
        assert ended.stdout.startswith(("Usage: broadsheet", "broadsheet "))

    @pytest.mark.parametrize("verb", VERBS)
    def test_each_option_and_verb_says_what_it_is_for(self, verb: str) -> None:
        described = [option for option in cli.commands[verb].params if option.param_type_name == "option"]
        undescribed = [option.name for option in described if not option.help and option.name != "shape"]
        assert undescribed == []
        assert cli.commands[verb].help
        assert cli.commands[verb].short_help

    def test_alone_it_shows_its_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run([]) == 0
        assert "Commands:" in capsys.readouterr().out


WRONG = [
    ([], "say where to start"),
    (["ftp://a.example/x"], "not an http or https URL: ftp://a.example/x"),
    (["mailto:me@a.example"], "not an http or https URL"),
    (["http://127.0.0.1/"], "--allow-private"),
    (["http://169.254.169.254/", "--allow-private"], "refused"),
    (["a.example", "--include", "("], "not a regular expression: ("),
    (["a.example", "--max-pages", "none"], "--max-pages"),
    (["a.example", "--max-pages", "-1"], "--max-pages"),
    (["a.example", "--max-time", "soon"], "'soon' is no time"),
    (["a.example", "--delay", "nan"], "no number of seconds"),
    (["a.example", "--since", "yesterday"], "since must be a date like"),
    (["a.example", "--language", "english!"], "no language code"),
    (["a.example", "--header", "no colon"], "write 'Name: value'"),
    (["a.example", "--header", "X: a\r\nY: b"], "no header"),
    (["a.example", "--header", "User-Agent: me"], "--user-agent"),
    (["a.example", "--cookies", "/nowhere/cookies.txt"], "/nowhere/cookies.txt"),
    (["--urls-file", "/nowhere/urls.txt"], "cannot read the file of URLs /nowhere/urls.txt"),
    (["a.example", "--colour"], "No such option"),
    (["http://a.example/\x1b[2J\u202e", "--max-depth", "\x07"], "--max-depth"),
]


class TestCrawl:
    @pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[f"wrong{n}" for n in range(len(WRONG))])
    def test_nonsense_is_one_line_and_makes_no_file(self, tmp_path: Path, arguments: list[str], said: str) -> None:
        code, out, errors = command("crawl", *arguments, "--db", tmp_path / "a.db")
        assert (code, out, errors.count("\n")) == (2, "", 1)
        assert errors.startswith("broadsheet: ")
        assert said in errors
        assert not set(errors) & set("\x1b\x07\u202e")
        assert not (tmp_path / "a.db").exists()

    @pytest.mark.parametrize(
        ("place", "said"),
        [("none/a.db", "does not exist"), ("folder", "is a folder"), ("text.db", "is not a SQLite database")],
    )
    def test_an_archive_that_cannot_be_is_one_line(self, tmp_path: Path, place: str, said: str) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "text.db").write_text("no database, but a text of some length")
        code, out, errors = command("crawl", "https://a.example/", "--db", tmp_path / place)
        assert (code, out, errors.count("\n")) == (1, "", 1)
        assert said in errors

    def test_an_archive_in_use_is_one_line(self, db: Path) -> None:
        with Archive.open(db):
            code, out, errors = command("crawl", "https://a.example/", "--db", db)
        assert (code, out) == (1, "")
        assert errors == f"broadsheet: {db} is in use by another crawl\n"

    def test_a_site_is_crawled_and_told(self, serve: Callable[..., ScriptedSite], tmp_path: Path) -> None:
        routes = {f"/{name}": page(name) for name in ("one", "two")}
        site = serve({"/": page("home", "/one", "/two", "/away"), **routes})
        code, out, errors = crawl(site, tmp_path / "a.db")
        assert (code, errors) == (0, "")
        assert f"articles in {tmp_path / 'a.db'}" in out
        assert "http_404 1" in out
        assert f"broadsheet search {tmp_path / 'a.db'}" in out
        code, out, errors = crawl(site, tmp_path / "a.db")
        assert code == 0
        assert errors.startswith("Going on: ")
        assert "Nothing to do" in out

    def test_quiet_prints_nothing_when_all_is_well(self, serve: Callable[..., ScriptedSite], tmp_path: Path) -> None:
        site = serve({"/": page("home", "/one"), "/one": page("one")})
        assert crawl(site, tmp_path / "a.db", "-q") == (0, "", "")

    def test_options_reach_the_requests_and_the_run(self, serve: Callable[..., ScriptedSite], tmp_path: Path) -> None:
        site = serve({"/": page("home", "/one", "/no/two"), "/one": page("one"), "/no/two": page("two")})
        cookies = tmp_path / "cookies.txt"
        cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tpass\tword\n")
        code, _, errors = crawl(
            site, tmp_path / "a.db", "--exclude", "/no/", "--user-agent", "Reader/1", "--header", "X-Why: because",
            "--cookies", cookies, "--no-sitemaps", "--no-feeds", "--max-time", "2m", "--max-depth", 3,
        )  # fmt: skip
        assert (code, errors) == (0, "")
        assert set(site.paths()) == {"/robots.txt", "/", "/one"}
        seen = site.log[-1].headers
        assert (seen["User-Agent"], seen["X-Why"], seen["Cookie"]) == ("Reader/1", "because", "pass=word")
        assert "text/html" in seen["Accept"]
        ((options,),) = rows(tmp_path / "a.db", "SELECT options FROM runs")
        assert json.loads(options) | {"max_time": 120.0, "max_depth": 3, "exclude": ["/no/"]} == json.loads(options)

    def test_a_limit_says_how_to_go_on(self, serve: Callable[..., ScriptedSite], tmp_path: Path) -> None:
        routes = {f"/{n}": page(f"page{n}") for n in range(5)}
        site = serve({"/": page("home", *routes), **routes})
        _, out, _ = crawl(site, tmp_path / "a.db", "--max-pages", 2)
        assert "Stopped at --max-pages" in out
        assert sum(path in routes or path == "/" for path in site.paths()) == 2
        _, out, errors = crawl(site, tmp_path / "a.db")
        assert "Going on" in errors
        assert rows(tmp_path / "a.db", "SELECT count(*) FROM urls WHERE state <> 'done' AND kind = 'page'") == [(0,)]

    @pytest.mark.parametrize(
        ("reply", "said"),
        [
            (Reply("gone", 410), "failed: HTTP 410 Gone"),
            (Reply(b"%PDF-1.7 ...", headers={"Content-Type": "application/pdf"}), "failed: a file such as a PDF"),
            (Reply("", 301, {"Location": "/missing"}), "failed: HTTP 404 Not Found"),
            (Reply("", 200, {"Content-Type": "text/html"}), "no article found; the start page is an empty page"),
        ],
        ids=["gone", "pdf", "moved", "empty"],
    )
    def test_a_start_that_fails_is_one_clear_line(
        self, serve: Callable[..., ScriptedSite], tmp_path: Path, reply: Reply, said: str
    ) -> None:
        code, out, errors = crawl(serve({"/": reply}), tmp_path / "a.db")
        assert code == 1
        assert said in errors
        assert errors.count("\n") == 1
        assert "Next:" not in out

    def test_a_host_that_does_not_exist(self, tmp_path: Path) -> None:
        code, _, errors = command("crawl", "http://nosuchhost.invalid/", "--db", tmp_path / "a.db")
        assert code == 1
        assert errors == "broadsheet: http://nosuchhost.invalid/ failed: no such host, or no network\n"

    def test_one_of_two_starts_may_fail(self, serve: Callable[..., ScriptedSite], tmp_path: Path) -> None:
        good, bad = serve({"/": page("home", "/one"), "/one": page("one")}), serve({})
        code, _, errors = crawl(good, tmp_path / "a.db", f"{bad.url}/")
        assert code == 0
        assert errors == f"broadsheet: {bad.url}/ failed: HTTP 404 Not Found\n"

    @pytest.mark.parametrize("times", [1, 2])
    def test_ctrl_c(self, serve: Callable[..., ScriptedSite], tmp_path: Path, times: int) -> None:
        slow = {f"/{n}": lambda seen: Reply(page(seen.path), wait=0.2 if times == 1 else 20) for n in range(60)}
        site = serve({"/": page("home", *slow), **slow})
        file = tmp_path / "a.db"
        process = start("crawl", f"{site.url}/", "--db", file, "--allow-private", "--delay", 0, start_new_session=True)
        until(lambda: any(path in slow for path in site.paths()))
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        out, errors = process.communicate(timeout=15)
        assert (process.returncode, out) == (130, "")
        assert ("Stopped at once" if times == 2 else "Stopped. ") in errors
        done = rows(file, "SELECT count(*) FROM urls WHERE state = 'done' AND kind = 'page'")[0][0]
        assert rows(file, "SELECT count(*) FROM pages") == [(done,)]
        assert rows(file, "SELECT count(*) FROM urls WHERE state = 'queued'")[0][0] > 30
        if times == 1:
            assert sum(path in slow for path in site.paths()) == done - 1  # what was under way is stored


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class TestClean:
    def clean(self, *arguments: str, given: bytes = b"") -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["clean", *arguments], input=given, standalone_mode=False)
        if result.exception:
            raise result.exception
        return result.return_value, result.stdout

    def test_a_page_gives_title_empty_line_article(self) -> None:
        html = page("river")
        code, out = self.clean("-", given=html.encode())
        title, empty, *article = out.splitlines()
        assert (code, empty) == (0, "")
        expected = clean(Page("", html.encode()))
        assert (title, "\n".join(article)) == (expected.metadata.title, expected.text)

    def test_text_is_told_from_html(self, tmp_path: Path) -> None:
        file = tmp_path / "extracted.txt"
        story = [f"The council counted the {n} boats again, and wrote the number down as it had before." for n in "abc"]
        file.write_text("\n".join(["Home > News", "The boats that were counted twice", *story, "Share this"]))
        _, out = self.clean(str(file))
        assert out.splitlines() == ["The boats that were counted twice", "", *story]
        _, as_html = self.clean("--html", str(file))
        assert "Home > News" in as_html

    def test_a_fragment_is_html_and_a_text_that_quotes_a_tag_is_text(self) -> None:
        _, out = self.clean("-", "--format", "json", given=b"<div><p>One</p><p>Two</p></div>")
        assert "page_type" in json.loads(out)
        _, out = self.clean("-", "--format", "json", given=b"A heading is written <h1> and ended </h1> in HTML.")
        assert "page_type" not in json.loads(out)

    def test_explain_lists_every_block(self) -> None:
        given = page("river").encode()
        found = clean(Page("", given))
        _, out = self.clean("-", "--explain", "--format", "json", given=given)
        blocks = json.loads(out)["blocks"]
        assert [block["text"] for block in blocks] == [block.text for block in found.blocks]
        assert {"position", "kept", "reason", "rule", "votes", "kind", "path", "text"} == set(blocks[0])
        for columns in ("60", "140"):
            result = CliRunner(env={"COLUMNS": columns}).invoke(cli, ["clean", "-", "--explain"], input=given)
            lines = result.stdout.splitlines()
            assert max(map(len, lines)) <= int(columns)
            assert sum(verdict.rule in result.stdout for verdict in found.verdicts) == len(found.verdicts)

    def test_markdown_has_its_heading(self) -> None:
        _, out = self.clean("-", "--format", "markdown", given=page("river").encode())
        assert out.startswith(f"# {clean(Page('', page('river').encode())).metadata.title}\n\n")

    def test_what_acts_on_a_terminal_is_made_inert(self) -> None:
        for options in ([], ["--explain"], ["--format", "json"], ["--format", "markdown"]):
            _, out = self.clean("-", *options, given=page(HOSTILE).encode())
            assert not set(out) & set("\x1b\x07\u202e"), options

    def test_no_article_is_said_and_is_1(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        file = tmp_path / "empty.html"
        file.write_text("<html><body></body></html>")
        assert run(["clean", str(file)]) == 1
        assert "no article text found" in capsys.readouterr().err

    @pytest.mark.parametrize("given", [b"\x7fELF\0\0\0\1\2\3" * 50, None], ids=["binary", "missing"])
    def test_what_cannot_be_read_is_one_line(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, given: bytes | None
    ) -> None:
        file = tmp_path / "file"
        if given is not None:
            file.write_bytes(given)
        assert run(["clean", str(file)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


class TestReading:
    def test_search_finds_with_snippet(self, db: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["search", str(db), "river"]) == 0
        out = capsys.readouterr().out
        assert "https://a.example/river" in out
        assert "[river]" in out.lower()

    def test_search_without_a_hit_is_1(self, db: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["search", str(db), "xylophone", "AND", '"']) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "no article matches xylophone" in shown.err

    def test_report_for_people_and_for_programs(self, db: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["report", str(db)]) == 0
        assert capsys.readouterr().out.startswith("2 articles")
        assert run(["report", str(db), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["articles"] == 2

    def test_export_streams_to_standard_output(self, db: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["export", str(db), "--format", "jsonl"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert {json.loads(line)["url"] for line in lines} == {"https://a.example/river", "https://a.example/Evil"}
        assert run(["export", str(db), "--format", "csv"]) == 0
        assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))) == 2

    def test_export_to_files(self, db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        target = tmp_path / "out.jsonl"
        target.write_text("old")
        assert run(["export", str(db), "--format", "jsonl", "-o", str(target)]) == 0
        assert len(target.read_text().splitlines()) == 2
        assert run(["export", str(db), "--format", "markdown", "-o", str(tmp_path / "new" / "folder")]) == 0
        assert len(list((tmp_path / "new" / "folder").glob("*.md"))) == 2
        assert sorted(path.name for path in tmp_path.iterdir()) == ["made.db", "new", "out.jsonl"]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--format", "markdown"], "name a folder with -o"),
            (["--format", "csv", "-o", "{db}"], "is the archive itself"),
            (["--format", "csv", "-o", "{folder}"], "is a folder"),
            (["--format", "csv", "-o", "{folder}/none/a.csv"], "cannot write"),
            (["--format", "markdown", "-o", "{db}"], "cannot make the folder"),
        ],
    )
    def test_export_to_no_place(
        self, db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
    ) -> None:
        filled = [each.format(db=db, folder=tmp_path) for each in arguments]
        assert run(["export", str(db), *filled]) == 2
        shown = capsys.readouterr()
        assert (shown.out, shown.err.count("\n")) == ("", 1)
        assert said in shown.err
        assert run(["verify", str(db)]) == 0

    def test_verify_names_what_is_broken(self, db: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["verify", str(db)]) == 0
        assert capsys.readouterr().out == "in order: 2 articles\n"
        with sqlite3.connect(db) as connection:
            connection.execute("UPDATE articles SET text = 'other'")
        connection.close()
        assert run(["verify", str(db)]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 2
        assert all(line.startswith("article_texts: ") for line in lines)

    @pytest.mark.parametrize("verb", [["search", "x"], ["report"], ["export", "--format", "csv"], ["verify"]])
    def test_no_archive_is_one_line_and_1(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: list[str]
    ) -> None:
        file = tmp_path / "text.db"
        file.write_text("no database, but a text of some length")
        name, *rest = verb
        for path in (file, tmp_path / "missing.db"):
            assert run([name, str(path), *rest]) == 1
            shown = capsys.readouterr()
            assert (shown.out, shown.err.count("\n")) == ("", 1)

    def test_damage_met_while_reading_is_one_line(self, db: Path, capsys: pytest.CaptureFixture[str]) -> None:
        whole = db.read_bytes()
        db.write_bytes(whole[: len(whole) // 8 // 4096 * 4096])
        for verb in (["report"], ["export", "--format", "jsonl"], ["search", "river"]):
            assert run([verb[0], str(db), *verb[1:]]) == 1
            assert capsys.readouterr().err.count("\n") == 1

    def test_titles_are_inert(self, db: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for arguments in (["search", "evil"], ["report"], ["report", "--json"], ["export", "--format", "jsonl"]):
            run([arguments[0], str(db), *arguments[1:]])
            assert not set(capsys.readouterr().out) & set("\x1b\x07\u202e"), arguments

    def test_a_reader_that_goes_away_is_no_error(self, db: Path) -> None:
        process = start("export", db, "--format", "jsonl")
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(60) == 141
