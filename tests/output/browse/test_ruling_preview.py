"""The effect of a ruling before it is made, scope by scope."""

from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.output.browse.ruling_preview import ScopeEffect, preview, scoped_ruling
from broadsheet.output.browse.strict_requests import Arguments, NotHereError
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.person_verdicts import Ruling
from tests.internal_tables import BLOCK_TEXTS

AT = "2026-03-01T00:00:00Z"
SHARED = "Sign up for the letter that we send about the harbour each week."


@pytest.fixture
def db(archive, make):
    """Two articles of one host and two of another with a block in common."""
    for url in ("http://a.test/1", "http://a.test/2", "http://b.test/3", "http://b.test/4"):
        own = f"The story at {url} says what has happened there, in a sentence of some length."
        archive.save([make.outcome(url, own, SHARED, title=f"Title of {url[-1]}")])
    return archive.db


def number(db: Database, query: str) -> int:
    return int(db.execute(query).fetchone()[0])


def arguments(db: Database, **more: str) -> Arguments:
    article = number(db, "SELECT id FROM articles WHERE url = 'http://a.test/1'")
    block = number(db, f"SELECT id FROM {BLOCK_TEXTS} WHERE text = '{SHARED}'")
    return Arguments({"article": str(article), "block": str(block), "keep": "0"} | more)


@pytest.mark.parametrize(
    ("scope", "is_for_article", "host"),
    [("article", True, None), ("host", False, "a.test"), ("everywhere", False, None)],
)
def test_a_ruling_in_a_scope(db, scope, is_for_article, host):
    asked = arguments(db, keep="1", note=" so ")
    ruling = scoped_ruling(db, asked, scope, AT)
    article = asked.number("article") if is_for_article else None
    assert ruling == Ruling(asked.number("block"), True, article, host, AT, "so")
    assert not scoped_ruling(db, arguments(db), scope).is_kept


def test_what_the_block_is_and_how_far_each_scope_goes(db):
    asked = arguments(db)
    seen = preview(db, asked)
    assert (seen.block_id, seen.text, seen.article_title, seen.host) == (
        asked.number("block"), SHARED, "Title of 1", "a.test",
    )  # fmt: skip
    assert (seen.keep, seen.is_kept, seen.reason, seen.rule) == (False, True, "extractor", "selected")
    assert seen.article_id == asked.number("article")
    expected = [("article", 1, 1, False, False), ("host", 2, 2, False, False), ("everywhere", 4, 4, False, False)]
    assert [effect_values(effect) for effect in seen.scopes] == expected
    assert [len(effect.examples) for effect in seen.scopes] == [1, 2, 3]


def effect_values(effect: ScopeEffect) -> tuple[Any, ...]:
    return effect.scope, effect.pages, effect.articles, effect.is_more, effect.is_in_force


@pytest.mark.parametrize(("keep", "in_force", "changed"), [("0", [False, True, False], 0), ("1", [False] * 3, 1)])
def test_a_ruling_that_holds_already_is_told(db, keep, in_force, changed):
    carry_out_ruling(db, scoped_ruling(db, arguments(db), "host", AT))
    seen = preview(db, arguments(db, keep=keep))
    assert [effect.is_in_force for effect in seen.scopes] == in_force
    assert seen.scopes[0].articles == changed
    assert (seen.is_kept, seen.rule) == (False, "person")


@pytest.mark.parametrize("wrong", [{"article": "1"}, {"block": "1"}])
def test_what_is_not_there_is_said(db, wrong):
    with pytest.raises(NotHereError, match="no such block, or no such article"):
        preview(db, arguments(db, **wrong))


def test_a_block_of_another_article_is_not_in_this_one(db):
    block = number(db, f"SELECT id FROM {BLOCK_TEXTS} WHERE text LIKE 'The story at http://b.test/3%'")
    with pytest.raises(NotHereError, match="does not stand in this article"):
        preview(db, arguments(db, block=str(block)))
