"""Bylines split into people."""

import pytest

from broadsheet.cleaners.page.authors import clean_names, is_name, is_personal
from tests.cleaners.building import holds_up_to

ANN = "Ann Lee"
BYLINES: dict[tuple[str, ...], list[str]] = {
    (ANN,): [
        *("Written by: Ann Lee", "Ann Lee, Senior Editor", "Ann Lee | Chief Reporter", "Ann Lee, Berlin Editor."),
        *("Ann Lee, valley", "Ann Lee (Berlin)", "ann@paper.example Ann Lee", "By Ann Lee on May 3, 2024"),
        *("Ann Lee, Updated by Bo Chen", "Ann Lee; Valley Editorial Team"),
        "This is a guest post by Ann Lee, who bakes bread for a living.",
    ],
    (ANN, "Bo Chen", "Cy Roe"): ["By Ann Lee, Bo Chen and Cy Roe"],
    ("Anna Groß", "Bernd Klein"): [
        "Von Anna Groß und Bernd Klein",
        "Dies ist ein Gastbeitrag von Anna Groß und Bernd Klein",
    ],
    ("Anne Petit", "Luc Blanc"): ["Par Anne Petit et Luc Blanc"],
    ("Anne Petit",): ["Cet article a été écrit par Anne Petit"],
    ("Ana Ruiz", "Luis Vega"): ["Por Ana Ruiz y Luis Vega"],
    ("Ana Ruiz",): ["Este es un artículo invitado por Ana Ruiz"],
    ("Anna Rossi", "Luca Bianchi"): ["di Anna Rossi e Luca Bianchi"],
    ("Anna Smit", "Jan Bakker"): ["Door Anna Smit en Jan Bakker"],
    ("Анна Иванова", "Пётр Белов"): ["Автор: Анна Иванова и Пётр Белов"],
    ("Cy Roe",): ["Cy Roe, Jr. "],
    ("Bo Chen",): ["“Bo Chen”:"],
    ("Martin Luther King",): ["Martin Luther King, Jr."],
    ("BeauHD",): ["BeauHD on Friday"],
    ("Maria", "Katerina"): ["Maria &amp; Katerina"],
    (ANN, "Bo van Chen"): ["This is a guest post from Ann Lee and Bo van Chen."],
    **{(name,): [name] for name in ("Valley Editorial Team", "Ludwig van Beethoven", "Anders And", "張偉")},
    (): [
        *("We publish what our readers send us every week", "admin", "Redaktion", "https://paper.example/ann", ""),
        *("page.head.author", "user42", "#author", "{{ author.name }}", "%author%", "<author>"),
    ],
}


@pytest.mark.parametrize(
    ("names", "byline"), [(names, byline) for names, all_of in BYLINES.items() for byline in all_of]
)
def test_bylines(names: tuple[str, ...], byline: str) -> None:
    assert clean_names([byline]) == names


def test_one_person_spelled_twice_is_one() -> None:
    assert clean_names(["Ann Lee", "ANN LEE", "ann-lee"]) == ("Ann Lee",)


def test_the_site_is_no_author_but_a_person_with_a_site_is() -> None:
    assert clean_names(["The Paper", "Ann Lee"], ["The Paper"]) == ("Ann Lee",)
    assert clean_names(["Ann Lee"], ["Ann Lee", "annlee"]) == ("Ann Lee",)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Ana", False), ("Ana Sol", True), ("Ana Lu Mai Sol", True), ("Ana Lu Mai Sol Rey", False), ("ana Sol", False),
        ("Ana SOL", False), ("Example News", False), ("admin", False),
    ],
)  # fmt: skip
def test_words_of_a_person_s_name(name: str, is_one: bool) -> None:
    assert is_personal(name) is is_one


def test_thresholds() -> None:
    assert holds_up_to(1, lambda n: not is_name("Sol"[:n])), "least characters of a name"
    assert holds_up_to(60, lambda n: is_name("Ana Sol".ljust(n, "x"))), "characters of a name"
    assert holds_up_to(7, lambda n: is_name(" ".join(["Sol"] * n))), "words of a name"
    assert holds_up_to(30, lambda n: len(clean_names([f"Ana {chr(192 + k)}berg" for k in range(n)])) == n), (
        "authors of an article"
    )
