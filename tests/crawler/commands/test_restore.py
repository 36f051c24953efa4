"""`broadsheet restore` and `broadsheet remove`."""

from __future__ import annotations

import re
import resource
from pathlib import Path

import pytest

from broadsheet.output.archive.ledger import block_id
from tests.crawler.commands.conftest import CAPTION, PROMO, RIVER, SIMILAR_WORDS, TOWER, urls_containing
from tests.crawler.scripted_site import page
from tests.crawler.shell import ACTIVE, command, rows, verb_here

BY_NUMBER, BY_PLACE = "by its number", "by its place"


def place(db: Path, url: str, text: str) -> tuple[str, int]:
    [(position,)] = rows(db, f"SELECT position FROM blocks WHERE url = '{url}' AND block_id = {block_id(text)}")
    return url, position


def test_a_caption_is_put_back_and_taken_out_again(archive_path):
    articles = "SELECT text, markdown, word_count FROM articles ORDER BY url"
    before, number = rows(archive_path, articles), block_id(CAPTION)
    code, said, _ = verb_here("restore", archive_path, number, "--note", "it tells something")
    assert (code, f"restored: block {number}, wherever it stands" in said, CAPTION in said) == (0, True, True)
    assert re.search(r"(\d+)  →  (\d+)  words .*https://a.example/river", said)
    assert "1 page carries it; 1 article changed" in said
    assert urls_containing(archive_path, CAPTION) == {RIVER}
    ruling = (1, "it tells something", "share buttons", "share.icons")
    assert rows(archive_path, "SELECT kept, note, reason, rule FROM rulings") == [ruling]
    assert verb_here("verify", archive_path)[0] == verb_here("search", archive_path, "dredger")[0] == 0
    assert "taken back" in verb_here("remove", archive_path, number)[1]
    assert (rows(archive_path, articles), rows(archive_path, "SELECT * FROM rulings")) == (before, [])


def test_a_ruling_for_everywhere_may_follow_the_one_for_the_only_article(archive_path):
    """It holds for pages that come later; the block stands on a page, whichever ruling is in force there."""
    words = ("restore", archive_path, block_id(CAPTION))
    said = [verb_here(*words, *scope)[1] for scope in (("--article", RIVER), ("--host", "a.example"), ())]
    assert said[-1].splitlines()[-1] == "1 page carries it; 0 articles changed"
    assert rows(archive_path, "SELECT reason, rule FROM rulings") == [("share buttons", "share.icons")] * 3
    assert verb_here("verify", archive_path)[0] == 0
    assert verb_here(*words, "--article", RIVER, "--undo")[0] == 0
    assert urls_containing(archive_path, CAPTION) == {RIVER}
    assert verb_here("remove", *words[1:], "--host", "b.example")[0] == 1


@pytest.mark.parametrize(
    ("named", "options", "left"),
    [
        (BY_NUMBER, "", set()),
        (BY_NUMBER, "--host B.example", {RIVER}),
        (BY_NUMBER, f"--article {RIVER}", {TOWER}),
        (BY_NUMBER, "--article HTTPS://A.example/river#top", {TOWER}),
        (BY_NUMBER, "--article {number}", {RIVER}),
        (BY_PLACE, "", {TOWER}),
        (BY_PLACE, "--everywhere", set()),
        (BY_PLACE, "--host b.example", {RIVER}),
        (BY_PLACE, f"--article {TOWER}", {RIVER}),
    ],
)
def test_a_promotion_is_taken_out_where_it_is_asked_for_and_given_back(archive_path, named, options, left):
    [(number,)] = rows(archive_path, f"SELECT id FROM articles WHERE url = '{TOWER}'")
    block = (block_id(PROMO),) if named == BY_NUMBER else place(archive_path, RIVER, PROMO)
    words = ("remove", archive_path, *block, *options.format(number=number).split())
    before = archive_path.read_bytes()
    code, said, _ = verb_here(*words, "--dry-run")
    assert (code, "would be removed" in said, ACTIVE & set(said)) == (0, True, set())
    assert archive_path.read_bytes() == before
    code, said, _ = verb_here(*words)
    assert (code, urls_containing(archive_path, PROMO)) == (0, left)
    told = "1 other page has the same text: --host HOST or --everywhere" in said
    assert told == (named == BY_PLACE and not options)
    assert verb_here(*words, "--undo")[0] == 0
    assert urls_containing(archive_path, PROMO) == {RIVER, TOWER}
    assert verb_here(*words, "--undo")[0] == 1


def test_a_block_is_named_by_the_number_that_explain_shows_and_its_first_words(archive_path):
    _, number = place(archive_path, RIVER, CAPTION)
    words = ("restore", archive_path, "www.a.example/river", number)
    code, said, _ = verb_here(*words, "the", "dredger  has", "WORKED …")
    assert (code, f"restored: block {number}, in this article" in said) == (0, True)
    assert urls_containing(archive_path, CAPTION) == {RIVER}
    assert rows(archive_path, "SELECT count(*) FROM rulings WHERE article_id IS NOT NULL") == [(1,)]
    assert verb_here(*words, "--undo")[0] == 0
    url, wrong = place(archive_path, RIVER, SIMILAR_WORDS)
    code, _, errors = verb_here("restore", archive_path, url, wrong, "The dredger has worked")
    assert (code, errors.count("\n")) == (1, 1)
    assert f"block {wrong} of {url} begins “He read our other stories about”; block {number} begins so" in errors
    assert rows(archive_path, "SELECT * FROM rulings") == []


@pytest.mark.slow
def test_a_full_disk_is_a_line_that_names_the_archive(archive_path):
    def limit_file_sizes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    words = ("restore", archive_path, block_id(CAPTION))
    code, _, errors = command(*words, preexec_fn=limit_file_sizes)
    assert (code, errors.count("\n"), f"{archive_path} cannot be written" in errors) == (1, 1, True)
    assert command(*words)[0] == command("verify", archive_path)[0] == 0


@pytest.mark.slow
def test_a_ruling_holds_for_pages_crawled_later(tmp_path, site):
    db, line = tmp_path / "a.db", "Whoever walks this shore knows the wall, and the wall knows whoever walks here."
    site.routes |= {f"/{name}/": page(name, extra=f"<p>{line}</p>") for name in ("river", "tower")}
    options = ("--db", db, "--allow-private", "--delay", 0)
    assert command("crawl", f"{site.url}/river/", *options)[0] == 0
    assert urls_containing(db, line) == {f"{site.url}/river/"}
    assert verb_here("remove", db, block_id(line))[0] == 0
    assert command("crawl", f"{site.url}/tower/", *options)[0] == 0
    assert rows(db, "SELECT count(*) FROM articles") == [(2,)]
    assert (urls_containing(db, line), verb_here("verify", db)[0]) == (set(), 0)
