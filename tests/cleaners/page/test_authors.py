"""authors: bylines split into people."""

import pytest

from broadsheet.cleaners.page.authors import clean_names, is_name, is_personal


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


def test_forms_of_a_person() -> None:
    assert is_personal("Ann Lee")
    assert not is_personal("Example News")
    assert not is_personal("admin")


@pytest.mark.parametrize("text", ["#author", "{{ author.name }}", "%author%", "<author>"])
def test_what_a_template_left_is_no_name(text: str) -> None:
    assert clean_names([text]) == ()


@pytest.mark.parametrize(("length", "is_one"), [(1, False), (2, True), (60, True), (61, False)])
def test_characters_of_a_name(length: int, is_one: bool) -> None:
    assert is_name("Ana Sol".ljust(60, "x")[: length - 1] + "x" * max(1, length - 59)) is is_one


@pytest.mark.parametrize(("words", "is_one"), [(1, True), (7, True), (8, False)])
def test_words_of_a_name(words: int, is_one: bool) -> None:
    assert is_name(" ".join(["Sol"] * words)) is is_one


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Ana", False), ("Ana Sol", True), ("Ana Lu Mai Sol", True), ("Ana Lu Mai Sol Rey", False), ("ana Sol", False),
        ("Ana SOL", False),
    ],
)  # fmt: skip
def test_words_of_a_person_s_name(name: str, is_one: bool) -> None:
    assert is_personal(name) is is_one


@pytest.mark.parametrize(("count", "kept"), [(29, 29), (30, 30), (31, 30)])
def test_authors_of_an_article(count: int, kept: int) -> None:
    names = [f"Ana {chr(65 + number // 26)}{chr(97 + number % 26)}berg" for number in range(count)]
    assert clean_names(names) == tuple(names[:kept])
