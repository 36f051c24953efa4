"""Files that the room gives out as they are: the WARC record of a capture."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broadsheet.output.browse.arguments import path_number
from broadsheet.output.browse.queries.capture import read_record_bytes
from broadsheet.output.browse.room import Room


def download_routes(room: Room) -> list[Route]:
    """The routes of all files."""

    def record(request: Request) -> Response:
        archive, number = room.archive(request.path_params["archive"]), path_number(request)
        with archive.open() as db:
            file, data = read_record_bytes(db, number, archive.path.parent)
        ending = "warc.gz" if file.endswith(".gz") else "warc"
        disposition = f'attachment; filename="capture-{number}.{ending}"'
        return Response(data, media_type="application/warc", headers={"content-disposition": disposition})

    return [Route("/{archive}/capture/{id:digits}/record", record)]
