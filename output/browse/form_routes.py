"""Routes of the forms: rulings on blocks, judgements of blocks and pages, judgements as files.

While a crawl owns the file, a ruling is stored, and waits for the crawl to apply it. Judgements leave as test cases and
as annotated pages.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from sqlite_utils import Database
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broadsheet.cleaners.rules.rule_files import toml_string

from ..archive.archive_errors import InUse
from ..archive.atomic_writes import write_transaction
from ..archive.stored_values import utc_now
from ..raw.raw_exchange import RecordLocation
from ..write.applied_rulings import carry_out_ruling
from ..write.archive_writer import Archive, opened_beside_owner
from ..write.person_verdicts import Review, Ruling, drop_review, list_reviews, store_review
from ..write.verdicts import apply_rulings
from .block_review import find_judged_block
from .library import ArchiveFile
from .page_review import annotated_pages, find_judged_page, pack_annotations
from .page_routes import arguments_of
from .review_mending import (
    ReviewAnswer,
    article_of_page,
    made_rulings,
    mending_rulings,
    put_rulings,
)
from .room import Room, address
from .ruling_preview import SCOPES, scoped_ruling
from .strict_requests import Arguments, BadArgumentError, ForbiddenError, NotHereError, is_token
from .url_pages import RawReader

_MOST_FIELDS = 20
FormHandler = Callable[[Request], Coroutine[Any, Any, Response]]


def ruling_routes(room: Room) -> list[Route]:
    """Return the route of the form."""
    return [Route("/{archive}/rulings", form_handler(room, rule), methods=["POST"])]


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
        raise BadArgumentError("this is no form of the reading room") from error


def rule(room: Room, archive: ArchiveFile, arguments: Arguments) -> Response:
    """Make or take back a ruling, and lead back to where it was asked for."""
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
    """Return the address of the same archive to which a form asks to be led back; empty if there is none."""
    target = arguments.text("back")
    if not target:
        return ""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not parts.path.startswith(address(archive.name, "")) or "\\" in target:
        raise BadArgumentError("back leads out of this archive")
    return target


def review_routes(room: Room) -> list[Route]:
    """Return the routes of the form, of the test cases and of the annotated pages."""

    def cases(request: Request) -> Response:
        archive = room.archive(request.path_params["archive"])
        with archive.open() as db:
            reviews = list_reviews(db)
        text = "\n".join(_case(review) for review in reviews if review.text and review.is_right is not None)
        headers = {"content-disposition": 'attachment; filename="cases.toml"'}
        return Response(text, media_type="application/toml; charset=utf-8", headers=headers)

    def annotations(request: Request) -> Response:
        archive = room.archive(request.path_params["archive"])
        if room.read_raw is None:
            raise NotHereError("nothing that reads raw responses is in this room")
        read = partial(_source, room.read_raw, archive.path)
        with archive.open() as db:
            data = pack_annotations(annotated_pages(db, list_reviews(db), read))
        headers = {"content-disposition": 'attachment; filename="pages.zip"'}
        return Response(data, media_type="application/zip", headers=headers)

    return [
        Route("/{archive}/review/cases.toml", cases),
        Route("/{archive}/review/pages.zip", annotations),
        Route("/{archive}/reviews", form_handler(room, judge), methods=["POST"]),
    ]


def _source(read_raw: RawReader, folder: Path, location: RecordLocation, body: RecordLocation | None) -> str:
    return read_raw(location, body, folder).text


def judge(room: Room, archive: ArchiveFile, arguments: Arguments) -> Response:
    """Store a judgement and mend what it finds wrong, or take both back; lead to what is next."""
    is_undo = arguments.flag("undo")
    answer = ReviewAnswer(arguments.choice("answer", tuple(ReviewAnswer), ReviewAnswer.UNSURE))
    with archive.open() as db:
        target = _find_target(db, arguments)
        review = replace(target.verdict, is_right=answer.is_right, judged_at=utc_now())
        if target.article_id is None:
            rulings: tuple[Ruling, ...] = ()
        elif is_undo:
            rulings = tuple(made_rulings(db, target.article_id, target.block_id, review.judged_at))
        else:
            mends = answer is (ReviewAnswer.NO_ARTICLE if review.is_of_page else ReviewAnswer.WRONG)
            blocks = (target.article_id, target.block_id, review.judged_at)
            rulings = tuple(mending_rulings(db, *blocks)) if mends else ()
    keep_review(room, archive, review, rulings, undo=is_undo)
    done = {} if is_undo else {"done": answer, "mended": int(bool(rulings))}
    page = "review/pages" if review.is_of_page else "review"
    return RedirectResponse(address(archive.name, page, **done, **target.arguments), 303)


class _ReviewTarget(NamedTuple):
    """A verdict to judge, the article and the block that it is on (None: none), and the arguments that name it."""

    verdict: Review
    article_id: int | None
    block_id: int | None
    arguments: Mapping[str, int]


def _find_target(db: Database, arguments: Arguments) -> _ReviewTarget:
    """Find what the arguments `page`, or `article` and `block`, name. Raises NotHereError if it is not there."""
    if arguments.text("page"):
        page_id = arguments.number("page")
        verdict = find_judged_page(db, page_id)
        if verdict is None:
            raise NotHereError("the archive has no page of that number")
        return _ReviewTarget(verdict, article_of_page(db, page_id), None, {"page": page_id})
    article_id, block_id = arguments.number("article"), arguments.number("block")
    verdict = find_judged_block(db, article_id, block_id)
    if verdict is None:
        raise NotHereError("the block does not stand in this article")
    asked = {"article": article_id, "block": block_id, "keep": int(not verdict.is_kept)}
    return _ReviewTarget(verdict, article_id, block_id, asked)


def keep_review(room: Room, archive: ArchiveFile, review: Review, rulings: Sequence[Ruling], *, undo: bool) -> None:
    """Store a judgement with the rulings that mend what it is about, which wait where another owns the file."""

    def put(db: Database) -> None:
        (drop_review if undo else store_review)(db, review)
        put_rulings(db, rulings, undo=undo)

    with room.writing():
        try:
            with Archive.open(archive.path) as owned, write_transaction(owned.db):
                put(owned.db)
                apply_rulings(owned.db, review.judged_at)
        except InUse:
            with opened_beside_owner(archive.path) as db, write_transaction(db):
                put(db)


def _case(review: Review) -> str:
    """Return a judgement as a test case in the form that `broadsheet correct --export-rules` writes."""
    return "\n".join(_case_lines(review)) + "\n"


def _case_lines(review: Review) -> Iterator[str]:
    word = "right" if review.is_right else "wrong"
    yield f"# {'kept' if review.is_kept else 'removed'}, {review.reason} {' '.join(review.rule.split())}: judged {word}"
    yield "[[case]]"
    yield f"url = {toml_string(review.url)}"
    yield f"text = {toml_string(review.text)}"
    yield f"kept = {str(review.is_kept == review.is_right).lower()}"
