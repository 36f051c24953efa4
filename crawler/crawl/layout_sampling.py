"""Sampling of layouts: pages of a crawl that are worth a browser, by what the first ones of their layout gained.

A page that shows nothing without a script is tried, and so is one with scripts and little text. The first three of a
layout decide on all of it; where they gained nothing, one in fifty is tried again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from broadsheet.cleaners.compare.page_layouts import MIN_SIMILARITY, signature_similarity, unpack_signature
from broadsheet.cleaners.document import PageType
from broadsheet.output.archive.page_rows import PageRows
from broadsheet.output.archive.rendered_layouts import BARREN_TYPES, RenderDecision, RenderedLayout

_LITTLE_TEXT = 100  # words below which a page may lack some: a short notice has as many
_FEW_LINKS = 10  # below which a list may lack some
_REFUSED_TYPES = (PageType.WALL, PageType.CAPTCHA, PageType.SOFT_404, PageType.ERROR)
_MAX_LAYOUTS = 200  # of a host; further ones count as the one of pages without a signature


class LayoutSampling:
    """Layouts of the hosts of a crawl, with those that earlier runs rendered."""

    def __init__(self, stored: Iterable[RenderedLayout] = ()) -> None:
        self._layouts: dict[str, dict[bytes, RenderedLayout]] = defaultdict(dict)
        self._hashes: dict[bytes, frozenset[int]] = {}
        for layout in stored:
            self.note(layout)

    def note(self, layout: RenderedLayout) -> None:
        """Take over a layout in place of its earlier state."""
        self._layouts[layout.host][layout.signature] = layout
        self._hashes.setdefault(layout.signature, unpack_signature(layout.signature))

    def find(self, host: str, page: PageRows) -> RenderedLayout:
        """Return the layout of a page as it was received; a new one if the host has none that is alike."""
        layouts, signature = self._layouts[host], page.layout_signature or b""
        if signature not in layouts:
            hashes = unpack_signature(signature)
            alike = (
                known
                for known in layouts
                if known and signature_similarity(hashes, self._hashes[known]) >= MIN_SIMILARITY
            )
            signature = next(alike, signature if len(layouts) < _MAX_LAYOUTS else b"")
        return layouts.get(signature) or RenderedLayout(host, signature)

    def is_candidate(self, host: str, page: PageRows, *, has_scripts: bool) -> bool:
        """Return whether a page is one to be tried, or of a layout all of whose pages are rendered."""
        page_type = page.verdict.page_type
        if page_type is PageType.NEEDS_JAVASCRIPT:
            return True
        if not has_scripts or page_type in _REFUSED_TYPES:
            return False
        if page_type in BARREN_TYPES or _has_little_text(page):
            return True
        decisions = {layout.decision for layout in self._layouts[host].values()}
        return RenderDecision.ALL in decisions and self.find(host, page).decision is RenderDecision.ALL


def _has_little_text(page: PageRows) -> bool:
    """Return whether a page may lack text: it has few words, and if it is a list it leads to few pages."""
    is_full_list = page.verdict.page_type is PageType.LIST and page.outlinks >= _FEW_LINKS
    return page.words < _LITTLE_TEXT and not is_full_list
