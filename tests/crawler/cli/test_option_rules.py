"""Options that go together, by all pairs of a verb: none is passed over in silence, and what is refused is a line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from itertools import combinations, product
from pathlib import Path

import click
import pytest

from broadsheet.cleaners.document import Metadata
from broadsheet.crawler.cli import cli
from broadsheet.crawler.cli.option_rules import RULES, word_of
from broadsheet.crawler.commands import spider_run
from broadsheet.crawler.crawl import processes
from broadsheet.crawler.workers import settle_pool
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.crawler.shell import rows, verb_here
from tests.output.conftest import Maker

Effect = Callable[..., tuple[object, ...]]

FERRY = "http://a.example/2026-01-01/en/news/ferry"
_RULED = "SELECT field, block_id, value, url, host, note, undone_at IS NULL FROM corrections ORDER BY 1, 2, 3, 4, 5, 6"
_STORED = "SELECT id, title, text, authors, published_day, tags, language FROM articles ORDER BY id"
_CRAWL = {
    "--max-pages": "5", "--no-warc": "", "--keep": "pictures", "--browser": "never", "--browser-no-sandbox": "",
    "--header": "X-A: b", "--header-host": "b.example", "--keep-credentials": "", "--site-rules": "rules",
    "--no-links": "", "--verbose": "", "--quiet": "",
}  # fmt: skip
_FILTERS = {"--host": "a.example", "--since": "2026-01-02", "--until": "2026-01-02", "--language": "en",
            "--section": "news"}  # fmt: skip
_RULING = {"--everywhere": "", "--host": "a.example", "--article": FERRY, "--note": "why", "--undo": ""}
_EXPORT = _FILTERS | {
    "--query": "mill", "--one-per-cluster": "", "--bom": "", "--edits": "", "--kind": "new", "--limit": "2",
    "--keep-credentials": "", "DB...": "b.db",
}  # fmt: skip
_UPDATE = _CRAWL | {"--every": "1h", "--all": "", "--pictures": "", "ARTICLE...": FERRY}
CASES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "crawl": ("crawl http://127.0.0.1/ --allow-private", _CRAWL | {"--urls-file": "urls.txt", "--since": "2026"}),
    "update": ("update a.db --allow-private", _UPDATE),
    "search": ("search a.db story", _FILTERS | {"--sort": "date", "--limit": "1", "--json": ""}),
    "show": (f"show a.db {FERRY}", {"--markdown": "", "--removed": "", "--json": ""}),
    "changes": ("changes a.db --kind new", {"--since": "20", "--json": ""}),
    "explain": (f"explain a.db {FERRY}", {"--full": "", "--json": ""}),
    "report": ("report a.db", {"--host": "a.example", "--json": ""}),
    "export csv": ("export a.db --format csv", _EXPORT),
    "export atom": ("export a.db --format atom", _EXPORT),
    "remove": (f"remove a.db {FERRY} 0", _RULING),
    "restore": (f"restore a.db {FERRY} 2", _RULING),
    "correct": ("correct a.db", {"ARTICLE...": FERRY, "--title": "T", "--author": "B", "--published": "2020-02-02",
                "--tag": "x", "--language": "fr", "--not-article": "", "--article": "", "--same-layout": "",
                "--yes": "", "--note": "why", "--undo": "NUMBER", "--export-rules": "own.toml", "--json": ""}),
    "clean": ("clean page.html", {"--text": "", "--format": "json", "--explain": ""}),
    "clean with a URL": ("clean page.html --url http://a.example/x", {"--site-rules": "rules", "--format": "json",
                         "--explain": "", "--text": ""}),
}  # fmt: skip
"""What is given in any case, and options with values that make a difference beside one another."""
IDLE: Mapping[str, tuple[list[str], list[str]]] = {
    "export csv": (["--one-per-cluster"], []),
    "export atom": ([], ["--since beside --limit", "--edits beside --kind", "--limit beside --edits"]),
}
"""Options that make no difference here: no articles say the same, none was edited, the newest are the latest."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive whose articles differ in each property by which one can choose, and other files."""
    folder, make = tmp_path_factory.mktemp("made"), Maker()
    days, words = ("2026-01-01", "2026-01-02", "2026-01-03"), ("mill", "ferry")
    with Archive.open(folder / "a.db", make.clock) as archive:
        facts = product(("a", "b"), days, ("en", "de"), ("news", "sport"), words)
        archive.save([_outcome(make, *fact) for fact in facts])
        archive.runs.finish(archive.runs.start("crawl", {"seeds": ["http://127.0.0.1/"]}, {}), "finished", "", {})
    shutil.copy(folder / "a.db", folder / "b.db")
    assert verb_here("remove", folder / "a.db", FERRY, 1)[0] == 0
    text = "The mill was sold, and nobody asked what it was worth. " * 9
    (folder / "page.html").write_text(f"<html><title>Mill</title><article><p>{text}</p><p>Share it</p></article>")
    (folder / "urls.txt").write_text("http://c.example/\n")
    (folder / "jar.txt").write_text("# Netscape HTTP Cookie File\na.example\tTRUE\t/\tFALSE\t0\tk\tv\n")
    (folder / "ca.pem").write_text("")
    (folder / "rules").mkdir()
    (folder / "rules" / "a.example.txt").write_text("strip: //p[1]\n")
    return folder


def _outcome(make: Maker, host: str, day: str, language: str, section: str, word: str) -> Outcome:
    url = f"http://{host}.example/{day}/{language}/{section}/{word}"
    metadata = Metadata(title=f"{word} {day}", published=day, language=language, section=section)
    text = f"A story of the {word} in {section}, {day}, {language}, of {host}"
    return make.outcome(url, text, f"More of the {word}", removed=("Share it",), metadata=metadata)


@pytest.fixture
def effect(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Effect:
    """What a command line comes to in a fresh copy of the folder: exit code, what is said, written and stored."""

    def say(_db: str, arguments: object, settings: object) -> None:
        raise click.ClickException(f"{arguments} {settings}")

    monkeypatch.setattr(spider_run, "run_spider", say)
    monkeypatch.setattr(processes, "start_fork_server", lambda: None)
    monkeypatch.setattr(processes, "run_in_worker", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(settle_pool.SettlePool, "_start_missing_workers", lambda _: None)

    def effect(*words: str) -> tuple[object, ...]:
        here = tmp_path / "here"
        shutil.copytree(made, here)
        monkeypatch.chdir(here)
        number = rows(here / "a.db", "SELECT id FROM corrections") or [(0,)]
        told = verb_here(*(word.replace("NUMBER", str(number[0][0])) for word in words))
        written = [
            (str(file), file.read_bytes()) for file in here.rglob("*") if file.is_file() and ".db" not in file.name
        ]
        stored = [rows(here / "a.db", query) for query in (_RULED, _STORED)]
        monkeypatch.chdir(tmp_path)
        shutil.rmtree(here)
        return *told, sorted(written), stored

    return effect


def _words(option: str, value: str) -> list[str]:
    return [*([option] if option.startswith("-") else []), *([value] if value else [])]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_an_option_is_refused_where_it_would_have_no_effect(name, effect):
    given, options = CASES[name]
    base = given.split(" ")
    alone = {option: effect(*base, *_words(option, value)) for option, value in options.items()}
    taken = {"": effect(*base)} | {option: told for option, told in alone.items() if told[0] != 2}
    pairs = {
        frozenset(pair): effect(*base, *(word for option in pair for word in _words(option, options[option])))
        for pair in combinations(options, 2)
    }
    vain = {
        option: [
            other
            for other in taken
            if other != option and pairs.get(frozenset((option, other)), alone[option]) == taken[other]
        ]
        for option in options
    }
    nowhere = [option for option, others in vain.items() if len(others) == len(set(taken) - {option})]
    told = [f"{option} beside {other}" for option, others in vain.items() for other in others if option not in nowhere]
    assert (nowhere, told) == IDLE.get(name, ([], []))


_VALUES = {"--header": "X: y", "--contact": "a@b.example", "--language": "en", "DB...": "b.db",
           "--since": "2026", "--until": "2026", "--sample": "1/7"}  # fmt: skip
LOADED = dict(cli.verbs())  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", RULES)
def test_what_a_rule_parts_is_refused_in_a_line(verb, made, monkeypatch):
    command = LOADED[verb]
    context = click.Context(command)
    named = {word_of(parameter, context): parameter for parameter in command.params}
    required = ["a.db" for parameter in command.params if isinstance(parameter, click.Argument) and parameter.required]
    required += ["--format", "jsonl"] if verb == "export" else []
    monkeypatch.chdir(made)

    def given(word: str) -> list[str]:
        name, _, value = word.partition("=")
        parameter = named[name]
        if getattr(parameter, "is_flag", False):
            return [name]
        value = value or _VALUES.get(name) or next(iter(getattr(parameter.type, "choices", ["1"])))
        return [name, value] if isinstance(parameter, click.Option) else [value]

    def refused(*words: str) -> str:
        code, out, errors = verb_here(*verb.split(), *required, *(part for word in words for part in given(word)))
        assert (code, out, errors.count("\n")) == (2, "", 1), (words, out, errors)
        return errors

    for rule in RULES[verb]:
        if " needs " in rule:
            name = rule.partition(" ")[0]
            assert f"{name.replace('=', ' ').removesuffix('...')} needs" in refused(name)
        else:
            for one, other in combinations(rule.split(" | "), 2):
                for pair in product(one.split(), other.split()):
                    assert "not both" in refused(*pair) or " needs " in refused(*pair)
