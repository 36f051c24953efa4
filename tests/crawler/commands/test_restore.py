"""`broadsheet restore` and `broadsheet remove`."""

from __future__ import annotations

import re
import resource
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands.restore import _print_changes
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.write.applied_rulings import TextChange
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.commands.conftest import CAPTION, PROMO, RIVER, SIMILAR_WORDS, TOWER, urls_containing
from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import ACTIVE, command, rows
from tests.internal_tables import BLOCKS


def test_a_caption_is_put_back_and_taken_out_again(archive_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    articles_before = rows(archive_path, "SELECT text, markdown, word_count FROM articles ORDER BY url")
    assert run(["restore", str(archive_path), str(block_id(CAPTION)), "--note", "it tells something"]) == 0
    output = capsys.readouterr().out
    assert f"restored: block {block_id(CAPTION)}, wherever it stands" in output
    assert CAPTION in output
    assert re.search(r"(\d+)  →  (\d+)  words .*https://a.example/river", output)
    assert "1 page carries it; 1 article changed" in output
    assert urls_containing(archive_path, CAPTION) == {RIVER}
    assert rows(archive_path, "SELECT kept, note, reason, rule FROM rulings") == [
        (1, "it tells something", "share buttons", "share.icons")
    ]
    assert run(["verify", str(archive_path)]) == 0
    assert run(["search", str(archive_path), "dredger"]) == 0
    assert run(["remove", str(archive_path), str(block_id(CAPTION))]) == 0
    assert "taken back" in capsys.readouterr().out
    assert rows(archive_path, "SELECT text, markdown, word_count FROM articles ORDER BY url") == articles_before
    assert rows(archive_path, "SELECT count(*) FROM rulings") == [(0,)]


@pytest.mark.slow
def test_a_full_disk_is_a_line_that_names_the_archive(archive_path: Path) -> None:
    def limit_file_sizes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    words = ("restore", archive_path, block_id(CAPTION))
    code, _, errors = command(*words, preexec_fn=limit_file_sizes)
    assert (code, errors.count("\n")) == (1, 1)
    assert f"{archive_path} cannot be written" in errors
    assert command(*words)[0] == 0
    assert command("verify", archive_path)[0] == 0


def test_a_ruling_for_everywhere_may_follow_the_one_for_the_only_article(
    archive_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It holds for pages that come later; the block stands on a page, whichever ruling is in force there."""
    for scope in (["--article", RIVER], ["--host", "a.example"], []):
        assert run(["restore", str(archive_path), str(block_id(CAPTION)), *scope]) == 0
    assert "1 page carries it; 0 articles changed" in capsys.readouterr().out.splitlines()[-1]
    assert rows(archive_path, "SELECT reason, rule FROM rulings") == [("share buttons", "share.icons")] * 3
    assert run(["verify", str(archive_path)]) == 0
    assert run(["restore", str(archive_path), str(block_id(CAPTION)), "--article", RIVER, "--undo"]) == 0
    assert urls_containing(archive_path, CAPTION) == {RIVER}
    assert run(["remove", str(archive_path), str(block_id(CAPTION)), "--host", "b.example"]) == 1


@pytest.mark.parametrize(
    ("options", "remaining_urls"),
    [
        ([], set()),
        (["--host", "B.example"], {RIVER}),
        (["--article", RIVER], {TOWER}),
        (["--article", "HTTPS://A.example/river#top"], {TOWER}),
    ],
)
def test_a_promotion_is_taken_out(
    archive_path: Path, options: list[str], remaining_urls: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["remove", str(archive_path), str(block_id(PROMO)), *options]
    assert run([*arguments, "--dry-run"]) == 0
    assert "would be removed" in (output := capsys.readouterr().out)
    assert not ACTIVE & set(output)
    assert urls_containing(archive_path, PROMO) == {RIVER, TOWER}
    assert run(arguments) == 0
    assert urls_containing(archive_path, PROMO) == remaining_urls
    assert run([*arguments, "--undo"]) == 0
    assert urls_containing(archive_path, PROMO) == {RIVER, TOWER}
    assert run([*arguments, "--undo"]) == 1


def test_an_article_may_be_named_by_its_number(archive_path: Path) -> None:
    [(number,)] = rows(archive_path, f"SELECT id FROM articles WHERE url = '{TOWER}'")
    assert run(["remove", str(archive_path), str(block_id(PROMO)), "--article", str(number)]) == 0
    assert urls_containing(archive_path, PROMO) == {RIVER}


def test_a_dry_run_changes_no_byte(archive_path: Path) -> None:
    bytes_before = archive_path.read_bytes()
    assert run(["restore", str(archive_path), str(block_id(CAPTION)), "--dry-run"]) == 0
    assert archive_path.read_bytes() == bytes_before


@pytest.mark.parametrize("mode", [[], ["--dry-run"]], ids=["do", "look"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["7"], "no block 7"),
        ([str(block_id(CAPTION)), "--article", TOWER], "in article"),
        ([str(block_id(CAPTION)), "--article", "https://a.example/none"], "no article"),
        ([str(block_id(CAPTION)), "--host", "b.example"], "on b.example"),
        ([str(block_id(CAPTION)), "--undo"], "no ruling"),
    ],
)
def test_what_the_archive_does_not_know_is_1(
    archive_path: Path, arguments: list[str], message: str, mode: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["restore", str(archive_path), *arguments, *mode]) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert rows(archive_path, "SELECT count(*) FROM rulings") == [(0,)]


@pytest.mark.parametrize(
    "arguments", [["x"], ["-1"], [str(2**63)], [str(block_id(CAPTION)), "--article", RIVER, "--host", "a.example"]]
)
def test_what_makes_no_sense_is_2(archive_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["remove", str(archive_path), *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("verb", ["restore", "remove"])
def test_an_archive_that_a_crawl_owns_is_refused_in_one_line(
    archive_path: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Archive.open(archive_path):
        assert run([verb, str(archive_path), str(block_id(CAPTION))]) == 75
    errors = capsys.readouterr().err
    assert "in use by another command" in errors
    assert errors.count("\n") == 1


@pytest.mark.slow
def test_a_ruling_holds_for_pages_crawled_later(tmp_path: Path) -> None:
    db, line = tmp_path / "a.db", "Whoever walks this shore knows the wall, and the wall knows whoever walks here."
    site = ScriptedSite({f"/{name}/": page(name, extra=f"<p>{line}</p>") for name in ("river", "tower")})
    options = ("--db", db, "--allow-private", "--delay", 0)
    try:
        assert command("crawl", f"{site.url}/river/", *options)[0] == 0
        assert urls_containing(db, line) == {f"{site.url}/river/"}
        assert run(["remove", str(db), str(block_id(line))]) == 0
        assert command("crawl", f"{site.url}/tower/", *options)[0] == 0
    finally:
        site.close()
    assert rows(db, "SELECT count(*) FROM articles") == [(2,)]
    assert urls_containing(db, line) == set()
    assert run(["verify", str(db)]) == 0


def position_of(db: Path, url: str, text: str) -> int:
    [(position,)] = rows(db, f"SELECT position FROM {BLOCKS} WHERE url = '{url}' AND block_id = {block_id(text)}")
    return int(position)


@pytest.mark.parametrize("url", [RIVER, RIVER + "/", "http://a.example/river", "www.a.example/river"])
def test_a_block_is_named_by_the_number_that_explain_shows(
    archive_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = [url, str(position_of(archive_path, RIVER, CAPTION))]
    assert run(["restore", str(archive_path), *place, "the", "dredger  has", "WORKED …"]) == 0
    assert f"restored: block {place[1]}, in this article" in capsys.readouterr().out
    assert urls_containing(archive_path, CAPTION) == {RIVER}
    assert rows(archive_path, "SELECT count(*) FROM rulings WHERE article_id IS NOT NULL") == [(1,)]
    assert run(["restore", str(archive_path), *place, "--undo"]) == 0
    assert urls_containing(archive_path, CAPTION) == set()


@pytest.mark.parametrize(
    ("options", "remaining_urls"),
    [([], {TOWER}), (["--everywhere"], set()), (["--host", "b.example"], {RIVER}), (["--article", TOWER], {RIVER})],
)
def test_a_block_named_by_its_page_is_ruled_on_in_its_article_unless_more_is_asked_for(
    archive_path: Path, options: list[str], remaining_urls: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place = [RIVER, str(position_of(archive_path, RIVER, PROMO))]
    assert run(["remove", str(archive_path), *place, *options]) == 0
    assert urls_containing(archive_path, PROMO) == remaining_urls
    assert ("1 other page has the same text: --host HOST or --everywhere" in capsys.readouterr().out) == (not options)


def test_a_page_that_has_changed_since_is_not_ruled_on(archive_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong, right = (position_of(archive_path, RIVER, text) for text in (SIMILAR_WORDS, CAPTION))
    assert run(["restore", str(archive_path), RIVER, str(wrong), "The dredger has worked"]) == 1
    errors = capsys.readouterr().err
    assert f"block {wrong} of {RIVER} begins “He read our other stories about”" in errors
    assert f"block {right} begins so" in errors
    assert errors.count("\n") == 1
    assert rows(archive_path, "SELECT count(*) FROM rulings") == [(0,)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([RIVER], 2, "say which block"),
        (["9" * 5000], 2, "is no number of a block"),
        ([RIVER, "x"], 2, "'x' is not a valid integer"),
        ([RIVER, "0", "--everywhere", "--host", "a.example"], 2, "give one of"),
    ],
)
def test_a_place_that_is_none_is_one_line(
    archive_path: Path, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["restore", str(archive_path), *arguments]) == code
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert rows(archive_path, "SELECT count(*) FROM rulings") == [(0,)]


@pytest.mark.parametrize(
    ("count", "more"), [(0, []), (20, []), (21, ["  … and 1 more"]), (1020, ["  … and 1,000 more"])]
)
def test_twenty_articles_that_change_are_listed(
    count: int, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    changes = [TextChange(f"https://a.example/{n}", "A title", 1000 + n, 9, False) for n in range(count)]
    _print_changes(changes)
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines), lines[20:]) == (min(count, 20) + len(more), more)
    first = "1,000 → 9 words A title https://a.example/0"
    assert [line.split() for line in lines[:1]] == [first.split()] * bool(count)
