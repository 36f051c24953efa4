"""Pictures of articles, taken from responses that the archive has: those that were imported.

A WARC file holds pictures as responses of their own. Once the articles are known, so are the pictures that belong to
them; the others stay where they are.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from broadsheet.cleaners.document import UrlSource
from broadsheet.output.archive.pictures import Picture
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind, UrlState
from broadsheet.output.archive.usage_preferences import refused_uses
from broadsheet.output.raw.raw_exchange import LOCATION_COLUMNS, Capture, record_locations
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.picture_queue import PictureAtHand

from ..crawl.robots_rules import exclusion_reason
from ..discovery.picture_headers import read_picture
from .recorded_response import ReplayError, read_full_response

_ROBOT = "broadsheet"  # the name by which directives call us
_BATCH = 50  # pictures that one transaction stores
_LOCATIONS = f"""SELECT {LOCATION_COLUMNS}
    FROM captures c LEFT JOIN captures o ON o.id = c.refers_to WHERE c.id = ?"""


def take_pictures(archive: Archive, *, obeys_directives: bool) -> int:
    """Keep the files of the articles' pictures that the archive has as responses; return how many.

    A response that is no picture, is too large or cannot be read is left as it is. With `obeys_directives`, so are
    pictures whose page or own headers refuse.
    """
    taken_count, batch = 0, list[Outcome]()
    for found in archive.pictures_at_hand(obeys_directives=obeys_directives):
        if obeys_directives and _is_refused(found):
            continue
        picture = _read_picture(archive.db, archive.path, found.capture_id)
        if picture is not None:
            batch.append(_picture_outcome(found, picture))
        if len(batch) >= _BATCH:
            archive.save(batch)
            taken_count, batch = taken_count + len(batch), []
    archive.save(batch)
    return taken_count + len(batch)


def _is_refused(found: PictureAtHand) -> bool:
    seen_at = datetime.fromisoformat(found.fetched_at)
    return bool(exclusion_reason(found.directives, _ROBOT, seen_at) or refused_uses(found.usage))


def _read_picture(db: Database, folder: Path, capture_id: int) -> Picture | None:
    """Read the facts of the picture in a capture's record; None if there is none that is kept."""
    places = record_locations(db.execute(_LOCATIONS, [capture_id]).fetchone())
    try:
        picture = read_picture(read_full_response(*places, folder).body)
    except ReplayError:
        return None
    return picture if isinstance(picture, Picture) else None


def _picture_outcome(found: PictureAtHand, picture: Picture) -> Outcome:
    return Outcome(
        found.url,
        UrlState.DONE,
        OutcomeReason.PICTURE,
        http_status=200,
        fetched_at=found.fetched_at,
        capture=Capture(found.url, found.fetched_at, 200, payload_digest=found.payload_digest),
        picture=picture,
        kind=UrlKind.PICTURE,
        found_via=UrlSource.ARCHIVE,
    )
