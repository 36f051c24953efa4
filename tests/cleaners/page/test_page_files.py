"""Files that a page shows: which are found, and that only the places of stored ones change."""

import pytest

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.page.page_files import list_files, page_with_files, sheet_with_files

PAGE = "https://a.test/news/1"
SHEET, PICTURE = UrlSource.STYLE, UrlSource.IMAGE


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<LINK REL="Stylesheet" HREF=a.css>', [(SHEET, "https://a.test/news/a.css")]),
        ("<link rel='alternate stylesheet' href='a.css'><link rel=icon href=/i.png><link rel=preload href=x>", []),
        ('<base href="//cdn.test/x/"><link rel="preload" as="style" href="a.css?a&amp;b">',
         [(SHEET, "https://cdn.test/x/a.css?a&b")]),
        ("<style>@import 'b.css'; i { background: url( \"c.svg#d\" ) }</style>",
         [(SHEET, "https://a.test/news/b.css"), (PICTURE, "https://a.test/news/c.svg")]),
        ('<img src="data:,x" data-src="/p.png"><img src="/p.png"><IMG alt="a > b" src=/q.png>',
         [(PICTURE, "https://a.test/p.png"), (PICTURE, "https://a.test/q.png")]),
        ('<script>"<img src=/no.png>"</script><!-- <img src="/no.png"> --><img src="ftp://a.test/p.png"><img>', []),
        ("<style>i { fill: url(#a); src: url(data:,x) } @font-face { src: url(f.woff2) }</style>", []),
    ],
)  # fmt: skip
def test_the_files_of_a_page_are_found_wherever_it_names_them(text, found):
    assert list(list_files(text, PAGE)) == found


def stored(_: UrlSource, url: str) -> str:
    return "/f/1" if url.endswith(("a.css", "p.png")) else ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('<link rel="stylesheet" media="print" href="a.css">', '<style media="print">@import url("/f/1");</style>'),
        ('<link rel=stylesheet media=print onload=x href="a.css">', '<style media="">@import url("/f/1");</style>'),
        ('<link rel="stylesheet" href="b.css">', '<link rel="stylesheet" href="b.css">'),
        ('<img src="q.png"><img>', '<img src="q.png"><img>'),
        ('<img class="a" src="x.gif" data-src="p.png" srcset="q.png 2x" sizes=1 loading=lazy alt="A">',
         '<img src="/f/1" class="a"      alt="A">'),
        ("<style>p { background: url(p.png#x) }</style>", '<style>p { background: url("/f/1#x") }</style>'),
        ('<link rel=stylesheet media=\'"><script>\' href="a.css">',
         '<style media="&quot;&gt;&lt;script&gt;">@import url("/f/1");</style>'),
    ],
)  # fmt: skip
def test_places_of_stored_files_get_their_addresses_and_others_stay(text, shown):
    assert page_with_files(text, PAGE, stored) == shown


def test_a_sheet_imports_stored_sheets_for_the_same_media():
    text = "@import url('a.css') screen; @import \"b.css\"; i { background: URL(p.png) }"
    shown = '@import url("/f/1") screen; @import "b.css"; i { background: url("/f/1") }'
    assert sheet_with_files(text, PAGE, stored) == shown
