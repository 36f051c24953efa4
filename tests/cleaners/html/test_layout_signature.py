"""layout_signature: pages made alike have it in common, whatever they say."""

from broadsheet.cleaners.compare.layout_groups import signature_similarity
from broadsheet.cleaners.html.decode import parse
from broadsheet.cleaners.html.layout_signature import MAX_HASHES, layout_signature, pack_signature, unpack_signature
from broadsheet.cleaners.html.tag_index import index_tags

PAGE = """<html><body class="single post-{number}"><header id="top"><nav class="menu main">
    <a class="item" href="/">Home</a></nav></header>
    <article id="post-{number}" class="entry"><h1 class="title">{words}</h1><p>{words}</p>
    <div class="meta"><time>May</time></div></article><footer class="foot"><p class="small">2024</p></footer></body>"""


def signature_of(html: str) -> frozenset[int]:
    tree = parse(html)
    assert tree is not None
    return unpack_signature(layout_signature(index_tags(tree)))


def test_words_and_numbers_make_no_difference() -> None:
    first = signature_of(PAGE.format(number=12, words="The mill burned down"))
    assert first == signature_of(PAGE.format(number=7, words="Rain"))
    assert len(first) == 12


def test_another_markup_makes_a_difference() -> None:
    first = signature_of(PAGE.format(number=1, words="a"))
    other = signature_of(PAGE.format(number=1, words="a").replace("entry", "teaser").replace("meta", "more"))
    assert signature_similarity(first, other) == 10 / 14


def test_a_page_with_hardly_a_name_has_no_signature() -> None:
    assert signature_of("<p class=a>x</p><script class='a b c d e f g h'></script>") == frozenset()


def test_a_large_page_is_sketched() -> None:
    names = [f"n{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(600)]

    def page(chosen: list[str]) -> frozenset[int]:
        return signature_of("".join(f"<div class='{name}'>x</div>" for name in chosen))

    first, other = page(names[:550]), page(names[50:])
    assert len(first) == len(other) == MAX_HASHES
    assert abs(signature_similarity(first, other) - 500 / 600) < 0.08


def test_a_signature_is_packed_and_unpacked() -> None:
    assert pack_signature([1, 258]) == b"\x01\0\0\0\x02\x01\0\0"
    assert unpack_signature(b"\x01\0\0\0\x02\x01\0\0\x07") == {1, 258}
