"""Stored values are decoded, or refused with table, column and row."""

import pickle
import re
import zlib
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest

from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.archive.stored_values import (
    content_id,
    decoding,
    stored_object,
    stored_texts,
    text_digest,
    unpacked,
    utc_now,
)
from tests.internal_tables import PAGE_LAYOUT


def test_what_was_stored_is_read():
    assert stored_texts('["a", "b"]', "pages", "evidence", 1) == ("a", "b")
    assert stored_object('{"a": 1}', "runs", "options", 1) == {"a": 1}


@pytest.mark.parametrize("value", ['["a', "{}", '"a"', "[1]", "null", "", "[" * 100_000, None, 1, 1.5, b"[]", "\udc80"])
def test_what_is_no_array_of_strings_is_refused_by_its_place(value):
    with pytest.raises(DamagedValue, match="is damaged at pages/evidence row 12; run broadsheet verify"):
        stored_texts(value, "pages", "evidence", 12)


@pytest.mark.parametrize("value", ['{"a', "[]", "1", "", '{"a":' * 100_000, None, b"{}"])
def test_what_is_no_object_is_refused_by_its_place(value):
    with pytest.raises(DamagedValue) as caught:
        stored_object(value, "runs", "options", 3)
    assert caught.value.location == "runs/options row 3"


@pytest.mark.parametrize("error", [zlib.error("x"), ValueError("x"), KeyError("x"), TypeError("x"), IndexError("x")])
def test_whatever_decoding_meets_names_the_value(error):
    with pytest.raises(DamagedValue) as caught, decoding(PAGE_LAYOUT, "layout", "1/2"):
        raise error
    assert (caught.value.location, caught.value.__cause__) == (f"{PAGE_LAYOUT}/layout row 1/2", error)


def test_other_errors_pass():
    with pytest.raises(OSError, match="full"), decoding(PAGE_LAYOUT, "layout", 1):
        raise OSError("full")


def test_the_place_crosses_a_process():
    copy = pickle.loads(pickle.dumps(DamagedValue("pages/evidence row 12")))
    assert (copy.location, str(copy)) == ("pages/evidence row 12", str(DamagedValue("pages/evidence row 12")))


@pytest.mark.parametrize("value", [b"", b"x", zlib.compress(b"words")[:-3], zlib.compress(bytes(200_000_000), 1)])
def test_a_packed_value_that_is_cut_off_or_unpacks_to_too_much_is_refused(value):
    with pytest.raises(ValueError, match=r"incorrect|incomplete|invalid|cut off|too much"):
        unpacked(value)
    assert unpacked(zlib.compress(b"words")) == b"words"


def test_numbers_and_digests_of_content_are_those_of_every_archive():
    assert (content_id("a", "b"), content_id("ab")) == (3155934281168790, 8850811434420615)
    assert content_id("a", "b", bits=63) == 3231676703916841193
    assert content_id("\ud800") == 5124618464725675
    assert content_id("") == 0xE3B0C44298FC1C14 >> 11  # the SHA-256 of nothing
    assert text_digest(" a\n b ") == text_digest("a b") == "c8687a08aa5d6ed2044328fa6a697ab8"
    assert text_digest("a bc") != text_digest("a b c")
    assert text_digest(" \n") == ""


def test_the_present_time_is_told_to_the_second_in_utc():
    before = datetime.now(UTC).replace(microsecond=0)
    told = utc_now()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", told)
    assert before <= datetime.fromisoformat(told) <= datetime.now(UTC)


def test_what_unpacks_to_too_much_is_refused(monkeypatch):
    packed = zlib.compress(b"words " * 9)
    for most, is_unpacked in ((54, True), (53, False)):
        monkeypatch.setattr("broadsheet.output.archive.stored_values._LONGEST_UNPACKED", most)
        with nullcontext() if is_unpacked else pytest.raises(ValueError, match="unpacks to too much"):
            unpacked(packed)
