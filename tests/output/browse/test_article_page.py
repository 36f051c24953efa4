"""An article's page: its notes, its place in the list it was opened from, and the keys that work on it."""

import re
from types import SimpleNamespace

import pytest

from broadsheet.cleaners.document import Block, BlockKind, PageType, Verdict
from broadsheet.output.archive.metadata_columns import ARTICLE_COLUMNS, JSON_COLUMNS
from broadsheet.output.browse.article_page import (
    MOST_ROWS,
    ArticleView,
    BlockRun,
    NotedFacts,
    _metadata_lines,
    article_notes,
)
from broadsheet.output.read.edit_history import Revision
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient, article_id, linked, save_sent, visible_text
from tests.output.cleaned_pages import with_page
from tests.output.harbour import without_page


def first_listed(html):
    """The address of the first article of a list."""
    return re.findall(r'<a id="a\d+" href="([^"]*)"', html)[0].replace("&amp;", "&")


def test_a_block_that_is_said_twice_leads_to_the_one_that_it_repeats(file, make):
    url, again = f"{SITE}/twice", Verdict(False, "said twice", "context/duplicate", repeats=0)
    blocks = [Block(n, BlockKind.PARAGRAPH, "The harbour was closed.") for n in range(2)]
    verdicts = (Verdict(True, "selected", "first-look/selected"), again)
    with Archive.open(file, make.clock) as archive:
        archive.save([with_page(make.outcome(url, "x"), blocks=tuple(blocks), verdicts=verdicts, text=blocks[0].text)])
    html = RoomClient(file).page(f"a/article/{article_id(url)}?view=blocks")
    assert linked(html, "repeats this block") == "#b0"
    assert 'id="b0" class="block kept' in html


def test_one_goes_through_the_hits_of_a_search_and_back(client):
    hits = client.page("a/articles?q=harbour&sort=oldest")
    first = client.page(first_listed(hits))
    assert "1 of 2" in visible_text(first)
    assert "previous" not in visible_text(first).split("Metadata")[0]
    step = client.get(linked(first, "next"))
    assert step.status_code == 303
    second = client.page(step.headers["location"])
    assert "2 of 2" in visible_text(second)
    back = client.page(linked(second, "← back to the hits").split("#")[0])
    assert "“harbour”" in visible_text(back)
    assert '<option value="oldest" selected>' in back
    assert client.get(linked(second, "previous")).headers["location"].startswith("/a/article/")


def test_the_view_and_the_list_stay_while_one_goes_on(client):
    first = client.page(first_listed(client.page("a/articles?host=a.example")))
    blocks = client.page(linked(first, "Blocks"))
    location = client.get(linked(blocks, "next")).headers["location"]
    assert "view=blocks" in location
    assert "2 of 3" in visible_text(client.page(location))
    assert client.json(location.replace("?", ".json?", 1))["place"]["list"] == "sort=newest&host=a.example"


def test_a_place_beyond_the_list_is_its_last_and_a_list_that_is_none_is_said(client):
    location = client.get("a/articles/at?list=sort%3Doldest&at=99").headers["location"]
    assert "at=3&of=3" in location
    assert client.get("a/articles/at?list=q%3Dnowhere&at=1").status_code == 404
    assert client.get("a/articles/at").status_code == 404
    one = article_id(f"{SITE}/1")
    assert client.get(f"a/article/{one}?list=sort%3Dx").status_code == 400
    assert client.get(f"a/article/{one}?list={'a%3D1%26' * 30}").status_code == 400
    assert client.get(f"a/article/{one}?list=sort%3Doldest&at=x").status_code == 400


def test_stored_page_and_record_are_those_that_the_text_was_read_from(file, make):
    url = f"{SITE}/1"
    later = [without_page(make.outcome(url), 304, "not_modified") for _ in range(MOST_ROWS)]
    save_sent(file, make, make.outcome(url, "The harbour was closed."))
    client = RoomClient(file)
    [page] = client.json(f"a/article/{article_id(url)}.json")["captures"]
    save_sent(file, make, *later, without_page(make.outcome(url), 410, "http_410"))
    shown = client.page(f"a/article/{article_id(url)}")
    assert linked(shown, "Stored page") == f"/a/capture/{page['id']}"
    assert linked(shown, "WARC record") == f"/a/capture/{page['id']}/record"
    captures = visible_text(shown).split(" Captures ")[1]
    assert re.findall(r"HTTP [^,]*|the text was read from it", captures)[:4] == [
        "HTTP 200 OK", "the text was read from it", "HTTP 410 Gone", "HTTP 304 Not Modified",
    ]  # fmt: skip


def test_an_article_from_elsewhere_is_in_no_list(client):
    page = client.page(f"a/article/{article_id(f'{SITE}/1')}")
    assert "back to the" not in page
    assert 'class="place"' not in page


def keys_at_foot(html):
    foot = html[html.index('<p class="keys">') : html.index('<dialog id="keys"')]
    return set(re.findall(r"<kbd>(.)</kbd>", foot)) - {"/", "?", "j", "k"}


def keys_on_page(html):
    return set(re.findall(r'data-key="(.)"', html)) - {"?"}


@pytest.mark.slow
def test_the_foot_of_each_page_has_the_keys_that_work_on_it(client, filled, block_of):
    one = article_id(f"{SITE}/1")
    listed = linked(client.page("a/articles"), "Two")
    ruling = f"a/ruling?article={one}&block={block_of('Only here')}&keep=1"
    paths = ["a/", "a/articles", f"a/article/{one}", f"a/article/{one}?view=blocks", listed, "a/changes", ruling]
    paths += ["a/review", "a/review/pages", "a/review?done=right&article=1&block=2", "a/coverage"]
    for reader in (client, RoomClient(filled, may_write=False)):
        for path in paths:
            page = reader.page(path)
            assert keys_at_foot(page) == keys_on_page(page), path
            assert ("data-step" in page) == ("<kbd>j</kbd>" in page.split('<dialog id="keys"')[0]), path


def test_an_uncertain_article_that_was_edited_says_both(file, make):
    with Archive.open(file, make.clock) as archive:
        for text in ("The council voted on Tuesday for the harbour.", "The council voted on Monday for the harbour."):
            archive.save([make.outcome(f"{SITE}/1", text, title="The vote")])
            settle(archive.db, make.clock)
        number = article_id(f"{SITE}/1")
        archive.db.execute("UPDATE pages SET certainty = 0.5")
    client = RoomClient(file)
    notes = [note["kind"] for note in client.json(f"a/article/{number}.json")["notes"]]
    assert notes == ["uncertain", "edited"]
    page = client.page(f"a/article/{number}")
    assert "Its publication edited this article: 1 edit" in visible_text(page)
    assert "<del>" in client.page(linked(page, "What changed"))


@pytest.mark.parametrize(("is_kept", "count", "is_folded"), [(False, 6, False), (False, 7, True), (True, 7, False)])
def test_seven_removed_blocks_in_a_row_are_folded(is_kept, count, is_folded):
    assert BlockRun(is_kept, (None,) * count, ()).is_folded is is_folded


@pytest.mark.parametrize(
    ("markdown", "description", "repeats"),
    [
        ("# *The harbour* is closed", "The harbour", True),
        ("> _The harbour_", "The harbour", True),
        ("In the harbour", "The harbour", False),
        ("x" * 80 + "y", "x" * 81, True),
        ("x" * 79 + "y", "x" * 81, False),
    ],
)
def test_a_summary_is_shown_unless_the_text_begins_with_its_first_eighty_characters(markdown, description, repeats):
    view = SimpleNamespace(markdown=markdown, description=description)
    assert ArticleView.repeats_description.fget(view) is repeats


def test_an_article_is_downloaded_as_markdown(client):
    number = article_id(f"{SITE}/1")
    assert f'href="/a/article/{number}/text.md"' in client.page(f"a/article/{number}")
    answer = client.get(f"a/article/{number}/text.md")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    assert answer.headers["content-disposition"] == f"attachment; filename*=utf-8''one-{number}.md"
    assert answer.text.endswith("\n# One\n\nThe harbour was closed.\n")
    assert client.get("a/article/7/text.md").status_code == 404


def test_a_description_that_the_standfirst_begins_with_is_not_listed_beside_it():
    fields = (
        dict.fromkeys(ARTICLE_COLUMNS, "") | dict.fromkeys(JSON_COLUMNS, "[]") | {"metadata_sources": "{}", "id": 1}
    )
    fields |= {"standfirst": "The quay was closed on Monday."}
    for description, names in (("The quay was closed …", ["standfirst"]), ("Why", ["description", "standfirst"])):
        assert [line.name for line in _metadata_lines(fields | {"description": description}, {})] == names


PLAIN = NotedFacts("", PageType.ARTICLE, 0.99, 500, False, False, ())


def revision(number, change, *noted, note=""):
    return Revision(number, f"2026-01-0{number}T00:00:00Z", "Title", change, noted, 0, 0, 1, note, None)


def noted(**facts):
    return [note.kind for note in article_notes(PLAIN._replace(**facts))]


WITHDRAWN = (revision(1, ""), revision(2, "withdrawn", "withdrawn"))


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        ({"certainty": 0.79}, ["uncertain"]),
        ({"shelving_reason": "duplicate"}, ["shelved"]),
        ({"page_type": PageType.TEASER}, ["teaser"]),
        ({"has_pictures": True, "word_count": 29}, ["pictures"]),
        ({"is_emptied": True, "word_count": 0, "has_pictures": True, "certainty": 0.1}, ["emptied"]),
        ({"revisions": (revision(1, ""), revision(2, "body", "body"))}, ["edited"]),
        ({"revisions": WITHDRAWN}, ["withdrawn"]),
        ({"revisions": (*WITHDRAWN, revision(3, "returned", "returned"))}, []),
        ({"revisions": (revision(1, ""), revision(2, "cleaner", "cleaner"))}, []),
        ({"certainty": None, "revisions": (revision(1, ""),)}, []),
        *(
            (facts, [])
            for facts in ({}, {"certainty": 0.8}, {"has_pictures": True, "word_count": 30}, {"word_count": 29})
        ),
    ],
)
def test_each_note_stands_where_it_holds_and_not_where_it_does_not(facts, kinds):
    assert noted(**facts) == kinds


def test_edits_are_counted_with_the_latest_one_and_its_notice():
    revisions = (
        revision(1, ""), revision(2, "body", "body"), revision(3, "correction", "correction", "body", note="A name."),
        revision(4, "cleaner", "cleaner"),
    )  # fmt: skip
    [note] = article_notes(PLAIN._replace(revisions=revisions))
    assert "2 edits, the latest on 2026-01-03 (correction, body). “A name.”" in note.text
    assert note.path == "/diff?to=3"
