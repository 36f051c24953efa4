"""Routes of the forms: rulings on blocks, corrections, judgements of blocks and pages.

While a crawl owns the file, a ruling is stored, and waits for the crawl to apply it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from sqlite_utils import Database
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..archive.archive_errors import InUse
from ..archive.atomic_writes import write_transaction
from ..archive.page_rows import article_id
from ..archive.stored_text import as_json
from ..archive.stored_values import utc_now
from ..settle.settling import settle
from ..write.applied_rulings import carry_out_ruling
from ..write.archive_writer import Archive, opened_beside_owner
from ..write.corrections import (
    CorrectedField,
    Correction,
    list_corrections,
    put_corrections,
    stored_correction,
    stored_day,
)
from ..write.person_verdicts import Review, Ruling, drop_review, store_review
from ..write.revisit_schedule import Watch
from ..write.site_fields import apply_field_corrections
from ..write.verdicts import apply_rulings
from .article_page import ArticleView, read_article
from .block_review import find_judged_block
from .library import ArchiveFile
from .page_review import find_judged_page
from .page_routes import arguments_of
from .room import Room, address
from .ruling_preview import SCOPES, scoped_ruling
from .strict_requests import Arguments, BadArgumentError, ForbiddenError, NotHereError, is_token
from .take_out import MOST_TICKED, articles_to_take_out

_MOST_FIELDS = 20 + 2 * MOST_TICKED
_LANGUAGE = re.compile(r"([A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*)?")
FormHandler = Callable[[Request], Coroutine[Any, Any, Response]]


def form_routes(room: Room) -> list[Route]:
    """Return the routes of the forms."""
    return [
        Route("/{archive}/rulings", form_handler(room, rule), methods=["POST"]),
        Route("/{archive}/corrections", form_handler(room, correct), methods=["POST"]),
        Route("/{archive}/reviews", form_handler(room, judge), methods=["POST"]),
        Route("/{archive}/take-outs", form_handler(room, take_out), methods=["POST"]),
    ]


def form_handler(room: Room, act: Callable[[Room, ArchiveFile, Arguments], Response]) -> FormHandler:
    """Return a handler that reads a form with the token of this run, and acts in a thread of its own."""

    async def take(request: Request) -> Response:
        arguments = await read_form(room, request)
        return await run_in_threadpool(act, room, room.archive(request.path_params["archive"]), arguments)

    return take


async def read_form(room: Room, request: Request) -> Arguments:
    """Read the arguments of a form.

    Raises ForbiddenError if it does not have the token of this run.
    """
    arguments = arguments_of(request, _form_fields(await request.body()))
    if not is_token(arguments.values.get("token"), room.token):
        raise ForbiddenError("this form is of an earlier run of the reading room: load the page again")
    return arguments


def _form_fields(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form as browsers send one without files.

    Raises BadArgumentError for anything else.
    """
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadArgumentError("this is not a form of the reading room") from error


def rule(room: Room, archive: ArchiveFile, arguments: Arguments) -> Response:
    """Make or undo a ruling, and redirect back to the page of the form."""
    scope, is_undo = arguments.choice("scope", SCOPES, "article"), arguments.flag("undo")
    back = back_to(arguments, archive)
    with archive.open() as db:
        ruling = scoped_ruling(db, arguments, scope, utc_now())
    with room.writing():
        outcome = carry_out(archive, ruling, undo=is_undo)
    position = arguments.number("position") if arguments.text("position") else None
    page = address(
        archive.name, f"article/{arguments.number('article')}", view="blocks", done=outcome,
        block=ruling.block_id, keep=int(ruling.is_kept), scope=scope, position=position,
    )  # fmt: skip
    return RedirectResponse(back or page + ("" if position is None else f"#b{position}"), 303)


def carry_out(archive: ArchiveFile, ruling: Ruling, *, undo: bool) -> str:
    """Store and apply a ruling, or only store it where another owns the file: `ruled`, `waiting`, `undone`, or `taken`
    where the opposite ruling was taken back, which alone gives what was asked.
    """
    try:
        with Archive.open(archive.path) as owned:
            effect = carry_out_ruling(owned.db, ruling, undo=undo)
    except InUse:
        with opened_beside_owner(archive.path) as db:
            carry_out_ruling(db, ruling, undo=undo, applies=False)
        return "waiting"
    return "undone" if undo else "taken" if effect.takes_back else "ruled"


def back_to(arguments: Arguments, archive: ArchiveFile) -> str:
    """Return the address in the same archive to which a form asks to return; empty without one."""
    target = arguments.text("back")
    if not target:
        return ""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not parts.path.startswith(address(archive.name, "")) or "\\" in target:
        raise BadArgumentError("back leads out of this archive")
    return target


def judge(room: Room, archive: ArchiveFile, arguments: Arguments) -> Response:
    """Store a judgement and mend what it finds wrong, or undo both; redirect to the next block or page."""
    is_undo = arguments.flag("undo")
    answer = ReviewAnswer(arguments.choice("answer", tuple(ReviewAnswer), ReviewAnswer.UNSURE))
    with archive.open() as db:
        target = _find_target(db, arguments)
        review = replace(target.verdict, is_right=answer.is_right, judged_at=utc_now())
        made: list[Correction] = []
        if target.block is not None and (is_undo or answer is ReviewAnswer.WRONG):
            rulings = (made_rulings if is_undo else mending_rulings)(db, *target.block, review.judged_at)
            made = [ruling.correction for ruling in rulings]
        no_article = _no_article(article_id(review.url), review.url, review.judged_at, NOTE)
        is_told = stored_correction(db, no_article) is not None
    if review.is_of_page and (is_told if is_undo else review.is_kept and answer is ReviewAnswer.NO_ARTICLE):
        made.append(no_article)
    keep = drop_review if is_undo else store_review
    _keep(room, archive, lambda db: keep(db, review), made, is_undo, review.judged_at)
    done = {} if is_undo else {"done": answer, "mended": int(bool(made))}
    page = "review/pages" if review.is_of_page else "review"
    return RedirectResponse(address(archive.name, page, **done, **target.arguments), 303)


class _ReviewTarget(NamedTuple):
    """A verdict to judge, the article and the block that it is on (None: a page), and the arguments that name it."""

    verdict: Review
    block: tuple[int, int] | None
    arguments: Mapping[str, int]


def _find_target(db: Database, arguments: Arguments) -> _ReviewTarget:
    """Find what the arguments `page`, or `article` and `block`, name. Raises NotHereError if it is not there."""
    if arguments.text("page"):
        page_id = arguments.number("page")
        verdict = find_judged_page(db, page_id)
        if verdict is None:
            raise NotHereError("the archive has no page of that number")
        return _ReviewTarget(verdict, None, {"page": page_id})
    article_number, block_id = arguments.number("article"), arguments.number("block")
    verdict = find_judged_block(db, article_number, block_id)
    if verdict is None:
        raise NotHereError("the block does not stand in this article")
    asked = {"article": article_number, "block": block_id, "keep": int(not verdict.is_kept)}
    return _ReviewTarget(verdict, (article_number, block_id), asked)


def _keep(
    room: Room, archive: ArchiveFile, put: Callable[[Database], None], made: Sequence[Correction], undo: bool, at: str
) -> bool:
    """Call `put`, and store or undo corrections; return whether they wait for another process to end."""

    def put_all(db: Database) -> None:
        put(db)
        put_corrections(db, made, undo=undo, at=at)

    with room.writing():
        try:
            with Archive.open(archive.path) as owned:
                with write_transaction(owned.db):
                    put_all(owned.db)
                    apply_rulings(owned.db, at)
                    apply_field_corrections(owned.db, at)
                if any(one.field is CorrectedField.KIND for one in made):
                    settle(owned.db)
        except InUse:
            with opened_beside_owner(archive.path) as db, write_transaction(db):
                put_all(db)
            return True
    return False


def correct(room: Room, archive: ArchiveFile, arguments: Arguments) -> Response:
    """Correct the changed fields of an article, or whether it is one, or undo that."""
    at, undone = utc_now(), arguments.choice("undo", tuple(CorrectedField))
    with archive.open() as db:
        view = read_article(db, arguments.number("article"))
    kind = arguments.choice("kind", ("none",))
    values = {undone or "kind": kind} if undone or kind else _given_fields(view, arguments)
    note = arguments.text("note")
    made = [
        Correction(CorrectedField(name), value, article_id=view.id, url=view.url, at=at, note=note)
        for name, value in values.items()
    ]
    waits = _keep(room, archive, lambda _: None, made, bool(undone), at)
    done = "waiting" if waits else "undone" if undone else "corrected"
    return RedirectResponse(address(archive.name, f"article/{view.id}", done=done), 303)


def take_out(room: Room, archive: ArchiveFile, arguments: Arguments) -> Response:
    """Mark the ticked articles, and those in the chosen folders, as no articles; or undo what was marked at a time."""
    at, said_at = utc_now(), arguments.text("undo")
    with archive.open() as db:
        if said_at:
            made = [one for one in list_corrections(db) if (one.at, one.note) == (said_at, TAKEN_OUT_NOTE)]
        else:
            articles = articles_to_take_out(db, arguments)
            made = [_no_article(article.id, article.url, at, TAKEN_OUT_NOTE) for article in articles]
    waits = _keep(room, archive, lambda _: None, made, bool(said_at), at)
    done = {} if said_at else {"done": "waiting" if waits else "taken", "count": len(made), "at_time": at}
    return RedirectResponse(address(archive.name, "articles", **done), 303)


TAKEN_OUT_NOTE = "taken out of the list"


def _no_article(number: int, url: str, at: str, note: str) -> Correction:
    return Correction(CorrectedField.KIND, "none", article_id=number, url=url, at=at, note=note)


def _given_fields(view: ArticleView, arguments: Arguments) -> dict[str, str]:
    """Return the given fields that differ from the article's, as corrections store them."""
    given: dict[str, str] = {}
    for name in ("title", "published", "language"):
        shown = view.published_day if name == "published" else getattr(view, name)
        if name in arguments.values and (text := " ".join(arguments.text(name).split())) != shown:
            given[name] = text
    if (watch := arguments.choice("watch", tuple(Watch))) and watch != view.watch:
        given["watch"] = watch
    for name in ("authors", "tags"):
        lines = tuple(line for line in map(str.strip, arguments.text(name).splitlines()) if line)
        if name in arguments.values and lines != getattr(view, name):
            given[name] = as_json(list(lines))
    if not given.get("title", "title"):
        raise BadArgumentError("the title has no words")
    if given.get("published"):
        try:
            given["published"] = stored_day(given["published"])
        except ValueError:
            raise BadArgumentError("published is not a date: write it as 2024-01-31") from None
    if not _LANGUAGE.fullmatch(given.get("language", "")):
        raise BadArgumentError("language is not a language code")
    return given


# Rulings that mend what a review finds wrong, in the same step.
#
# A block that was judged wrong is ruled the other way round in its article, with a note by which taking the judgement
# back finds the ruling.

NOTE = "judged wrong in review"

_BLOCKS = """SELECT b.kept, r.reason, r.rule
    FROM articles a JOIN _page_blocks b ON b.page_id = a.page_id
            OR b.page_id IN (SELECT page_id FROM _page_parts WHERE head_id = a.page_id AND place > 0)
        JOIN _reasons r ON r.id = b.reason_id
    WHERE a.id = ?1 AND b.block_id = ?2 ORDER BY b.page_id, b.position"""
_MADE = "SELECT kept FROM rulings WHERE article_id = ?1 AND note = ?2 AND block_id = ?3 ORDER BY id"


class ReviewAnswer(StrEnum):
    """Answer of a person who reviews: `none` says of a page that it is not an article."""

    RIGHT = "right"
    WRONG = "wrong"
    NO_ARTICLE = "none"
    UNSURE = "unsure"

    @property
    def is_right(self) -> bool | None:
        """Return whether the verdict was right; None if the person cannot tell."""
        return None if self is ReviewAnswer.UNSURE else self is ReviewAnswer.RIGHT


def mending_rulings(db: Database, article_id: int, block_id: int, ruled_at: str) -> Iterator[Ruling]:
    """Yield the ruling that reverses the verdict on a block in its article."""
    for is_kept, reason, rule in db.execute(_BLOCKS, [article_id, block_id]).fetchall()[-1:]:
        yield Ruling(block_id, not is_kept, article_id, None, ruled_at, NOTE, reason, rule)


def made_rulings(db: Database, article_id: int, block_id: int, undone_at: str) -> Iterator[Ruling]:
    """Yield the ruling on a block in an article that a review made, to be undone."""
    for (is_kept,) in db.execute(_MADE, [article_id, NOTE, block_id]).fetchall():
        yield Ruling(block_id, bool(is_kept), article_id, ruled_at=undone_at)
