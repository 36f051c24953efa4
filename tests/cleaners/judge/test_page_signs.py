"""Signs of a page's kind, each counted on a page that has it and on one that just has it not."""

from __future__ import annotations

from math import log1p

import pytest

from broadsheet.cleaners.document import Verdict
from broadsheet.cleaners.judge import page_signs
from tests.bench.verdicts import read_features
from tests.cleaners.building import block

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


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("Add to cart", "asks_product", 1),
        (" → Add to cart (3)", "asks_product", 1),
        ("Add to cart" + "!" * 29, "asks_product", 1),
        ("Add to cart" + "!" * 30, "asks_product", 0),
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
