"""The forms that judge a block or a page right or wrong, and the judgements as test cases and as annotated pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broadsheet.cleaners.rules.from_text import toml_string
from broadsheet.output.browse.arguments import Arguments, NotHereError
from broadsheet.output.browse.library import ArchiveFile
from broadsheet.output.browse.queries.capture import RawReader
from broadsheet.output.browse.queries.review.annotations import annotated_pages, pack_annotations
from broadsheet.output.browse.queries.review.blocks import find_judged_block
from broadsheet.output.browse.queries.review.judgements import all_reviews
from broadsheet.output.browse.queries.review.pages import find_judged_page
from broadsheet.output.browse.room import Room, address
from broadsheet.output.browse.routes.rulings import form_handler
from broadsheet.output.db.clock import utc_now
from broadsheet.output.db.errors import InUse
from broadsheet.output.db.transaction import write_transaction
from broadsheet.output.raw.capture import RecordLocation
from broadsheet.output.verdicts.reviews import Review, drop_review, store_review
from broadsheet.output.verdicts.ruling_journal import append_review, waiting_reviews
from broadsheet.output.write.archive import Archive


def review_routes(room: Room) -> list[Route]:
    """The routes of the form, of the test cases and of the annotated pages."""

    def cases(request: Request) -> Response:
        archive = room.archive(request.path_params["archive"])
        with archive.open() as db:
            reviews = all_reviews(db, waiting_reviews(archive.path))
        text = "\n".join(_case(review) for review in reviews if review.text)
        headers = {"content-disposition": 'attachment; filename="cases.toml"'}
        return Response(text, media_type="application/toml; charset=utf-8", headers=headers)

    def annotations(request: Request) -> Response:
        archive = room.archive(request.path_params["archive"])
        if room.read_raw is None:
            raise NotHereError("nothing that reads raw responses is in this room")
        read = partial(_source, room.read_raw, archive.path.parent)
        with archive.open() as db:
            data = pack_annotations(annotated_pages(db, all_reviews(db, waiting_reviews(archive.path)), read))
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
    """Store a judgement, or take it back, and lead to what is next. While a crawl owns the file, it waits."""
    if arguments.text("page"):
        return _judge_page(room, archive, arguments)
    number, block_id = arguments.number("article"), arguments.number("block")
    with archive.open() as db:
        verdict = find_judged_block(db, number, block_id)
    if verdict is None:
        raise NotHereError("the block does not stand in this article")
    keep_review(room, archive, arguments, verdict)
    asked = {"article": number, "block": block_id, "keep": int(not verdict.is_kept)}
    return RedirectResponse(address(archive.name, "review", done=_done(arguments), **asked), 303)


def _judge_page(room: Room, archive: ArchiveFile, arguments: Arguments) -> Response:
    page_id = arguments.number("page")
    with archive.open() as db:
        verdict = find_judged_page(db, page_id)
    if verdict is None:
        raise NotHereError("the archive has no page of that number")
    keep_review(room, archive, arguments, verdict)
    return RedirectResponse(address(archive.name, "review/pages", done=_done(arguments), page=page_id), 303)


def keep_review(room: Room, archive: ArchiveFile, arguments: Arguments, verdict: Review) -> None:
    """Store the judgement on a verdict that the arguments `right` and `undo` name, or write it to the journal where
    another owns the file."""
    is_undo = arguments.flag("undo")
    review = replace(verdict, is_right=arguments.flag("right"), judged_at=utc_now())
    with room.writing():
        try:
            with Archive.open(archive.path) as owned, write_transaction(owned.db):
                (drop_review if is_undo else store_review)(owned.db, review)
        except InUse:
            append_review(archive.path, review, undo=is_undo)


def _done(arguments: Arguments) -> str | None:
    """What the next page says of the judgement: `right`, `wrong`, or nothing where it was taken back."""
    return None if arguments.flag("undo") else "right" if arguments.flag("right") else "wrong"


def _case(review: Review) -> str:
    """A judgement as a test case in the form that `broadsheet rulings --export-rules` writes."""
    return "\n".join(_case_lines(review)) + "\n"


def _case_lines(review: Review) -> Iterator[str]:
    word = "right" if review.is_right else "wrong"
    yield f"# {'kept' if review.is_kept else 'removed'}, {review.reason} {_one_line(review.rule)}: judged {word}"
    yield "[[case]]"
    yield f"url = {toml_string(review.url)}"
    yield f"text = {toml_string(review.text)}"
    yield f"kept = {str(review.is_kept == review.is_right).lower()}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
