"""What headers and metas ask of robots."""

from __future__ import annotations

import pytest
from lxml import html

from broadsheet.cleaners.page.robots_directives import directives_for, header_directives, meta_directives
from tests.cleaners.building import holds_up_to


def tag(*values: str) -> tuple[str, ...]:
    return header_directives([("x-robots-tag", value) for value in values])


def metas(*attributes_of_metas: str) -> tuple[str, ...]:
    head = "".join(f"<meta {attributes}>" for attributes in attributes_of_metas)
    return meta_directives(html.fromstring(f"<html><head>{head}</head><body><p>x</p></body></html>"))


@pytest.mark.parametrize(
    ("values", "directives"),
    [
        (["NoIndex, NOFOLLOW"], ("nofollow", "noindex")),
        (["noindex", "noai, noimageai"], ("noai", "noimageai", "noindex")),
        (["none"], ("none",)),
        (["googlebot: noindex, nofollow"], ("googlebot: nofollow", "googlebot: noindex")),
        (["googlebot: nofollow, otherbot: noindex, noarchive"],
         ("googlebot: nofollow", "otherbot: noarchive", "otherbot: noindex")),
        (["Broadsheet : noindex"], ("broadsheet: noindex",)),
        (["max-snippet:20, max-image-preview: large"], ("max-image-preview: large", "max-snippet: 20")),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noarchive"],
         ("noarchive", "unavailable_after: 25 jun 2030 15:00:00 pst")),
        (["unavailable_after: Tuesday, 25-Jun-30 15:00:00 UTC, nosnippet"],
         ("nosnippet", "unavailable_after: tuesday, 25-jun-30 15:00:00 utc")),
        (["otherbot: unavailable_after: Tue, 25 Jun 2030 15:00:00 GMT"],
         ("otherbot: unavailable_after: tue, 25 jun 2030 15:00:00 gmt",)),
        (["noindex nofollow", "noarchive; nosnippet"], ("noarchive", "nofollow", "noindex", "nosnippet")),
        (["some-new-word"], ("some-new-word",)),
        (["", " , ,"], ()),
    ],
)  # fmt: skip
def test_headers(values, directives):
    assert tag(*values) == directives


def test_rights_reserved_by_header_and_by_meta():
    headers = [("tdm-reservation", " 1 "), ("tdm-policy", "https://a.example/Policy.json"), ("x-other", "1")]
    directives = ("tdm-policy: https://a.example/Policy.json", "tdm-reservation: 1")
    assert header_directives(headers) == directives
    assert metas('name="TDM-Reservation" content="1"', f'name="tdm-policy" content="{headers[1][1]}"') == directives


def test_metas_for_everybody_and_for_one_robot():
    assert metas('name="Robots" content="NoIndex,follow"', 'name="broadsheet" content="nofollow"') == (
        "broadsheet: nofollow", "follow", "noindex",
    )  # fmt: skip
    assert metas('name="GPTBot" content="noindex, follow"') == ("gptbot: follow", "gptbot: noindex")
    assert metas('name="GPTBot" content="index, follow"') == (), "one that restricts nothing may be about anything"
    assert metas('name="otherbot" content="max-snippet: 20"')
    assert metas('name="GPTBot" content="noindex, noai"') == ("gptbot: noai", "gptbot: noindex")


OTHER_METAS = (
    'name="otherbot" content="index"|name="otherbot" content="noindex, x"|name="audience" content="all"|'
    'name="description" content="index, follow"|name="keywords" content="noindex, harbours"|'
    'name="author" content="No One"|property="robots" content="noindex"|name="robots"|content="noindex"'
)


@pytest.mark.parametrize("meta", OTHER_METAS.split("|"))
def test_other_metas_say_nothing(meta):
    assert metas(meta) == ()


def test_what_binds_a_robot_is_meant_for_it_or_for_everybody():
    directives = ("broadsheet: noai", "googlebot: noindex", "nofollow")
    assert directives_for(directives, "broadsheet") == {"noai", "nofollow", "googlebot: noindex"}
    assert "noindex" in directives_for(directives, "googlebot")


def test_a_flood_is_bounded():
    def all_kept(count: int) -> bool:
        names = [f"n{number:02}" for number in range(count)]
        assert tag(", ".join(names)) == tag(*names) == metas(*(f"name=robots content={n}" for n in names))
        return tag(*names) == tuple(names)

    assert holds_up_to(64, all_kept)
    assert holds_up_to(300, lambda n: tag("x" * n) == ("x" * n,))
    assert holds_up_to(300, lambda n: header_directives([("tdm-policy", "x" * n)]) == ("tdm-policy: " + "x" * n,))
    assert holds_up_to(300, lambda n: metas(f"name=otherbot content='{'noindex'.ljust(n)}'"))
