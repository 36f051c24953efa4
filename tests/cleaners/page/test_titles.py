"""titles: the article's, without the site's name."""

import pytest

from broadsheet.cleaners.page.titles import TitleCandidate, choose_title, title_parts


def choose(*pairs: tuple[str, str, float], sites: tuple[str, ...] = ("The Paper",)) -> tuple[str, str]:
    return choose_title([TitleCandidate(*pair) for pair in pairs], sites)


def test_a_beginning_that_the_heading_has_stays() -> None:
    statements = [("Rust: a new release", "markup", 1.5), ("Rust: a new release", "meta", 1.0)]
    assert choose(*statements, sites=("rust",)) == ("Rust: a new release", "markup")
    page_title = ("Rust | Rust: a new release - Rust", "meta", 0.6)
    assert choose(*statements, page_title, sites=("rust",))[0] == "Rust: a new release"
    assert choose(("A new release", "markup", 1.5), ("Rust: A new release", "meta", 1.0), sites=("rust",))[0] == (
        "A new release"
    )


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("Rain comes", {}),
        ("Rain | News - The Paper", {"beginning": "Rain | ", "end": " - The Paper"}),
        ("The Paper: rain: again", {"beginning": "The Paper: ", "end": ": again"}),
        ("Rain :: again", {"beginning": "Rain :: ", "end": " :: again"}),
        ("Rain|again", {"beginning": "Rain|", "end": "|again"}),
    ],
)
def test_the_parts_of_a_title(title: str, parts: dict[str, str]) -> None:
    assert title_parts(title) == parts


@pytest.mark.parametrize(
    ("pairs", "chosen"),
    [
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.0)], ("Rain", "meta")),
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.1)], ("Snow", "json-ld")),
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.5), ("Rain today", "x", 0.8)], ("Snow", "json-ld")),
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.5), ("Rain today", "x", 0.9)], ("Rain", "meta")),
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.5), ("More Rain", "x", 0.9)], ("Rain", "meta")),
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.5), ("Rainy day", "x", 0.9)], ("Snow", "json-ld")),
        ([("Best rain ever 2024", "meta", 1.0), ("Rain comes", "json-ld", 1.3), ("Rain comes", "markup", 1.5)],
         ("Rain comes", "markup")),
        ([("Webcams", "markup", 1.5), ("Rain comes", "meta", 1.0), ("Rain comes | The Paper", "meta", 0.6)],
         ("Rain comes", "meta")),
        ([('Say "A" or B?', "x", 1.0), ("Say", "meta", 1.0), ('Say "A" or B?', "markup", 0.5)], ('Say "A" or B?', "x")),
        ([("Rain – Home - The Paper", "meta", 1.0)], ("Rain – Home", "meta")),
        ([("Rain - and wind", "markup", 1.5)], ("Rain - and wind", "markup")),
        ([("«Rain» | The Paper", "meta", 1.0)], ("«Rain»", "meta")),
        ([("x" * 400, "meta", 1.0)], ("x" * 400, "meta")),
        ([("x" * 401, "meta", 1.0)], ("", "")),
        ([], ("", "")),
        ([("The Paper", "meta", 1.0)], ("", "")),
        ([("thepaper | Rain", "meta", 1.0)], ("Rain", "meta")),
        ([("The Paper | Rain | The Paper", "meta", 1.0)], ("Rain", "meta")),
        ([("The Paper | Rain", "markup", 1.0)], ("The Paper | Rain", "markup")),
    ],
)  # fmt: skip
def test_the_title_that_the_weights_choose(pairs: list[tuple[str, str, float]], chosen: tuple[str, str]) -> None:
    assert choose(*pairs) == chosen
