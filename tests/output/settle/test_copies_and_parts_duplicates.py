"""Which pages carry one text, just above and just below what decides it."""

from __future__ import annotations

import pytest

from broadsheet.output.settle.copies_and_parts import PageIdentity, find_representatives, word_overlap

ONE, TWO, THREE = (f"http://a.test/{name}" for name in ("one", "story-two", "three-longer"))


def page(page_id: int, url: str, canonical_url: str = "", **fields: object) -> PageIdentity:
    values = {"title": "Title", "text_digest": f"digest {page_id}", "word_count": 60} | fields
    return PageIdentity(page_id, url, str(values["title"]), canonical_url, str(values["text_digest"]),
                        int(str(values["word_count"])))  # fmt: skip


def copies(*pages: PageIdentity, texts: dict[int, str] | None = None) -> dict[int, int]:
    """The page that represents each one that is not its own."""
    return dict(find_representatives(list(pages), (texts or {}).__getitem__))


def words(common: int, name: str, own: int) -> str:
    return " ".join([*(f"common{number}" for number in range(common)), *(f"{name}{number}" for number in range(own))])


def test_overlap_is_of_the_longer_text_and_counts_repeats() -> None:
    assert word_overlap(words(9, "a", 1), words(9, "b", 1)) == 0.9
    assert word_overlap(words(9, "a", 0), words(9, "b", 9)) == 0.5
    assert word_overlap("on and on and on", "on and off") == 0.4
    assert word_overlap("", "") == 0.0


@pytest.mark.parametrize(("word_count", "title", "is_copy"),
                         [(40, "Other", True), (39, "Other", False), (39, "Title", True)])  # fmt: skip
def test_a_text_alone_is_an_identity_from_forty_words_on(word_count: int, title: str, is_copy: bool) -> None:
    first = page(1, ONE, text_digest="same", word_count=word_count)
    second = page(2, TWO, text_digest="same", word_count=word_count, title=title)
    assert copies(first, second) == ({2: 1} if is_copy else {})


@pytest.mark.parametrize(("word_count", "title", "canonical_url", "is_copy"), [
    (100, "Other", TWO, True), (99, "Other", TWO, False), (99, "Title", TWO, True), (99, "Other", "", True),
])  # fmt: skip
def test_pages_that_call_themselves_canonical_under_two_titles_need_a_hundred_words(
    word_count: int, title: str, canonical_url: str, is_copy: bool
) -> None:
    first = page(1, ONE, ONE, text_digest="same", word_count=word_count)
    second = page(2, TWO, canonical_url, text_digest="same", word_count=word_count, title=title)
    assert copies(first, second) == ({2: 1} if is_copy else {})


@pytest.mark.parametrize(("own", "is_copy"), [(1, True), (2, False)])
def test_a_canonical_url_in_common_and_nine_words_in_ten_are_an_identity(own: int, is_copy: bool) -> None:
    texts = {1: words(10 - own, "a", own), 2: words(10 - own, "b", own)}
    result = copies(page(1, ONE, ONE), page(2, TWO, ONE), texts=texts)
    assert result == ({2: 1} if is_copy else {})


def test_texts_without_a_word_are_copies_if_they_are_the_same_and_name_one_url() -> None:
    pages = [page(n, url, ONE, text_digest="same", title=url, word_count=1) for n, url in ((1, ONE), (2, TWO))]
    assert copies(*pages, texts={1: "…", 2: "…"}) == {2: 1}
