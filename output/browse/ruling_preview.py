"""The effect of a ruling on a block, scope by scope, before it is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlite_utils import Database

from ..write.applied_rulings import TextChange, sample_effect
from ..write.person_verdicts import Ruling, block_text, stored_ruling
from .strict_requests import Arguments, NotHereError

SCOPES = ("article", "host", "everywhere")

_ARTICLE = """SELECT title, host, page_id FROM articles WHERE id = ?1
    UNION ALL SELECT title, host, page_id FROM shelved WHERE id = ?1"""
_BLOCK = """SELECT b.kept, r.reason, r.rule FROM _page_blocks b JOIN _reasons r ON r.id = b.reason_id
    WHERE b.page_id = ? AND b.block_id = ? ORDER BY b.position LIMIT 1"""


class ScopeEffect(NamedTuple):
    """The effect of a ruling in one scope: pages that have the block, articles that change, examples.

    `is_more`: there are more pages than were looked at. `is_in_force`: this very ruling holds already.
    """

    scope: str
    pages: int
    articles: int
    is_more: bool
    is_in_force: bool
    examples: tuple[TextChange, ...]


class RulingPreview(NamedTuple):
    """A ruling that a person may make on a block as it stands in an article."""

    block_id: int
    text: str
    keep: bool
    is_kept: bool
    reason: str
    rule: str
    article_id: int
    article_title: str
    host: str
    scopes: tuple[ScopeEffect, ...]


def scoped_ruling(db: Database, arguments: Arguments, scope: str, ruled_at: str = "") -> Ruling:
    """Return the ruling that the arguments `block`, `keep`, `article` and `note` name, in a scope.

    Raises NotHereError if the archive does not hold the block or the article.
    """
    article_id, block_id = arguments.number("article"), arguments.number("block")
    row = db.execute(_ARTICLE, [article_id]).fetchone()
    if row is None or block_text(db, block_id) is None:
        raise NotHereError("the archive has no such block, or no such article")
    bounds = {"article": (article_id, None), "host": (None, row[1]), "everywhere": (None, None)}
    return Ruling(block_id, arguments.flag("keep"), *bounds[scope], ruled_at, arguments.text("note"))


def preview(db: Database, arguments: Arguments) -> RulingPreview:
    """Compute the effect of keeping (`keep=1`) or removing a block of an article, scope by scope."""
    ruling = scoped_ruling(db, arguments, "everywhere")
    article_id = arguments.number("article")
    title, host, page_id = db.execute(_ARTICLE, [article_id]).fetchone()
    stored = db.execute(_BLOCK, [page_id, ruling.block_id]).fetchone()
    if stored is None:
        raise NotHereError("the block does not stand in this article")
    return RulingPreview(
        block_id=ruling.block_id,
        text=block_text(db, ruling.block_id) or "",
        keep=ruling.is_kept,
        is_kept=bool(stored[0]),
        reason=stored[1],
        rule=stored[2],
        article_id=article_id,
        article_title=title,
        host=host,
        scopes=tuple(_scope_effects(db, arguments)),
    )


def _scope_effects(db: Database, arguments: Arguments) -> Iterator[ScopeEffect]:
    for scope in SCOPES:
        ruling = scoped_ruling(db, arguments, scope)
        sample, stored = sample_effect(db, ruling), stored_ruling(db, ruling)
        is_in_force = stored is not None and stored.is_kept == ruling.is_kept
        yield ScopeEffect(scope, sample.pages, sample.changed_pages, sample.is_more, is_in_force, sample.examples)
