"""authors: bylines split into people."""

import pytest

from broadsheet.cleaners.page.authors import clean_names, is_name, is_personal
from tests.cleaners.building import holds_up_to


@pytest.mark.parametrize(
    ("byline", "names"),
    [
        ("By Ann Lee, Bo Chen and Cy Roe", ("Ann Lee", "Bo Chen", "Cy Roe")),
        ("Von Anna Groß und Bernd Klein", ("Anna Groß", "Bernd Klein")),
        ("Par Anne Petit et Luc Blanc", ("Anne Petit", "Luc Blanc")),
        ("Por Ana Ruiz y Luis Vega", ("Ana Ruiz", "Luis Vega")),
        ("di Anna Rossi e Luca Bianchi", ("Anna Rossi", "Luca Bianchi")),
        ("Door Anna Smit en Jan Bakker", ("Anna Smit", "Jan Bakker")),
        ("Автор: Анна Иванова и Пётр Белов", ("Анна Иванова", "Пётр Белов")),
        ("Written by: Ann Lee", ("Ann Lee",)),
        ("Ann Lee, Senior Editor", ("Ann Lee",)),
        ("Ann Lee | Chief Reporter", ("Ann Lee",)),
        ("Ann Lee, Berlin Editor.", ("Ann Lee",)),
        ("Ann Lee, valley", ("Ann Lee",)),
        ("Cy Roe, Jr. ", ("Cy Roe",)),
        ("“Bo Chen”:", ("Bo Chen",)),
        ("Martin Luther King, Jr.", ("Martin Luther King",)),
        ("Ann Lee (Berlin)", ("Ann Lee",)),
        ("ann@paper.example Ann Lee", ("Ann Lee",)),
        ("By Ann Lee on May 3, 2024", ("Ann Lee",)),
        ("BeauHD on Friday", ("BeauHD",)),
        ("Ann Lee, Updated by Bo Chen", ("Ann Lee",)),
        ("Ann Lee; Valley Editorial Team", ("Ann Lee",)),
        ("Valley Editorial Team", ("Valley Editorial Team",)),
        ("Maria &amp; Katerina", ("Maria", "Katerina")),
        ("Ludwig van Beethoven", ("Ludwig van Beethoven",)),
        ("Anders And", ("Anders And",)),
        ("張偉", ("張偉",)),
        ("This is a guest post by Ann Lee, who bakes bread for a living.", ("Ann Lee",)),
        ("This is a guest post from Ann Lee and Bo van Chen.", ("Ann Lee", "Bo van Chen")),
        ("Dies ist ein Gastbeitrag von Anna Groß und Bernd Klein", ("Anna Groß", "Bernd Klein")),
        ("Cet article a été écrit par Anne Petit", ("Anne Petit",)),
        ("Este es un artículo invitado por Ana Ruiz", ("Ana Ruiz",)),
        ("We publish what our readers send us every week", ()),
        ("admin", ()),
        ("Redaktion", ()),
        ("https://paper.example/ann", ()),
        ("page.head.author", ()),
        ("user42", ()),
        ("#author", ()),
        ("{{ author.name }}", ()),
        ("%author%", ()),
        ("<author>", ()),
        ("", ()),
    ],
)
def test_bylines(byline: str, names: tuple[str, ...]) -> None:
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
