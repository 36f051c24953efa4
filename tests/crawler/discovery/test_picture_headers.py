"""Types and sizes of pictures, by their headers alone."""

from __future__ import annotations

import random
import struct

import pytest

from broadsheet.crawler.discovery.picture_headers import read_picture
from broadsheet.output.archive.pictures import ENDINGS, Picture
from tests.crawler.pictures import SVG, avif, gif, jpeg, png, webp

FILES = {
    "png": (png(), "image/png", 3, 2),
    "gif": (gif(), "image/gif", 5, 4),
    "jpeg": (jpeg(), "image/jpeg", 7, 6),
    "webp": (webp(), "image/webp", 9, 8),
    "webp lossless": (webp("VP8L"), "image/webp", 9, 8),
    "webp lossy": (webp("VP8 "), "image/webp", 9, 8),
    "avif": (avif(), "image/avif", 11, 10),
    "svg": (SVG, "image/svg+xml", 0, 0),
}


@pytest.mark.parametrize("name", FILES)
def test_type_and_size_are_those_of_the_file(name):
    data, media_type, width, height = FILES[name]
    picture = read_picture(data)
    assert isinstance(picture, Picture)
    assert (picture.type, picture.width, picture.height, picture.bytes) == (media_type, width, height, len(data))
    assert picture.type in ENDINGS
    assert len(picture.digest) == 64


def test_the_same_bytes_have_the_same_digest():
    assert read_picture(png()) == read_picture(png()) != read_picture(png(shade=9))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><body>gone</body></html>",
        b"%PDF-1.7",
        b"BM\0\0",
        png(0, 4),
        png(4, 0),
        gif(0, 0),
        b"\xff\xd8\xff",
        b"RIFF",
    ],
)
def test_what_is_no_picture_is_told(data):
    assert read_picture(data) == "no_picture"


def test_too_many_bytes_or_pixels_are_too_large():
    assert read_picture(png(60_000, 60_000)) == "too_large"
    assert read_picture(png(10_000_000, 11)) == "too_large"
    assert read_picture(png(10_000_000, 10)) != "too_large"
    assert read_picture(gif().ljust(10_485_761, b"\0")) == "too_large"
    assert isinstance(read_picture(gif().ljust(10_485_760, b"\0")), Picture)


def test_broken_headers_never_raise():
    chance = random.Random(7)
    for data, *_ in FILES.values():
        for length in range(len(data)):
            read_picture(data[:length])
        for _ in range(200):
            broken = bytearray(data)
            broken[chance.randrange(len(data))] = chance.randrange(256)
            assert isinstance(read_picture(bytes(broken)), Picture | str)


def jpeg_of(*segments: bytes) -> bytes:
    frame = b"\xff\xc2\0\x11\x08" + struct.pack(">HH", 480, 640) + b"\x03" + bytes(9)
    return b"\xff\xd8" + b"".join(segments) + frame


def size_of(body: bytes) -> tuple[int, int]:
    picture = read_picture(body)
    assert isinstance(picture, Picture)
    return picture.width, picture.height


def test_the_first_frame_of_a_jpeg_stands_behind_segments_fill_bytes_and_bare_markers():
    comment, fill, bare = b"\xff\xfe\0\x05abc", b"\xff", b"\xff\x01"
    for segments in ((), (comment,), (fill, comment), (fill, fill, fill), (bare, comment, bare), (comment,) * 20):
        assert size_of(jpeg_of(*segments)) == (640, 480)
    assert read_picture(jpeg_of(b"no marker")) == "no_picture"
    assert size_of(jpeg_of(*[comment] * 999)) == (640, 480)
    assert read_picture(jpeg_of(*[comment] * 1_000)) == "no_picture"


def test_each_marker_of_a_jpeg_is_a_frame_bare_or_passed_over_by_its_length():
    frames = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
    for marker in range(0xFF):
        own = bytes((0xFF, marker)) + (
            b"" if marker in (1, *range(0xD0, 0xD9)) else b"\0\x09\x08" + bytes([0, 2, 0, 3, 0, 0])
        )
        assert size_of(jpeg_of(own)) == ((3, 2) if marker in frames else (640, 480)), hex(marker)


def test_of_the_pictures_in_an_avif_the_largest_counts_in_its_first_sixty_four_kibibytes():
    head = avif()[:-40]
    sizes = [b"\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", *size) for size in ((9, 1), (5, 5))]
    assert size_of(head + b"".join(sizes)) == (5, 5)
    padding = bytes(65_536 - len(head) - 20)
    assert size_of(head + padding + sizes[1]) == (5, 5)
    assert read_picture(head + padding + b"\0" + sizes[1]) == "no_picture"
