"""The verbs by which a person overrules the cleaner, and the one that shows what there is to overrule."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from cleaners.document import Block, Kind
from cleaners.rules.from_text import OWN
from cleaners.rules.loader import parse_rules
from cleaners.rules.matcher import RuleBook
from cleaners.rules.rule import Place
from crawler.cli import run
from output.store.ledger import block_id
from output.write.archive import Archive
from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import ACTIVE, command, rows, start
from tests.output.conftest import Maker

RIVER, TOWER = "https://a.example/river", "https://b.example/tower"
CAPTION = "The dredger has worked the inner channel since 2018."
PROMO = "Read our other 12 stories \x1b[2J about the \u202eharbour <<network>>, it's free (really)"
LIKE = "Read our other 7 stories \x1b[2J about the \u202eharbour <<network>>, it's free (really)"
NEAR = "He read our other stories about the harbour to the children of the village school."


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Two articles on two hosts: both keep a promotion, and one lost a caption."""
    file, make = tmp_path / "made.db", Maker()
    with Archive.open(file, make.clock) as archive:
        body = [" ".join(f"{name}{n}" for n in range(30)) for name in ("river", "tower")]
        archive.save([make.outcome(RIVER, body[0], PROMO, NEAR, removed=(CAPTION, LIKE), title="Evil \x1b[2J title")])
        archive.save([make.outcome(TOWER, body[1], PROMO, removed=("***",))])
    return file


def says(db: Path, text: str) -> set[str]:
    return {url for url, article in rows(db, "SELECT url, text FROM articles") if text in article}


def test_a_caption_is_put_back_and_taken_out_again(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = rows(made, "SELECT text, markdown, word_count FROM articles ORDER BY url")
    assert run(["restore", str(made), str(block_id(CAPTION)), "--note", "it tells something"]) == 0
    told = capsys.readouterr().out
    assert f"restored: block {block_id(CAPTION)}, wherever it stands" in told
    assert CAPTION in told
    assert re.search(r"(\d+)  →  (\d+)  words .*https://a.example/river", told)
    assert "1 page carries it; 1 article changed" in told
    assert says(made, CAPTION) == {RIVER}
    assert rows(made, "SELECT kept, note, reason, rule FROM rulings") == [
        (1, "it tells something", "share", "share.icons")
    ]
    assert run(["verify", str(made)]) == 0
    assert run(["search", str(made), "dredger"]) == 0
    assert run(["remove", str(made), str(block_id(CAPTION))]) == 0
    assert "taken back" in capsys.readouterr().out
    assert rows(made, "SELECT text, markdown, word_count FROM articles ORDER BY url") == before
    assert rows(made, "SELECT count(*) FROM rulings") == [(0,)]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ([], set()),
        (["--host", "B.example"], {RIVER}),
        (["--article", RIVER], {TOWER}),
        (["--article", "HTTPS://A.example/river#top"], {TOWER}),
    ],
)
def test_a_promotion_is_taken_out(
    made: Path, options: list[str], left: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["remove", str(made), str(block_id(PROMO)), *options]
    assert run([*asked, "--dry-run"]) == 0
    assert "would be removed" in (seen := capsys.readouterr().out)
    assert not ACTIVE & set(seen)
    assert says(made, PROMO) == {RIVER, TOWER}
    assert run(asked) == 0
    assert says(made, PROMO) == left
    assert run([*asked, "--undo"]) == 0
    assert says(made, PROMO) == {RIVER, TOWER}
    assert run([*asked, "--undo"]) == 1


def test_an_article_may_be_named_by_its_number(made: Path) -> None:
    [(number,)] = rows(made, f"SELECT id FROM articles WHERE url = '{TOWER}'")
    assert run(["remove", str(made), str(block_id(PROMO)), "--article", str(number)]) == 0
    assert says(made, PROMO) == {RIVER}


def test_a_dry_run_changes_no_byte(made: Path) -> None:
    before = made.read_bytes()
    assert run(["restore", str(made), str(block_id(CAPTION)), "--dry-run"]) == 0
    assert made.read_bytes() == before


@pytest.mark.parametrize("mode", [[], ["--dry-run"]], ids=["do", "look"])
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["7"], "no block 7"),
        ([str(block_id(CAPTION)), "--article", TOWER], "in article"),
        ([str(block_id(CAPTION)), "--article", "https://a.example/none"], "no article"),
        ([str(block_id(CAPTION)), "--host", "b.example"], "on b.example"),
        ([str(block_id(CAPTION)), "--undo"], "no ruling"),
    ],
)
def test_what_the_archive_does_not_know_is_1(
    made: Path, asked: list[str], said: str, mode: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["restore", str(made), *asked, *mode]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert rows(made, "SELECT count(*) FROM rulings") == [(0,)]


@pytest.mark.parametrize(
    "asked", [["x"], ["-1"], [str(2**63)], [str(block_id(CAPTION)), "--article", RIVER, "--host", "a.example"]]
)
def test_what_makes_no_sense_is_2(made: Path, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["remove", str(made), *asked]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("verb", ["restore", "remove"])
def test_an_archive_that_a_crawl_owns_is_refused_in_one_line(
    made: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Archive.open(made):
        assert run([verb, str(made), str(block_id(CAPTION))]) == 1
    told = capsys.readouterr().err
    assert "in use by another crawl" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("asked", [["restore", "none.db", "7"], ["explain", "none.db", "x"], ["rulings", "none.db"]])
def test_no_archive_is_made(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(asked) == 1
    assert "does not exist" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("columns", ["80", "200"])
def test_explain_shows_every_block_with_its_number(
    made: Path, columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert run(["restore", str(made), str(block_id(CAPTION))]) == 0
    capsys.readouterr()
    assert run(["explain", str(made), RIVER]) == 0
    told = capsys.readouterr().out
    assert "article; words=9" in told
    places = [told.index(str(block_id(text))) for text in (PROMO, NEAR, CAPTION, LIKE)]
    assert places == sorted(places)
    assert "restored" in told
    assert CAPTION[:20] in told
    assert not ACTIVE & set(told)
    [(number,)] = rows(made, f"SELECT id FROM articles WHERE url = '{RIVER}'")
    assert run(["explain", str(made), str(number)]) == 0
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("asked", ["https://a.example/none", "12", "https://a.example/list", "https://a.example/gone"])
def test_explain_says_why_there_are_no_blocks(made: Path, asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    make = Maker()
    with Archive.open(made, make.clock) as archive:
        archive.save([make.outcome("https://a.example/list"), make.failure("https://a.example/gone", "http_410")])
    assert run(["explain", str(made), asked]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    expected = {"list": "judged as empty", "gone": "failed (HTTP 410 Gone)"}.get(asked.rpartition("/")[2], "no page")
    assert expected in told


def test_rulings_are_listed(made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["rulings", str(made)]) == 1
    assert run(["rulings", str(made), "--export-rules", str(made.parent / "own.toml")]) == 1
    assert not (made.parent / "own.toml").exists()
    run(["remove", str(made), str(block_id(PROMO)), "--host", "a.example", "--note", "an \x1b[2J ad"])
    run(["restore", str(made), str(block_id(CAPTION)), "--article", RIVER])
    capsys.readouterr()
    for columns in ("80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        assert run(["rulings", str(made)]) == 0
        told = capsys.readouterr().out
        assert not ACTIVE & set(told)
        assert "The dredger" in told
        assert "share share.icons" in told
        assert max(map(len, told.splitlines())) <= int(columns)


def ruled(made: Path) -> Path:
    """A rule file made from a removal, a removal of what has no words, and a restoration."""
    target = made.parent / "own.toml"
    run(["remove", str(made), str(block_id(PROMO)), "--note", 'says "free"'])
    run(["remove", str(made), str(block_id("***"))])
    run(["restore", str(made), str(block_id(CAPTION))])
    assert run(["rulings", str(made), "--export-rules", str(target)]) == 0
    return target


def test_exported_rules_load_and_keep_their_own_examples(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = ruled(made).read_text("utf-8")
    assert f"block {block_id('***')} has no words" in capsys.readouterr().err
    assert not ACTIVE & set(text)
    [rule] = parse_rules(OWN, text)
    assert rule.name.startswith("own/read-our-other-")
    assert rule.positive == (PROMO, LIKE)
    assert rule.negative == (NEAR,)
    book = RuleBook((rule,))
    for example in rule.positive:
        assert book.match(Block(0, Kind.PARAGRAPH, example), Place()) is rule
    for example in rule.negative:
        assert book.match(Block(0, Kind.PARAGRAPH, example), Place()) is None
    assert book.match(Block(0, Kind.PARAGRAPH, PROMO.replace("12", "1,204")), Place()) is rule


def test_exported_cases_say_which_rule_was_wrong(made: Path) -> None:
    [case] = tomllib.loads(ruled(made).read_text("utf-8"))["case"]
    assert case == {
        "url": RIVER,
        "text": CAPTION,
        "kind": "paragraph",
        "path": "body>main>p",
        "reason": "share",
        "rule": "share.icons",
        "kept": True,
    }


def test_a_file_of_cases_alone_is_a_rule_file_too(made: Path) -> None:
    target = made.parent / "own.toml"
    run(["restore", str(made), str(block_id(CAPTION))])
    assert run(["rulings", str(made), "--export-rules", str(target)]) == 0
    assert parse_rules(OWN, target.read_text("utf-8")) == ()


@pytest.mark.parametrize("target", ["made.db", ".", "none/own.toml"])
def test_a_target_that_cannot_be_is_refused(
    made: Path, target: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made.parent)
    run(["restore", str(made), str(block_id(CAPTION))])
    before = made.read_bytes()
    capsys.readouterr()
    assert run(["rulings", str(made), "--export-rules", target]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert made.read_bytes() == before


def test_it_is_a_command_as_from_a_shell(made: Path) -> None:
    process = start("remove", made, block_id(PROMO))
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert "2 pages carry it; 2 articles changed" in out


@pytest.mark.slow
def test_a_ruling_holds_for_pages_crawled_later(tmp_path: Path) -> None:
    db, line = tmp_path / "a.db", "Whoever walks this shore knows the wall, and the wall knows whoever walks here."
    site = ScriptedSite({f"/{name}/": page(name, extra=f"<p>{line}</p>") for name in ("river", "tower")})
    options = ("--db", db, "--allow-private", "--delay", 0)
    try:
        assert command("crawl", f"{site.url}/river/", *options)[0] == 0
        assert says(db, line) == {f"{site.url}/river/"}
        assert run(["remove", str(db), str(block_id(line))]) == 0
        assert command("crawl", f"{site.url}/tower/", *options)[0] == 0
    finally:
        site.close()
    assert rows(db, "SELECT count(*) FROM articles") == [(2,)]
    assert says(db, line) == set()
    assert run(["verify", str(db)]) == 0
