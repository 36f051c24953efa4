"""What kind of page this is, on small pages that say one thing each."""

from __future__ import annotations

import pytest

from cleaners.clean import clean
from cleaners.record import Page, PageType

PROSE = "The council met on Monday evening and spoke for three hours about the old mill by the river. " * 3
STORY = f"<h1>The mill burned down</h1><p>{PROSE}</p><p>{PROSE}</p>"
CARDS = "".join(f'<h2><a href="/story-number-{n}">Another long headline {n}</a></h2><p>Cut…</p>' for n in range(8))


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/2024/05/the-mill", STORY, PageType.ARTICLE),
        ("/", STORY, PageType.LIST),
        ("/tag/mills/", CARDS, PageType.LIST),
        ("/author/ada/", f"<h1>Ada</h1><p>{PROSE}</p>", PageType.LIST),
        ("/contact", f"<h1>Contact</h1><p>{PROSE}</p>", PageType.OTHER),
        ("/gone", "<title>Page not found</title><h1>Page not found</h1><p>Try the search.</p>", PageType.SOFT_404),
        ("/app", '<div id="root"></div><noscript>Please enable JavaScript</noscript><script>x</script>',
         PageType.NEEDS_JAVASCRIPT),
        ("/empty", "", PageType.EMPTY),
    ],
)  # fmt: skip
def test_a_page_is_what_it_is_with_evidence(path: str, body: str, kind: PageType) -> None:
    page = Page(f"http://site.example{path}", f"<html><body>{body}</body></html>".encode())
    verdict = clean(page).verdict
    assert verdict.page_type is kind
    assert verdict.evidence
