"""Notes above an article: each where it holds, the most important first."""

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.browse.article_page import NotedFacts, article_notes
from broadsheet.output.read.edit_history import Revision

PLAIN = NotedFacts("", PageType.ARTICLE, 0.99, 500, False, False, ())


def revision(number, change, *kinds, note=""):
    return Revision(number, f"2026-01-0{number}T00:00:00+00:00", "Title", change, kinds, 0, 0, 1, note, None)


def kinds(**facts):
    return [note.kind for note in article_notes(PLAIN._replace(**facts))]


def test_an_article_with_nothing_to_say_of_it_has_no_note():
    assert kinds() == []
    assert kinds(certainty=None, revisions=(revision(1, ""),)) == []


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"certainty": 0.79}, "uncertain"),
        ({"shelving_reason": "duplicate"}, "shelved"),
        ({"page_type": PageType.TEASER}, "teaser"),
        ({"has_pictures": True, "word_count": 29}, "pictures"),
        ({"is_emptied": True, "word_count": 0, "has_pictures": True, "certainty": 0.1}, "emptied"),
        ({"revisions": (revision(1, ""), revision(2, "body", "body"))}, "edited"),
        ({"revisions": (revision(1, ""), revision(2, "withdrawn", "withdrawn"))}, "withdrawn"),
    ],
)
def test_each_note_stands_where_it_holds(facts, kind):
    assert kinds(**facts) == [kind]


@pytest.mark.parametrize(
    "facts",
    [
        {"certainty": 0.8},
        {"has_pictures": True, "word_count": 30},
        {"word_count": 29},
        {"revisions": (revision(1, ""), revision(2, "cleaner", "cleaner"))},
        {"revisions": (revision(1, ""), revision(2, "withdrawn", "withdrawn"), revision(3, "returned", "returned"))},
    ],
)
def test_and_not_where_it_does_not(facts):
    assert kinds(**facts) == []


def test_edits_are_counted_with_the_latest_one_and_its_notice():
    revisions = (
        revision(1, ""), revision(2, "body", "body"), revision(3, "correction", "correction", "body", note="A name."),
        revision(4, "cleaner", "cleaner"),
    )  # fmt: skip
    [note] = article_notes(PLAIN._replace(revisions=revisions))
    assert "2 edits, the latest on 2026-01-03 (correction, body). “A name.”" in note.text
    assert note.path == "/diff?to=3"
