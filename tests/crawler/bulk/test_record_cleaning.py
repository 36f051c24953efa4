"""`broadsheet.Cleaner` and `clean_records`: options once, in threads and processes; records as values; as a step."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator

import broadsheet
from tests.crawler.warcs import answer, record, write
from tests.crawler.warm import PATIENCE
from tests.tools import REPOSITORY, ToolsMissingError, programs

WORDS = ("lock", "bridge", "quay", "crane", "ferry")
COMMENT = "I saw the ferry with my own eyes, and it did not move at all that day."
URL = "http://a.example/one"


def page(language: str = "en", day: str = "2024-03-01") -> str:
    words = "".join(f"<p>The {word} of the harbour was opened again on Monday, the council said.</p>" for word in WORDS)
    return (
        f"<html lang={language}><head><title>Bridges</title><meta property=article:published_time content={day}></head>"
        f"<body><article><h1>Bridges</h1>{words}</article>"
        f"<div id=comments class=comments><h3>2 comments</h3><div class=comment><p>{COMMENT}</p></div></div>"
    )


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.example.txt").write_text("strip: //p[contains(., 'crane')]\nnonsense\n")
    return folder


def text_of(arguments: tuple[broadsheet.Cleaner, str]) -> str:
    cleaner, html = arguments
    return cleaner.clean(html, URL).text


def test_without_options_it_is_what_clean_says():
    assert broadsheet.Cleaner().clean(page(), URL) == broadsheet.clean(page(), URL)
    assert broadsheet.clean(page(), URL).certainty > 0.5


def test_rules_are_read_once_and_travel_with_the_cleaner(rules):
    cleaner = broadsheet.Cleaner(rules=rules)
    shutil.rmtree(rules)
    assert "crane" not in cleaner.clean(page(), URL).text
    assert "crane" in cleaner.clean(page(), "http://b.example/").text
    assert cleaner.rule_problems == ("a.example.txt:2: not a directive (name: value)",)
    assert text_of((pickle.loads(pickle.dumps(cleaner)), page())) == text_of((cleaner, page()))


def test_comments_are_kept_where_they_are_asked_for():
    plain, kept = (broadsheet.Cleaner(keep=keep).clean(page(), URL) for keep in ((), ("comments",)))
    assert COMMENT not in plain.text
    assert COMMENT in kept.text
    assert COMMENT in kept.markdown
    assert {block.reason for block in kept.blocks if block.is_kept} == {"selected", "comments"}
    assert (kept.page_type, kept.certainty) == (plain.page_type, plain.certainty)


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        ({"language": "en"}, ""), ({"language": ["de", "fr"]}, "language"), ({"since": "2024-03-01"}, ""),
        ({"since": "2024-03-02"}, "too_old"),
    ],
)  # fmt: skip
def test_an_article_that_is_not_wanted_says_so(options, left_out):
    assert broadsheet.Cleaner(**options).clean(page(), URL).left_out == left_out
    assert broadsheet.Cleaner(**options).clean("<p>no article", URL).left_out == ""


def test_options_are_in_the_lineage(rules):
    cleaners = [
        broadsheet.Cleaner(**options)
        for options in ({}, {"rules": rules}, {"keep": "comments"}, {"language": "en"}, {"since": "2024-03-01"},
                        {"extractor": "never"})
    ]  # fmt: skip
    assert len({json.dumps(cleaner.lineage) for cleaner in cleaners}) == len(cleaners)


@pytest.mark.parametrize(
    "options", [{"keep": "menus"}, {"rules": "/nowhere"}, {"since": "May"}, {"extractor": "perhaps"}]
)
def test_a_wrong_option_is_a_line(options):
    with pytest.raises(broadsheet.OptionError, match=r"^[^\n]+$"):
        broadsheet.Cleaner(**options)


@pytest.mark.slow
def test_threads_and_processes_give_the_same(rules):
    cleaner = broadsheet.Cleaner(rules=rules, keep=("comments",))
    jobs = [(cleaner, page(day=f"2024-03-{day:02}")) for day in range(1, 17)]
    expected = list(map(text_of, jobs))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(text_of, jobs)) == expected
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        assert list(pool.map(text_of, jobs)) == expected


def some_records(file: Path) -> Path:
    records = [
        record(URL, answer(page())),
        record(URL, b"GET /one HTTP/1.1\r\n\r\n", kind="request"),
        record("http://a.example/gone", answer("", "404 Not Found")),
        record("http://a.example/same", answer("")[:-2] + b"\r\n", kind="revisit"),
        record("http://a.example/still", answer("", "304 Not Modified"), kind="revisit"),
        record("http://a.example/p.png", answer(b"png", content_type="image/png")),
        record("http://a.example/de", answer(page("de"))),
    ]
    return write(file, records)


EXPECTED = [
    (URL, "done", "article"), ("http://a.example/gone", "failed", "http_404"),
    ("http://a.example/same", "skipped", "same_bytes"), ("http://a.example/still", "skipped", "not_modified"),
    ("http://a.example/p.png", "skipped", "media_type"), ("http://a.example/de", "skipped", "language"),
]  # fmt: skip


def test_records_of_a_file_and_of_fastwarc_are_the_same_values(tmp_path):
    file = some_records(tmp_path / "a.warc.gz")
    own = list(broadsheet.clean_records(file, language="en"))
    assert [(one.url, one.state, one.reason) for one in own] == EXPECTED
    cleaner = broadsheet.Cleaner(language="en")
    for parses in (True, False):
        with file.open("rb") as stream:
            theirs = list(broadsheet.clean_records(ArchiveIterator(stream, parse_http=parses), cleaner))
        assert theirs == [replace(one, length=0) for one in own], "fastwarc says no length"
    assert [one.length > 0 for one in own] == [True] * len(own)


def test_a_record_that_is_damaged_is_a_value_and_a_file_without_any_an_error(tmp_path):
    damaged = b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/x\r\n\r\nno answer"
    file = write(tmp_path / "a.warc.gz", [record(URL, answer(page())), damaged, record(URL, answer(page()))])
    assert [one.state for one in broadsheet.clean_records(file)] == ["done", "failed", "done"]
    with pytest.raises(ValueError, match="holds no WARC or ARC records"):
        list(broadsheet.clean_records(write(tmp_path / "b.warc.gz", [b"nothing"])))


PIPELINE = """
import json, sys
from pathlib import Path
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from step import Articles

def write(data, rank=0, world_size=1):
    Path(f"out-{{rank}}.json").write_text(json.dumps([[one.id, one.text] for one in data]))

def read(data, rank=0, world_size=1):
    html = Path("page.html").read_text()
    for number in range(rank, 6, world_size):
        text = html.replace("lang=en", "lang=de") if number == 5 else html
        yield Document(text, str(number), metadata={{"url": "{url}"}})

if __name__ == "__main__":
    steps = [read, Articles(language="en"), write]
    LocalPipelineExecutor(steps, tasks=2, workers=2, logging_dir="log").run()
"""


@pytest.mark.slow
def test_it_is_a_step_of_datatrove(tmp_path):
    try:
        tools = programs("pipeline")
    except ToolsMissingError as error:
        pytest.skip(f"datatrove cannot be installed here: {error}")
    document = (REPOSITORY / "docs/python.md").read_text("utf-8")
    [step] = re.findall(r"^```python\n# step.py\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    (tmp_path / "step.py").write_text(step)
    (tmp_path / "page.html").write_text(page())
    (tmp_path / "run.py").write_text(PIPELINE.format(url=URL))
    [packages] = tools.parent.glob("lib/*/site-packages")
    paths = f"{REPOSITORY}{os.pathsep}{packages}"
    done = subprocess.run([sys.executable, "run.py"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": paths},
                          capture_output=True, text=True, timeout=PATIENCE, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = [each for rank in (0, 1) for each in json.loads((tmp_path / f"out-{rank}.json").read_text())]
    assert sorted(written) == [[str(number), broadsheet.clean(page(), URL).text] for number in range(5)]
