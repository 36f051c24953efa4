"""An archive of articles with pictures, whose files it has."""

from dataclasses import replace
from pathlib import Path

from broadsheet.cleaners.document import ArticleImage
from broadsheet.crawler.discovery.picture_headers import read_picture
from broadsheet.output.archive.pictures import Picture
from broadsheet.output.raw.raw_exchange import Capture, RawExchange
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.crawler.pictures import SVG, gif, png
from tests.output.conftest import Maker

SITE = "https://a.example"
CAPTION = "The <b>mill</b>\u202e"
MILL, RIVER, DRAWN = f"{SITE}/i/mill.png", f"{SITE}/i/river.gif", f"{SITE}/i/drawn.svg"
FILES = {MILL: png(), RIVER: gif(), DRAWN: SVG}


def picture_outcome(make: Maker, url: str, data: bytes) -> Outcome:
    """What a crawl stores of a picture."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"
    exchange = RawExchange(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", head, data)
    picture = read_picture(data)
    assert isinstance(picture, Picture)
    seen_at = make.clock()
    capture = Capture(url, seen_at, 200, url, "image/png", payload_length=len(data), raw=exchange)
    return Outcome(url, "done", "picture", 200, seen_at, capture=capture, kind="picture", picture=picture)  # type: ignore[arg-type]


def illustrate(file: Path, make: Maker) -> None:
    """Store two articles: one with all three pictures, one with the mill."""
    mill = ArticleImage(MILL, CAPTION, "Photo: Ana Sol", 'A "mill"', 0)
    with Archive.open(file, make.clock) as archive:
        archive.keep_raw({"software": "tests"})
        one = make.outcome(f"{SITE}/1", "The harbour was closed.", "It opens in May.", title="One")
        images = (mill, ArticleImage(RIVER, place=1), ArticleImage(DRAWN, place=2))
        two = make.outcome(f"{SITE}/2", "Water ran short.", title="Two", images=(mill,))
        assert one.page
        archive.save([replace(one, page=replace(one.page, images=images)), two])
        assert archive.queue_pictures(obeys_directives=False) == len(FILES)
        archive.save([picture_outcome(make, url, data) for url, data in FILES.items()])
