"""The module that Python programs import, over real archives, and the examples of docs/python.md."""

import contextlib
import doctest
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import broadsheet
from broadsheet.cleaners.clean import article_text
from tests.crawler.demo.truth import expected_stories
from tests.crawler.shell import demo_archive, rows

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = """<html><head><title>The river rises</title><meta charset="latin-1"></head><body><nav><a href="/">Home</a></nav>
<main><h1>The river rises</h1>{}</main></body></html>""".format(
    "".join(f"<p>Paragraph {n}: the river rose again überall, and nobody in the town was told in time.</p>"
            for n in range(12)))  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make demo` leaves its archive in."""
    folder = tmp_path_factory.mktemp("sample")
    demo_archive(tmp_path_factory, folder / "demo-out")
    return folder


@pytest.fixture
def damaged(sample: Path, tmp_path: Path) -> Path:
    """A copy of the archive, without its raw responses."""
    return Path(shutil.copy(sample / "demo-out/sample.db", tmp_path / "damaged.db"))


@pytest.fixture
def archive(sample: Path) -> Iterator[broadsheet.ArchiveReader]:
    with broadsheet.open(sample / "demo-out/sample.db") as opened:
        yield opened


def test_a_cleaned_page_is_what_a_crawl_would_store():
    cleaned = broadsheet.clean(PAGE.encode(), "https://a.example/river")
    assert cleaned.text == article_text(PAGE.encode(), "https://a.example/river")
    assert cleaned.is_article
    assert (cleaned.title, cleaned.page_type) == ("The river rises", "article")
    assert cleaned.word_count > 100
    assert {block.text for block in cleaned.removed} >= {"Home"}
    assert len(cleaned.blocks) == len(cleaned.removed) + 12
    assert "überall" in broadsheet.clean(PAGE).text, "whatever a text says of its bytes"


@pytest.mark.parametrize("html", ["", b"", "\ud800", b"\xff\xfe", "plain words"])
def test_any_input_is_cleaned(html):
    assert not broadsheet.clean(html).is_article


@pytest.mark.parametrize("arguments", [(None,), (7,), (b"", None), (bytearray(b"<p>x"),)])
def test_what_is_no_page_is_a_type_error_in_one_line(arguments):
    with pytest.raises(TypeError, match=r"^clean\(\) takes a page as str or bytes, and its URL as str, not \w+$"):
        broadsheet.clean(*arguments)


def test_an_archive_is_read(archive):
    titles = sorted(article.title for article in archive)
    assert titles == sorted(story.title for story in expected_stories())
    assert len(archive) == len(titles)
    assert repr(archive).endswith("sample.db'>")


def test_the_bounds_mean_what_they_mean_to_the_command(archive):
    """A host without its port once meant none, where `broadsheet search --host` had a domain and all below it."""
    everything = {article.id for article in archive}
    address = next(iter(archive)).host
    assert address.startswith("127.0.0.1:")
    for host in ("127.0.0.1", address, f"http://{address}/"):
        assert {article.id for article in archive.articles(host=host)} == everything
    assert list(archive.articles(host="127.0.0.1:1")) == []
    assert list(archive.articles(language="es-ES")) == list(archive.articles(language="ES"))
    sections = {article.section for article in archive if article.section}
    assert any(not section.isascii() for section in sections)  # the upper case that SQLite's own functions do not know
    for section in sections:
        assert {article.section for article in archive.articles(section=section.upper())} == {section}
    assert list(archive.articles(since="2024-05", until="2024-05")) == list(
        archive.articles(since="2024-05-01", until=datetime(2024, 5, 31, 12, tzinfo=UTC))
    )


def test_the_raw_response_gives_the_same_article_again(archive):
    for article in archive.articles(language="es"):
        response = archive.raw(article.url)
        assert response is not None
        assert response.status == 200
        assert dict(response.headers)["content-type"].startswith("text/html")
        assert response.fetched_at.tzinfo is not None
        assert broadsheet.clean(response.body, article.url).title == article.title


def test_a_missing_warc_file_is_said_in_a_line(damaged):
    with broadsheet.open(damaged) as archive, pytest.raises(broadsheet.ArchiveError, match="raw_missing") as caught:
        archive.raw(next(iter(archive)).url)
    assert "\n" not in str(caught.value)


def test_a_frame(archive):
    frame = archive.to_pandas(["language", "word_count"])
    assert frame.groupby("language").word_count.count().sum() == len(archive)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"", "not a SQLite database"),
        (b"SQLite format 3\0" + b"x" * 200, "not a SQLite database"),
    ],
)
def test_what_is_no_archive_is_said_in_a_line(tmp_path, content, message):
    file = tmp_path / "x.db"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(broadsheet.ArchiveError, match=message) as caught:
        broadsheet.open(file)
    assert "\n" not in str(caught.value)
    assert (file.read_bytes() if content is not None else None) == content


def test_damage_that_shows_only_while_it_is_read_is_said_in_a_line(damaged):
    ((root_page,),) = rows(damaged, "SELECT rootpage FROM sqlite_master WHERE name = 'articles'")
    ((page_size,),) = rows(damaged, "PRAGMA page_size")
    data = bytearray(damaged.read_bytes())
    data[(root_page - 1) * page_size : root_page * page_size] = b"\xff" * page_size
    damaged.write_bytes(data)
    with (
        broadsheet.open(damaged) as archive,
        pytest.raises(broadsheet.ArchiveError, match=re.escape(f"{damaged} cannot be read")),
    ):
        list(archive)


def test_a_damaged_value_is_named_with_its_file(damaged):
    with closing(sqlite3.connect(damaged)) as connection, connection:
        connection.execute("UPDATE articles SET published_day = 'soon'")
    with (
        broadsheet.open(damaged) as archive,
        pytest.raises(broadsheet.ArchiveError, match=re.escape(f"{damaged} is damaged at articles/published_day row")),
    ):
        list(archive)


@pytest.mark.parametrize(
    ("place", "use"),
    [
        ("articles.title", lambda archive, url: archive.search("the")),
        ("articles.word_count", lambda archive, url: archive.to_pandas()),
        ("pages.article_id", lambda archive, url: archive.article(url)),
        ("captures.fetched_at", lambda archive, url: archive.raw(url)),
        ("captures.warc_file", lambda archive, url: archive.raw(url)),
        ("captures.warc_offset", lambda archive, url: archive.raw(url)),
        ("captures.warc_length", lambda archive, url: archive.raw(url)),
    ],
)
def test_a_value_of_a_wrong_type_is_an_archive_error(sample, damaged, place, use):
    shutil.copytree(sample / "demo-out/sample.db.warc", f"{damaged}.warc")
    table, column = place.split(".")
    with closing(sqlite3.connect(damaged)) as connection, connection:
        url = connection.execute("SELECT url FROM articles ORDER BY id").fetchone()[0]
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(f"UPDATE {table} SET {column} = x'ff00' WHERE {column} IS NOT NULL")
    with broadsheet.open(damaged) as archive, pytest.raises(broadsheet.ArchiveError) as caught:
        use(archive, url)
    assert re.match(rf"{re.escape(str(damaged))} is damaged \({table}/{column} row", str(caught.value))


def test_a_closed_archive_says_so(sample):
    archive = broadsheet.open(sample / "demo-out/sample.db")
    archive.close()
    archive.close()
    for use in (lambda: len(archive), lambda: list(archive), lambda: archive.search("x"), archive.to_pandas):
        with pytest.raises(broadsheet.ArchiveError, match="closed"):
            use()


def test_nothing_is_written_to_an_archive(sample, archive):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        archive._db.execute("DELETE FROM meta")


@pytest.mark.slow
def test_importing_it_brings_neither_scrapy_nor_the_models_nor_pandas_of_ours():
    code = (
        "import sys, broadsheet\n"
        "print(*{'scrapy', 'sqlite_utils', 'lxml', 'trafilatura', 'broadsheet.cleaners.clean'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""


def test_it_names_all_that_it_offers_in_order():
    assert dir(broadsheet) == sorted(broadsheet.__all__)


@pytest.mark.slow
def test_everything_that_it_names_is_there():
    assert [name for name in broadsheet.__all__ if not hasattr(broadsheet, name)] == []


def run_examples(folder: Path, *sections: str) -> int:
    """Run the examples of these sections of docs/python.md in a folder, and return their number."""
    text = "".join(section for section in DOCUMENT.split("\n## ") if section.startswith(sections))
    examples = "\n\n".join(re.findall(r"^```pycon\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {"broadsheet": broadsheet}, "docs/python.md", None, 0)
    lines: list[str] = []
    with contextlib.chdir(folder):
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=lines.append)
    assert result.failed == 0, "".join(lines)
    return len(test.examples)


DOCUMENT = (REPOSITORY / "docs/python.md").read_text("utf-8")
READING = ("# From Python", "Many pages", "An archive", "What is new", "Tables")


def test_the_examples_of_the_documentation_run(sample):
    assert run_examples(sample, *READING) > 15


@pytest.mark.slow
def test_the_examples_of_a_crawl_run(tmp_path):
    assert run_examples(tmp_path, "A crawl") > 8


def test_no_section_with_examples_is_left_out():
    sections = [section for section in DOCUMENT.split("\n## ") if "```pycon" in section]
    assert [section[:20] for section in sections if not section.startswith((*READING, "A crawl"))] == []
