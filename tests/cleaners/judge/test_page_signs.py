"""Signs of a page's kind, each counted on a page that has it and on one that just has it not."""

from __future__ import annotations

from math import log1p
from typing import Any

import pytest

from broadsheet.cleaners.document import Block, BlockKind, Verdict
from broadsheet.cleaners.judge import page_signs
from tests.bench.verdicts import read_features
from tests.cleaners.building import PROSE, block, linked

KEPT, GONE = Verdict(True, "", ""), Verdict(False, "", "")


def signs_of(body: str, url: str = "https://a.example/x") -> page_signs.Signs:
    found = read_features(url, f"<html>{body}</html>".encode())
    assert found is not None
    return found.signs


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ('<div itemscope itemtype="https://schema.org/Product">x', "type_product", 1),
        ('<div itemscope itemtype="Product">x', "type_product", 1),
        ('<div itemscope>x', "type_product", 0),
        ('<script type="application/ld+json">{"@type": ["Product", "Offer"]}</script>x', "type_product", 2),
        ('<script type="application/ld+json">[{"@type": "Offer"}, {"@type": "Offer"}, {"@type": "Offer"}, '
         '{"@type": "Offer"}]</script>x', "type_product", 3),
        ('<body class="Discourse">x', "system_forum", 1),
        ('<div class="discourse">x', "system_forum", 0),
        ('<meta name="generator" content="Sphinx 7.2">x', "system_document", 1),
        ('<meta property="og:type" content="Article">x', "og_article", 1),
        ('<meta property="og:type" content="website">x', "og_article", 0),
        ('<meta property="og:type" content="og:product">x', "og_product", 1),
        ('<meta property="product:price:amount" content="3">x', "og_product", 1),
        ('<meta property="og:type" content="article">x', "og_product", 0),
        ('<title>One two three</title>x', "title_words", 3),
        ('<meta property="article:published_time" content="2024-05-03">x', "published", 1),
        ("x", "published", 0),
        ("<article>x</article><button>y</button><button>z</button>", "n_button", log1p(2)),
        ("<form></form><img><input><input><script></script>x", "n_input", log1p(2)),
    ],
)  # fmt: skip
def test_statements_and_elements_are_counted(body: str, name: str, value: float) -> None:
    assert signs_of(body)[name] == pytest.approx(value)


@pytest.mark.parametrize(
    ("url", "name", "value"),
    [
        ("https://forum.a.example/x", "host_forum", 1),
        ("https://forum.ask.example/x", "host_forum", 1),
        ("https://a.forum/x", "host_forum", 0),
        ("https://a.example/products/kettle", "path_product", 1),
        ("https://a.example/products/item/sku/x", "path_product", 2),
        ("https://a.example/our-products/kettle", "path_product", 1),
        ("https://a.example/x/our-products", "path_product", 0),
        ("https://a.example/x/products", "path_product", 1),
        ("https://a.example/a/b//c/", "path_depth", 3),
        ("https://a.example/", "path_depth", 0),
        ("https://a.example/x/the-old_mill.7", "slug_words", 3),
        ("https://a.example/x/the-old_mill.7", "slug_digits", 1),
        ("https://a.example/2024/mill", "slug_digits", 0),
        ("https://[broken/products", "path_product", 0),
    ],
)
def test_an_address_has_signs(url: str, name: str, value: float) -> None:
    assert page_signs._url_signs(url)[name] == value


BLOCKS = [
    block(0, "Heading", kind=BlockKind.HEADING), block(1, PROSE), block(2, "x = 1", kind=BlockKind.CODE),
    linked(3, "Linked head", kind=BlockKind.HEADING), block(4, "nav", landmarks=frozenset({"nav"}), link_chars=3),
]  # fmt: skip


def test_sizes_are_shares_of_the_page_and_of_what_is_kept() -> None:
    kept = [BLOCKS[0], BLOCKS[1], BLOCKS[3]]
    chars, kept_chars = sum(len(each.text) for each in BLOCKS), sum(len(each.text) for each in kept)
    words = len(PROSE.split())
    assert page_signs._size_signs(BLOCKS, kept) == pytest.approx(
        {
            "kept_share": kept_chars / chars, "kept_span": 3 / 4, "kept_links": 11 / kept_chars,
            "page_links": 14 / chars, "prose_words": log1p(words), "prose_share": words / (words + 3),
            "prose_blocks": log1p(1), "headings": log1p(2), "heading_chars": 18 / kept_chars,
            "linked_headings": log1p(1), "code_blocks": log1p(1), "code_chars": 0, "in_nav": 1 / 5,
        }
    )  # fmt: skip
    nothing = page_signs._size_signs([], [])
    assert set(nothing.values()) == {0}
    code = page_signs._size_signs(BLOCKS, [BLOCKS[2], BLOCKS[4]])
    assert (code["code_chars"], code["kept_span"], code["kept_links"]) == (5 / 8, 2 / 3, 3 / 8)


@pytest.mark.parametrize(("link_chars", "count"), [(80, 0), (81, 1)])
def test_a_linked_heading_is_linked_by_more_than_four_fifths(link_chars: int, count: int) -> None:
    heading = block(0, "x" * 100, kind=BlockKind.HEADING, link_chars=link_chars)
    assert page_signs._size_signs([heading], [])["linked_headings"] == log1p(count)


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("Add to cart", "asks_product", 1),
        (" → Add to cart (3)", "asks_product", 1),
        ("Add to cart now", "asks_product", 0),
        ("$49.00", "prices", 1),
        ("49 EUR", "prices", 1),
        ("EUR", "prices", 0),
        ("49 pieces", "prices", 0),
        ("$49.00 " + "x" * 73, "prices", 1),
        ("$49.00 " + "x" * 74, "prices", 0),
        ("3 May 2024", "dates", 1),
        ("May 3, 2024", "dates", 1),
        ("2024-05-03", "dates", 1),
        ("3 days ago", "dates", 1),
        ("May 2024", "dates", 0),
    ],
)
def test_short_lines_are_labels_prices_or_dates(text: str, name: str, count: int) -> None:
    assert page_signs._line_signs([block(0, text)])[name] == log1p(count)


@pytest.mark.parametrize(("padding", "count"), [(29, 1), (30, 0)])
def test_a_label_has_forty_characters_at_most(padding: int, count: int) -> None:
    assert page_signs._line_signs([block(0, "Add to cart" + "!" * padding)])["asks_product"] == log1p(count)


def test_prices_are_a_share_of_all_blocks() -> None:
    assert (
        page_signs._line_signs([block(0, "$1"), block(1, "x"), block(2, "y" * 90), block(3, "z")])["price_share"]
        == 0.25
    )
    assert page_signs._line_signs([])["price_share"] == 0


@pytest.mark.parametrize(
    ("path", "share"),
    [
        ("body>div.product>p", 0.75),
        ("body>div#product>p", 0.75),
        ("body>div.my-product>p", 0.75),
        ("body>div.my_product>p", 0.75),
        ("body>div.add-to-cart>p", 0.75),
        ("body>div.products>p", 0),
        ("body>product>p", 0),
    ],
)
def test_text_within_a_name_is_a_share_of_the_text(path: str, share: float) -> None:
    blocks = [block(0, "xxx", path=path), block(1, "x")]
    signs = page_signs._path_signs(blocks, blocks[1:])
    assert (signs["class_product"], signs["kept_class_product"]) == (share, 0)


def paths(*values: str, **fields: Any) -> list[Block]:
    return [block(n, path=path, **fields) for n, path in enumerate(values)]


def test_blocks_that_share_a_path_are_counted() -> None:
    prose = page_signs._path_signs(paths("a>p", "a>p", "b>p"), [])
    assert (prose["same_path_prose"], prose["same_path_links"]) == (pytest.approx(2 / 3), 0)
    links = paths("a>li", "a>li", "b>li", link_chars=len(PROSE))
    assert page_signs._path_signs(links, [])["same_path_links"] == log1p(2)
    in_nav = paths("a>li", "a>li", link_chars=len(PROSE), landmarks=frozenset({"nav"}))
    assert page_signs._path_signs(in_nav, [])["same_path_links"] == 0


def test_wording_is_counted_a_word() -> None:
    assert page_signs._wording_signs([block(0, 'We said “3 or 4”'), block(1, "Unsere")]) == {
        "we": 2 / 6, "quotes": 1 / 6, "digits": 2 / 6,
    }  # fmt: skip
    assert page_signs._wording_signs([]) == {"we": 0, "quotes": 0, "digits": 0}
    assert page_signs._wording_signs([block(0, "x" * 7999 + "12")])["digits"] == 1
