"""`broadsheet export`, and what the verbs that read an archive print."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import html

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands import export
from broadsheet.output.archive.article_filter import ALL_ARTICLES
from broadsheet.output.read.web_feeds import FeedScope
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import ACTIVE
from tests.crawler.warm import PATIENCE, REPOSITORY
from tests.internal_tables import WARC_FILES
from tests.output.wires import fetched


def test_export_to_files(db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("old")
    assert run(["export", str(db), "--format", "jsonl", "-o", str(target)]) == 0
    assert len(target.read_text().splitlines()) == 2
    assert run(["export", str(db), "--format", "markdown", "-o", str(tmp_path / "new" / "folder")]) == 0
    assert len(list((tmp_path / "new" / "folder").glob("*.md"))) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "made.db", "new", "out.jsonl", "out.jsonl.schema.json"
    ]  # fmt: skip


def test_the_name_says_the_format(db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.jsonl", "a.CSV"):
        assert run(["export", str(db), "-o", str(tmp_path / name)]) == 0
    assert json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])["url"]
    assert len(list(csv.DictReader(io.StringIO((tmp_path / "a.CSV").read_text(), newline="")))) == 2
    assert run(["export", str(db), "-o", f"{tmp_path}/folder/"]) == 0
    assert len(list((tmp_path / "folder").glob("*.md"))) == 2


@pytest.mark.parametrize("shape", ["jsonl", "csv", "markdown"])
def test_filters_are_those_of_search(db: Path, tmp_path: Path, shape: str, capsys: pytest.CaptureFixture[str]) -> None:
    for host, count in (("a.example", 2), ("example", 2), ("b.example", 0)):
        target = tmp_path / f"{host}.out"
        assert run(["export", str(db), "--format", shape, "-o", str(target), "--host", host]) == 0
        assert f"{count} articles written" in capsys.readouterr().err
    assert run(["export", str(db), "--format", "wacz", "-o", str(tmp_path / "a.wacz"), "--host", "a.example"]) == 2
    assert "cannot be chosen by article" in capsys.readouterr().err


def test_raw_responses_are_not_exported_before_a_takedown_of_them_is_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db, target = tmp_path / "a.db", tmp_path / "a.wacz"
    with Archive.open(db) as archive:
        archive.keep_raw({"software": "test"})
        archive.save([fetched("http://a.test/a", 1, b"secret"), fetched("http://a.test/b", 2, b"other")])
    folder = (tmp_path / "a.db.warc").rename(tmp_path / "elsewhere")
    assert run(["forget", str(db), "http://a.test/a", "--yes"]) == 0
    folder.rename(tmp_path / "a.db.warc")
    assert run(["export", str(db), "-o", str(target)]) == 2
    assert "a takedown is not finished in a.db.warc/" in capsys.readouterr().err
    assert not target.exists()
    assert run(["forget", str(db), "http://a.test/a", "--yes"]) == 0
    assert run(["export", str(db), "-o", str(target)]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "csv", "-o", "{db}"], "is the archive itself"),
        (["--format", "csv", "-o", "{folder}"], "is a folder"),
        (["--format", "markdown", "-o", "{db}"], "cannot make the folder"),
        (["--format", "tei"], "writes a folder"),
        (["--format", "html", "-o", "-"], "writes a folder"),
        (["--format", "csv", "--limit", "100"], "--limit is for atom and json-feed"),
    ],
)
def test_export_to_no_place(
    db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    filled = [argument.format(db=db, folder=tmp_path) for argument in arguments]
    assert run(["export", str(db), *filled]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert message in shown.err
    assert run(["verify", str(db)]) == 0


def test_titles_are_inert(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["search", "evil"], ["report"], ["report", "--json"], ["export", "--format", "jsonl"]):
        run([arguments[0], str(db), *arguments[1:]])
        assert not set(capsys.readouterr().out) & ACTIVE, arguments


@pytest.mark.parametrize(("output_format", "ending"), [("html", "*.html"), ("tei", "*.xml"), ("markdown", "*.md")])
def test_a_folder_has_a_file_an_article_and_the_meanings_of_the_fields(
    db: Path, tmp_path: Path, output_format: str, ending: str
) -> None:
    folder = tmp_path / "out"
    assert run(["export", str(db), "--format", output_format, "-o", str(folder)]) == 0
    assert len(list((folder / "articles" if output_format == "html" else folder).glob(ending))) == 2
    meanings = (folder / ("about.html" if output_format == "html" else "dictionary.json")).read_text("utf-8")
    assert "the kept blocks in order" in meanings


def test_a_page_has_all_articles_and_leads_to_each(db: Path, tmp_path: Path) -> None:
    assert run(["export", str(db), "-o", str(tmp_path / "all.html")]) == 0
    tree = html.document_fromstring((tmp_path / "all.html").read_bytes())
    assert [path.name for path in tmp_path.glob("all.html*")] == ["all.html"]
    assert [f"#{place}" for place in sorted(tree.xpath("//section/@id"))] == sorted(tree.xpath("//ol//a/@href"))
    assert len(tree.xpath("//section")) == 2
    assert not tree.xpath("//script|//img|//link")
    assert all("1 words" not in text for text in tree.xpath("//footer//text()"))


def test_what_no_ending_says_is_told_with_all_formats(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", str(db), "-o", "x.docx"]) == 2
    message = capsys.readouterr().err
    assert all(name in message for name in ("jsonl", "parquet", "json-feed", "tei", ".html", "folder/"))
    assert run(["export", str(db), "--format", "docx"]) == 2
    assert "json-feed" in capsys.readouterr().err


@pytest.mark.parametrize("output_format", ["atom", "json-feed"])
def test_a_feed_goes_to_standard_output_or_a_file(
    db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], output_format: str
) -> None:
    assert run(["export", str(db), "--format", output_format]) == 0
    printed = capsys.readouterr().out
    assert run(["export", str(db), "--format", output_format, "-o", str(tmp_path / "feed"), "--host", "A.example"]) == 0
    assert "2 entries written" in capsys.readouterr().err
    assert "https://a.example/river" in printed
    assert "https://a.example/river" in (tmp_path / "feed").read_text("utf-8")
    assert run(["export", str(db), "--format", output_format, "--kind", "withdrawn"]) == 0
    assert "https://a.example/river" not in capsys.readouterr().out


def test_csv_has_a_byte_order_mark_where_it_is_asked_for(db: Path, tmp_path: Path) -> None:
    for options, start in (([], b"id,url"), (["--bom"], b"\xef\xbb\xbfid,url")):
        target = tmp_path / "a.csv"
        assert run(["export", str(db), "--format", "csv", *options, "-o", str(target)]) == 0
        assert target.read_bytes().startswith(start)
        assert target.read_bytes().count(b"\xef\xbb\xbf") == len(options)


def test_a_data_dictionary_stands_beside_a_file(db: Path, tmp_path: Path) -> None:
    for output_format, name in (("csv", "a.csv-metadata.json"), ("jsonl", "a.jsonl.schema.json")):
        target = tmp_path / f"a.{output_format}"
        assert run(["export", str(db), "--format", output_format, "-o", str(target)]) == 0
        assert "Its title." in (tmp_path / name).read_text("utf-8")
        assert run(["export", str(db), "--format", output_format, "-o", str(target)]) == 0


def test_another_file_of_a_dictionary_s_name_is_left_alone(
    db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv-metadata.json").write_text("mine")
    assert run(["export", str(db), "--format", "csv", "-o", str(tmp_path / "a.csv")]) == 0
    assert (tmp_path / "a.csv-metadata.json").read_text() == "mine"
    assert "is not ours" in capsys.readouterr().err


@pytest.mark.slow
def test_a_pipe_has_no_dictionary_beside_it(db: Path, tmp_path: Path) -> None:
    shell = f"{sys.executable} -m broadsheet.crawler.cli export {db} --format csv -o /dev/stdout > {tmp_path}/a.csv"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run(["sh", "-c", shell], env=environment, check=True, timeout=PATIENCE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "made.db"]


@pytest.mark.parametrize("shape", ["jsonl", "atom"])
def test_a_query_chooses_what_is_written(
    db: Path, tmp_path: Path, shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / f"a.{shape}"
    assert run(["export", str(db), "--format", shape, "-o", str(target), "--query", "river -"]) == 0
    assert "https://a.example/river" in target.read_text()
    assert "https://a.example/Evil" not in target.read_text()
    assert run(["export", str(db), "--format", shape, "-o", str(target), "--query", '"-"']) == 2
    assert "has no word" in capsys.readouterr().err


def test_a_stream_that_cannot_go_back_gets_a_whole_file() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    for stream in (Pipe(), io.BytesIO()):
        with export._seekable(stream) as file:
            file.write(b"second")
            file.seek(0)
            file.write(b"S")
        assert stream.getvalue() == b"Second"


def test_an_export_is_of_all_articles_as_they_are_unless_told_otherwise() -> None:
    whole = export.ExportOptions("csv")
    assert (whole.one_per_cluster, whole.byte_order_mark, whole.keeps_credentials) == (False, False, False)
    assert (whole.article_filter, whole.feed_scope) == (ALL_ARTICLES, FeedScope())


@pytest.mark.parametrize(("given", "limit"), [(None, 100), (7, 7)])
def test_a_feed_has_a_hundred_entries_unless_told_otherwise(given: int | None, limit: int) -> None:
    names = ("output", "edits", "kinds", "room", "one_per_cluster", "bom", "keep_credentials", "host", "since", "until")
    options = dict.fromkeys(names) | {"shape": "atom", "limit": given, "kinds": (), "languages": (), "section": ""}
    assert export.export_options(options).feed_scope == FeedScope(False, "", (), limit, "")


def test_a_raw_file_without_bytes_is_no_response(db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Archive.open(db) as archive:
        archive.db.execute(
            f"INSERT INTO {WARC_FILES} (name, length, begun_at) VALUES ('made.db.warc/a.warc.gz', 0, '')"
        )
        archive.db.conn.commit()
    assert run(["export", str(db), "-o", str(tmp_path / "a.wacz")]) == 2
    assert "the archive holds no raw responses of its own" in capsys.readouterr().err
