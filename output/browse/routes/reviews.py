"""The form that judges a block right or wrong, and the judgements as test cases."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cleaners.rules.from_text import toml_string
from output.browse.arguments import Arguments, NotHereError
from output.browse.library import ArchiveFile
from output.browse.queries.review import find_judged_block
from output.browse.room import Room, address
from output.browse.routes.rulings import form_handler
from output.db.clock import utc_now
from output.db.transaction import write_transaction
from output.verdicts.reviews import Review, drop_review, list_reviews, store_review
from output.write.archive import Archive


def review_routes(room: Room) -> list[Route]:
    """The routes of the form and of the test cases."""

    def cases(request: Request) -> Response:
        with room.archive(request.path_params["archive"]).open() as db:
            text = "\n".join(_case(review) for review in list_reviews(db) if review.text)
        headers = {"content-disposition": 'attachment; filename="cases.toml"'}
        return Response(text, media_type="application/toml; charset=utf-8", headers=headers)

    return [
        Route("/{archive}/review/cases.toml", cases),
        Route("/{archive}/reviews", form_handler(room, judge), methods=["POST"]),
    ]


def judge(room: Room, archive: ArchiveFile, arguments: Arguments) -> Response:
    """Store a judgement, or take it back, and lead to the next block. InUse while a crawl owns the file."""
    number, block_id = arguments.number("article"), arguments.number("block")
    is_right, is_undo = arguments.flag("right"), arguments.flag("undo")
    with room.writing(), Archive.open(archive.path) as owned:
        stored_block = find_judged_block(owned.db, number, block_id)
        if stored_block is None:
            raise NotHereError("the block does not stand in this article")
        review = _judged(stored_block, is_right=is_right)
        with write_transaction(owned.db):
            (drop_review if is_undo else store_review)(owned.db, review)
    done = None if is_undo else "right" if is_right else "wrong"
    return RedirectResponse(
        address(archive.name, "review", done=done, article=number, block=block_id, keep=int(not review.is_kept)), 303
    )


def _judged(review: Review, *, is_right: bool) -> Review:
    verdict = (review.is_kept, review.reason, review.rule, is_right)
    return Review(review.url, review.host, review.block_id, *verdict, utc_now(), review.cleaner_version)


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
