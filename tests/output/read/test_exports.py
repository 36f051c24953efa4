import csv
import io
import json
import os
import unicodedata

import pytest

from broadsheet.output.read.article_files import export_markdown, file_name
from broadsheet.output.read.article_rows import csv_cell, export_csv, export_jsonl
from broadsheet.output.settle.settling import settle

NASTY = '=HYPERLINK("x") \u202ecod.exe\x1b[31m: "q" # — 東京'


@pytest.fixture
def filled(archive, make):
    archive.save(
        [
            make.outcome("http://a.test/1", "one, \u202etwo", "three", title=NASTY),
            make.outcome("http://a.test/2", "four", title="../../etc/passwd\n---\nx: y"),
            make.outcome("http://a.test/3", "five", title="Same " * 100),
        ]
    )
    return archive


def test_jsonl_is_exact_and_inert(filled):
    stream = io.StringIO()
    assert export_jsonl(filled.db, stream) == 3
    assert "\u202e" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    read = {row["url"]: row for row in map(json.loads, stream.getvalue().splitlines())}
    assert read["http://a.test/1"]["title"] == NASTY
    assert read["http://a.test/1"]["text"] == "one, \u202etwo\nthree"
    assert read["http://a.test/1"]["authors"] == []


def test_csv_reads_back_and_holds_no_formula(filled):
    stream = io.StringIO(newline="")
    assert export_csv(filled.db, stream) == 3
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert {row["url"] for row in rows} == {f"http://a.test/{n}" for n in (1, 2, 3)}
    [row] = [row for row in rows if row["url"].endswith("1")]
    assert row["title"].startswith("'=HYPERLINK")
    assert row["text"] == "one, two\nthree"


@pytest.mark.parametrize(
    "text",
    ["=1", "+1", "-1", "@x", "\t=1", " =1", "\n=1", "\r=1", "＝1", "\u202e=1", "\x00=1", "\xa0=1", "\u3000@x", " \t-1"],
)
def test_cells_that_would_be_formulas(text):
    assert csv_cell(text).startswith("'")


@pytest.mark.parametrize("value", [-1, 2.5, None, "a=b", "", "plain"])
def test_cells_that_are_left_alone(value):
    assert csv_cell(value) == value


def test_markdown_files_have_front_matter_that_yaml_reads(filled, tmp_path):
    yaml = pytest.importorskip("yaml")
    folder = tmp_path / "out"
    assert export_markdown(filled.db, folder) == 3
    assert export_markdown(filled.db, folder) == 3
    files = sorted(folder.iterdir())
    assert len(files) == 3
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not any(unicodedata.category(char) in ("Cc", "Cf") and char != "\n" for char in text)
        front = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
        assert front["url"].startswith("http://a.test/")
        assert len(path.name.encode()) < 140
    assert sorted(os.listdir(tmp_path))[-1] == "out"


def test_file_names():
    article = {"title": "CON: a/b\\c é", "published_day": "2024-05-06", "id": 7}
    assert file_name(article) == "2024-05-06-con-a-b-c-é-7.md"
    assert file_name(article | {"title": "...", "published_day": None}) == "7.md"


@pytest.mark.parametrize("export", [export_jsonl, export_csv])
def test_one_of_those_that_say_the_same(archive, make, export):
    story = " ".join(f"word{n}" for n in range(80))
    archive.save(
        [
            make.outcome("http://a.test/story", story),
            make.outcome("http://b.test/again", f"{story} and a word"),
            make.outcome("http://a.test/other", " ".join(f"other{n}" for n in range(80))),
        ]
    )
    settle(archive.db)
    assert export(archive.db, io.StringIO(newline=""), one_per_cluster=True) == 2
    assert export(archive.db, io.StringIO(newline="")) == 3
