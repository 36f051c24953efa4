"""The pictures of an article, and what of a page's other pictures is none of its."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import ArticleImage, Page
from tests.cleaners.building import STORY, holds_up_to

URL = "https://a.example/2024/05/the-mill"
TEXT = [text.replace("Paragraph", f"Paragraph {name}") for name in "abc" for text in STORY]


def images(inside: str, outside: str = "", url: str = URL) -> tuple[ArticleImage, ...]:
    """The pictures of a page with this markup amid its story, and this one below its article."""
    paragraphs = [f"<p>{text}</p>" for text in TEXT]
    story = "".join([*paragraphs[:5], inside, *paragraphs[5:]])
    html = f"<html lang=en><body><article><h1>The mill</h1>{story}</article>{outside}</body></html>"
    return clean(Page(url, html.encode())).images


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("The mill<br>Foto: Ana Sol", ("The mill", "Foto: Ana Sol")),
        ("© Ana Sol", ("", "© Ana Sol")),
        ("Photo by Ana Sol", ("", "Photo by Ana Sol")),
        ('<span class="featured-image-caption">The mill</span>', ("The mill", "")),
        ('<p class="text">The mill</p><p class="photographer">Ana Sol</p>', ("The mill", "Ana Sol")),
        ("The source of the river: a spring", ("The source of the river: a spring", "")),
        ("Photo albums were found in the mill", ("Photo albums were found in the mill", "")),
        ("The mill<br>as it was", ("The mill as it was", "")),
        ("", ("", "")),
    ],
)
def test_a_credit_is_told_from_the_caption(caption, expected):
    (image,) = images(f'<figure><img src="/m.jpg"><figcaption>{caption}</figcaption></figure>')
    assert (image.caption, image.credit) == expected


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ('src="data:image/gif;base64,R0" data-src="/late.jpg"', "late.jpg"),
        ('src="/placeholder.gif" data-original="/late.jpg"', "late.jpg"),
        ('srcset="/s.jpg 300w, /l.jpg 1200w, /m.jpg 600w"', "l.jpg"),
        ('src="m.jpg"', "2024/05/m.jpg"),
    ],
)
def test_the_address_is_that_of_the_picture_that_a_reader_sees(attributes, name):
    assert [image.url for image in images(f"<img {attributes}>")] == [f"https://a.example/{name}"]


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="/p.gif" width="1" height="1">',
        '<img src="/icon.png" width="32px">',
        '<img src="/icon.png" width="600" height="60px">',
        '<img src="https://a\u00a0b.example/m.jpg">',
        '<img src="https://a b.example/m.jpg">',
        '<img src="">',
        '<img src="data:image/png;base64,AA">',
        '<img src="javascript:alert(1)">',
        '<img src="http://[::1/x.png">',
        '<aside><img src="/a.jpg"></aside>',
        '<div class="related-posts"><img src="/a.jpg"></div>',
        '<a href="/other"><img src="/a.jpg"><b>The other story</b></a>',
        '<noscript>&lt;img src="/a.jpg"></noscript>',
    ],
)
def test_what_is_no_picture_of_the_article_is_left_out(markup):
    assert [image.url for image in images(markup + '<img src="/own.jpg">')] == ["https://a.example/own.jpg"]


def test_pictures_outside_of_the_article_are_not_its_own_and_one_address_counts_once():
    assert images('<img src="/m.jpg"><img src="/m.jpg">', '<div><img src="/logo.png"></div>') == (
        ArticleImage("https://a.example/m.jpg", place=6),
    )


@pytest.mark.parametrize(
    ("markup", "before", "place"),
    [
        ('<img src="/a.jpg">', "", 6),
        ('<figure><img src="/a.jpg"><figcaption>The mill</figcaption></figure>', "", 6),
        ('<p>Here <img src="/a.jpg"> is the mill.</p>', "", 6),
        ('<p>One line.</p><picture><img src="/a.jpg"></picture>', "<nav>Home</nav><p>Menu</p>", 9),
    ],
)
def test_a_picture_stands_after_the_blocks_that_precede_it(markup, before, place):
    html = [f"<p>{text}</p>" for text in TEXT]
    page = f"<html lang=en><body>{before}<article><h1>The mill</h1>{''.join([*html[:5], markup, *html[5:]])}</article>"
    assert [image.place for image in clean(Page(URL, page.encode())).images] == [place]


def test_a_headline_that_is_split_in_two_moves_the_places_behind_it():
    title, deck = "The mill", "It burned down on Monday night, and nobody of the council knows why it did so."
    head = f"<title>{title}</title><h1>{title}<br>{deck}</h1>"
    body = "".join(f"<p>{text}</p>" for text in TEXT)
    cleaned = clean(Page(URL, f"<html lang=en>{head}<article>{body}<img src='/a.jpg'></article>".encode()))
    assert [block.text for block in cleaned.blocks[:2]] == [title, deck]
    assert cleaned.images[0].place == len(cleaned.blocks)


def test_texts_and_addresses_of_any_length_and_number_are_bounded():
    long = "x " * 2_000
    figure = f'<figure><img src="/a.jpg" alt="{long}"><figcaption>{long}</figcaption></figure>'
    own = (ArticleImage("https://a.example/a.jpg", place=6),)
    assert images(figure + f'<img src="/{"y" * 5_000}.jpg">') == own
    assert len(images("".join(f'<img src="/{n}.jpg">' for n in range(600)))) == 500


def _has(markup: str) -> bool:
    return bool(images(markup))


def test_thresholds():
    assert holds_up_to(60, lambda n: not _has(f'<img src="/m.jpg" width="{n}">')), "width of an icon"
    assert holds_up_to(2, lambda n: _has(f'<a href="/b"><img src="/m.jpg">{"word " * n}</a>')), "words beside a picture"
    assert holds_up_to(4_000, lambda n: _has(f'<img src="{"https://a.test/".ljust(n, "x")}">')), "characters of a URL"
    assert holds_up_to(1_500, lambda n: images(f'<img src="/m.jpg" alt="{"x" * n}">')[0].alt), "characters of a text"
    caption = '<figure><img src="/m.jpg"><figcaption>Photo {}: Ana Sol</figcaption></figure>'
    assert holds_up_to(33, lambda n: images(caption.format("x" * n))[0].credit), "characters before a credit's colon"
