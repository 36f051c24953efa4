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
    ("url", "signs"),
    [
        ("forum.a.example/x", {"host_forum": 1, "path_depth": 1, "slug_words": 1}),
        ("forum.ask.example/x", {"host_forum": 1, "path_depth": 1, "slug_words": 1}),
        ("a.forum/x", {"path_depth": 1, "slug_words": 1}),
        ("a.example/products/item/sku/x", {"path_product": 2, "path_service": 1, "path_depth": 4, "slug_words": 1}),
        ("a.example/our-products/kettle", {"path_product": 1, "path_service": 1, "path_depth": 2, "slug_words": 1}),
        ("a.example/x/our-products", {"path_depth": 2, "slug_words": 2}),
        ("a.example/a/b//c/", {"path_list": 1, "path_depth": 3, "slug_words": 1}),
        ("a.example/", {}),
        ("a.example/x/the-old_mill.7", {"path_depth": 2, "slug_words": 3, "slug_digits": 1}),
        ("a.example/2024/mill", {"path_depth": 2, "slug_words": 1}),
        ("[broken/products", {}),
    ],
)
def test_an_address_has_signs(url: str, signs: dict[str, float]) -> None:
    assert {name: value for name, value in page_signs._url_signs(f"https://{url}").items() if value} == signs


LINES = {
    "asks_product": ["Add to cart", " → Add to cart (3)", "Add to cart" + "!" * 29],
    "prices": ["$49.00", "49 EUR", "$49.00 " + "x" * 73],
    "dates": ["3 May 2024", "May 3, 2024", "2024-05-03", "3 days ago"],
    "": ["Add to cart now", "Add to cart" + "!" * 30, "EUR", "49 pieces", "$49.00 " + "x" * 74, "May 2024"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in LINES.items() for text in texts])
def test_short_lines_are_labels_prices_or_dates(name: str, text: str) -> None:
    signs = page_signs._line_signs([block(0, text)])
    assert {sign for sign in ("asks_product", "prices", "dates") if signs[sign] == log1p(1)} == set(
        filter(None, [name])
    )
    assert sum(signs[sign] for sign in ("asks_product", "prices", "dates")) == (log1p(1) if name else 0)


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
