"""Articles that a browser rendered, when their pages come without its scripts."""

from __future__ import annotations

from dataclasses import replace

from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.conftest import Maker

URL = "http://a.test/1"
SHORT = "The wall is to be rebuilt."
WHOLE = " ".join(["The council decided on Tuesday to rebuild the harbour wall."] * 12)


def rendered(outcome: Outcome) -> Outcome:
    assert outcome.capture
    return replace(outcome, capture=replace(outcome.capture, rendered_for=outcome.url))


def stored_text(archive: Archive) -> str:
    return str(archive.db.execute("SELECT text FROM articles").fetchone()[0])


def test_a_response_that_shows_less_than_the_rendered_article_leaves_it(archive: Archive, make: Maker) -> None:
    archive.save([rendered(make.outcome(URL, WHOLE))])
    archive.save([make.outcome(URL, SHORT)])
    assert stored_text(archive) == WHOLE
    assert archive.db.execute("SELECT count(*) FROM captures").fetchone() == (2,)


def test_what_is_rendered_anew_or_shows_as_much_takes_its_place(archive: Archive, make: Maker) -> None:
    archive.save([rendered(make.outcome(URL, WHOLE))])
    archive.save([rendered(make.outcome(URL, SHORT))])
    assert stored_text(archive) == SHORT
    archive.save([make.outcome(URL, WHOLE)])
    assert stored_text(archive) == WHOLE
    archive.save([make.outcome(URL, SHORT)])
    assert stored_text(archive) == SHORT, "the whole text came without a browser"
