"""The words of an edit, and where its versions are."""

import pytest

from broadsheet.output.read.edit_diffs import EditDiff, diff_html, marked_blocks, read_edit_diff, version_links
from broadsheet.output.read.edit_history import TextNotKeptError, compare_revisions, find_revised_article, revisions_of
from broadsheet.output.settle.settling import settle
from tests.internal_tables import REVISION_BLOCKS

URL = "http://a.test/1"
BRIDGE = (
    "The bridge over the inner channel has three arches and a toll house at each of its two ends, says the council."
)


def edited(archive, make, before, after, **changes):
    """The second revision of an article whose blocks were these."""
    archive.save([make.outcome(URL, *before, title="A <bridge>")])
    archive.save([make.outcome(URL, *after, **{"title": "A <bridge>"} | changes)])
    settle(archive.db, make.clock)
    [(number,)] = archive.db.execute("SELECT id FROM articles").fetchall()
    return read_edit_diff(archive.db, number, 2)


def test_words_are_marked_beside_those_that_stay(archive, make):
    diff = edited(archive, make, [BRIDGE, "Nobody counted."], [BRIDGE.replace("three", "two"), "Nobody counted."])
    assert list(marked_blocks(diff)) == [
        "The bridge over the inner channel has [-three-] {+two+} arches and a toll house at each of its two ends,"
        " says the council."
    ]
    assert "<del>three </del><ins>two </ins>" in diff_html(diff)
    assert (diff.first, diff.last, diff.title, diff.others) == (1, 2, (), 0)


def test_a_long_passage_that_stays_is_cut_and_markup_of_the_page_is_text(archive, make):
    long = " ".join(f"word{n}" for n in range(90))
    diff = edited(archive, make, [f"First {long} last."], [f"Now {long} <b>end</b>."], title="The <i>bridge</i>")
    title, block = marked_blocks(diff)
    assert title == "[-A <bridge>-] {+The <i>bridge</i>+}"
    assert block.startswith("[-First-] {+Now+} word0 ")
    assert " … " in block
    assert len(block) < 300
    assert "<ins>&lt;b&gt;end&lt;/b&gt;.</ins>" in diff_html(diff)


def test_more_blocks_than_are_shown_are_counted(archive, make):
    before = [f"The {n}. paragraph was here before." for n in range(8)]
    diff = edited(archive, make, [BRIDGE, *before], [BRIDGE, *(text.replace("before", "after") for text in before)])
    assert list(marked_blocks(diff))[-1] == "… and 3 more"
    assert diff_html(diff).endswith("<p>… and 3 more</p>")


SAME, OLD, NEW = "=", "-", "+"
WORDS = " ".join(f"{n:03}" for n in range(99))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (((SAME, "one "), (OLD, "two "), (NEW, "three "), (SAME, "four")), "one [-two-] {+three+} four"),
        (((OLD, "two"), (SAME, " four")), "[-two-] four"),
        (((SAME, "x" * 121), (NEW, "y")), f"{'x' * 121}{{+y+}}"),
        (((SAME, "x" * 122), (NEW, "y")), f"… {'x' * 60}{{+y+}}"),
        (((NEW, "y"), (SAME, "x" * 122)), f"{{+y+}} {'x' * 60} …"),
        (((NEW, "y"), (SAME, "x" * 122), (NEW, "z")), f"{{+y+}} {'x' * 60} … {'x' * 60}{{+z+}}"),
        (((NEW, "y "), (SAME, f"{WORDS} "), (NEW, "z")),
         f"{{+y+}} {WORDS[:59]} … {WORDS[-55:]} {{+z+}}"),
        (((OLD, "o" * 200),), f"[-{'o' * 200}-]"),
    ],
)  # fmt: skip
def test_a_passage_that_stays_is_cut_to_sixty_characters_beside_a_change(words, line):
    diff = EditDiff(5, 1, 2, None, 7, (), (words,), 0)
    assert list(marked_blocks(diff)) == [line]
    assert version_links(diff, "http://r/a") == version_links(diff, "http://r/a/") == [
        ("both versions", "http://r/a/article/5/diff?from=1&to=2"), ("after", "http://r/a/capture/7"),
    ]  # fmt: skip


def test_an_edit_without_both_texts_has_no_words(archive, make):
    assert edited(archive, make, [BRIDGE], [BRIDGE.replace("three", "two")]) is not None
    ((number,),) = archive.db.execute("SELECT id FROM articles").fetchall()
    assert [read_edit_diff(archive.db, number, revision) for revision in (1, 3)] == [None, None]
    assert read_edit_diff(archive.db, 7, 2) is None
    archive.db.execute(f"DELETE FROM {REVISION_BLOCKS}")
    assert read_edit_diff(archive.db, number, 2) is None
    article, (first, last) = find_revised_article(archive.db, URL), revisions_of(archive.db, number)
    with pytest.raises(TextNotKeptError, match=f"the text of revision 1 of {URL} was not kept by the version that saw"):
        compare_revisions(archive.db, article, first, last)
