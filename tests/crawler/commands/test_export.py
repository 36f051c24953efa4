"""`broadsheet export`, and what the verbs that read an archive print."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from lxml import html

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands import export
from broadsheet.output.read.web_feeds import FeedScope
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import ACTIVE, verb_here
from tests.crawler.warm import PATIENCE, REPOSITORY
from tests.internal_tables import WARC_FILES
from tests.output.wires import fetched


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("-o out.jsonl", [".json", ".jsonl"]),
        ("-o out.CSV", [".CSV", ".json"]),
        ("-o new/folder/", [".json", ".jsonl", ".md", ".md"]),
        ("--format markdown -o out", [".json", ".jsonl", ".md", ".md"]),
        ("--format tei -o out", [".json", ".jsonl", ".xml", ".xml"]),
        ("--format html -o out", [*[".html"] * 6, ".js", ".js", ".jsonl"]),
        ("--format epub -o out", [".epub", ".jsonl"]),
        ("-o all.html", [".html"]),
    ],
)
def test_a_format_writes_these_files(db, tmp_path, monkeypatch, options, told):
    monkeypatch.chdir(tmp_path)
    for host, count in (("a.example", 2), ("EXAMPLE", 2), ("b.example", 0)):
        words = ("export", db, *options.split(), "--host", host)
        assert f"{count} articles written" in verb_here(*words)[2]
        if host == "a.example":
            files = [path for path in tmp_path.rglob("*") if path.is_file() and path != db]
            assert sorted(path.suffix for path in files) == told
            has_dictionary = "the kept blocks in order" in "".join(path.read_text("utf-8", "replace") for path in files)
            assert has_dictionary == (len(told) > 1 and "epub" not in options)
            assert verb_here(*words)[0] == 0, "the same files are written again"


@pytest.mark.parametrize("output_format", ["atom", "json-feed", "jsonl", "csv"])
def test_what_is_chosen_is_written_to_standard_output_or_a_file(db, tmp_path, output_format):
    words, target, url = ("export", db, "--format", output_format), tmp_path / "out", "https://a.example/river"
    assert url in verb_here(*words)[1]
    code, out, errors = verb_here(*words, "-o", target, "--host", "A.example", "--query", "river -")
    assert (code, out, " written" in errors, url in target.read_text("utf-8")) == (0, "", True, True)
    assert "https://a.example/Evil" not in target.read_text("utf-8")
    if output_format in ("atom", "json-feed"):
        assert url not in verb_here(*words, "--kind", "withdrawn")[1]
    if output_format == "csv":
        mark = "\ufeff".encode()
        for options, marks in (((), 0), (("--bom",), 1)):
            assert verb_here(*words, *options, "-o", target)[0] == 0
            assert (target.read_bytes().count(mark), target.read_bytes().startswith(mark)) == (marks, bool(marks))


def test_raw_responses_are_not_exported_before_a_takedown_of_them_is_finished(tmp_path, capsys):
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


def test_titles_are_inert(db, capsys):
    for arguments in (["search", "evil"], ["report"], ["report", "--json"], ["export", "--format", "jsonl"]):
        run([arguments[0], str(db), *arguments[1:]])
        assert not set(capsys.readouterr().out) & ACTIVE, arguments


def test_a_page_has_all_articles_and_leads_to_each(db, tmp_path):
    assert run(["export", str(db), "-o", str(tmp_path / "all.html")]) == 0
    tree = html.document_fromstring((tmp_path / "all.html").read_bytes())
    assert [path.name for path in tmp_path.glob("all.html*")] == ["all.html"]
    assert [f"#{place}" for place in sorted(tree.xpath("//section/@id"))] == sorted(tree.xpath("//ol//a/@href"))
    assert len(tree.xpath("//section")) == 2
    assert not tree.xpath("//script|//img|//link")
    assert all("1 words" not in text for text in tree.xpath("//footer//text()"))


def test_another_file_of_a_dictionary_s_name_is_left_alone(db, tmp_path, capsys):
    (tmp_path / "a.csv-metadata.json").write_text("mine")
    assert run(["export", str(db), "--format", "csv", "-o", str(tmp_path / "a.csv")]) == 0
    assert (tmp_path / "a.csv-metadata.json").read_text() == "mine"
    assert "was not written by broadsheet" in capsys.readouterr().err


@pytest.mark.slow
def test_a_pipe_has_no_dictionary_beside_it(db, tmp_path):
    shell = f"{sys.executable} -m broadsheet.crawler.cli export {db} --format csv -o /dev/stdout > {tmp_path}/a.csv"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run(["sh", "-c", shell], env=environment, check=True, timeout=PATIENCE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "made.db"]


def test_a_stream_that_cannot_go_back_gets_a_whole_file():
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    for stream in (Pipe(), io.BytesIO()):
        with export._seekable(stream) as file:
            file.write(b"second")
            file.seek(0)
            file.write(b"S")
        assert stream.getvalue() == b"Second"


@pytest.mark.parametrize(("given", "limit"), [(None, 100), (7, 7)])
def test_a_feed_has_a_hundred_entries_unless_told_otherwise(given, limit):
    names = ("edits", "room", "host", "since", "until")
    options = dict.fromkeys(names) | {"limit": given, "kinds": (), "languages": (), "section": ""}
    assert export.feed_scope(options) == FeedScope(False, "", (), limit, "")


def test_a_raw_file_without_bytes_is_no_response(db, tmp_path, capsys):
    with Archive.open(db) as archive:
        archive.db.execute(f"INSERT INTO {WARC_FILES} (name, length, begun_at) VALUES ('.warc/a.warc.gz', 0, '')")
        archive.db.conn.commit()
    assert run(["export", str(db), "-o", str(tmp_path / "a.wacz")]) == 2
    assert "the archive holds no raw responses of its own" in capsys.readouterr().err
