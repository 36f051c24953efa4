"""Text that acts, breaks encodings or poses as a formula goes in everywhere, and comes out inert everywhere."""

import json
from dataclasses import replace

import pytest

from broadsheet.cleaners.document import Metadata
from broadsheet.output.archive.stored_text import escaped_json, inert_text
from broadsheet.output.read.judgement import judge_archive, look_values
from broadsheet.output.read.report_figures import gather_report
from broadsheet.output.read.report_text import render
from broadsheet.output.read.run_letter import read_letter
from broadsheet.output.read.search import search
from broadsheet.output.read.verify import verify
from tests.output.cleaned_pages import with_page

ACTING = "".join(map(chr, [*range(9), 11, 12, *range(14, 32), *range(127, 160)])) + "\u202a\u202b\u202c\u202d\u202e"
ISOLATES = "\u2066\u2067\u2068\u2069\ufeff"
HOSTILE = f"=1+1 {ACTING}{ISOLATES} half \ud800 \udfff a pair \U0001f600 end"
URL = "http://a.test/story"
ACTIVE = frozenset(ACTING + ISOLATES) - {"\n", "\r", "\t"}


@pytest.fixture
def filled(archive, make):
    outcome = make.outcome(URL, f"bridge {HOSTILE}", "second paragraph", removed=(HOSTILE,), title=HOSTILE)
    metadata = Metadata(
        title=HOSTILE, authors=(HOSTILE, "@x"), description=HOSTILE, section=HOSTILE, tags=(HOSTILE,), sitename=HOSTILE
    )
    capture = replace(outcome.capture, content_type=f"text/html; {HOSTILE}")
    archive.save([replace(with_page(outcome, metadata=metadata), capture=capture)])
    return archive


def acts(text: str) -> set[str]:
    return set(text) & ACTIVE


def test_the_archive_holds_it_and_is_in_order(filled):
    (text,) = filled.db.execute("SELECT text FROM articles").fetchone()
    assert "\0" not in text
    assert "\U0001f600 end" in text
    assert verify(filled.db) == []


def test_search_and_report(filled):
    (hit,) = search(filled.db, "bridge", 5)
    assert not acts(inert_text(hit.title + hit.snippet))
    (number,) = filled.db.execute("SELECT id FROM articles").fetchone()
    row = {"article_id": number, "title": "", "text_digest": "", "number": 2, "seen_at": "2026-02-01T00:00:00Z"}
    filled.db["revisions"].insert(row | {"change": "withdrawn"})
    looks = judge_archive(filled.db, f"{HOSTILE}.db", coverage=())
    assert "withdrawn" in [look.kind for look in looks]
    shown = render(gather_report(filled.db), looks, read_letter(filled.db), 80)
    assert not acts(shown)
    assert not acts(escaped_json(json.dumps(look_values(looks), ensure_ascii=False)))
    shown.encode("utf-8")


def test_inert_and_escaped_leave_nothing_that_no_file_can_hold():
    for text in (inert_text(HOSTILE), escaped_json(json.dumps(HOSTILE, ensure_ascii=False))):
        assert not acts(text)
        text.encode("utf-8")
    assert json.loads(escaped_json(json.dumps(HOSTILE, ensure_ascii=False))) == HOSTILE
