"""Configuration of the documentation site, which `make docs` builds with Sphinx.

The lists of links on the first page are its table of contents: a section with such a list is a part of the menu.
"""

import re

_SECTION = re.compile(r"^## (.+)$\n((?:\n|- .*\n)+)", re.MULTILINE)
_PAGE = re.compile(r"^- \[[^]]*\]\((\S+)\.md\)", re.MULTILINE)

project = "Broadsheet"
html_title = "Broadsheet"
extensions = ["myst_parser"]
html_theme = "furo"
root_doc = "index"
exclude_patterns = ["deploy"]
myst_heading_anchors = 4
highlight_language = "text"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["phone.css"]
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}


def _add_menu(app, docname, source):  # noqa: ARG001 - Sphinx calls it with these
    """Add a hidden table of contents for each section of the first page that lists pages."""
    if docname != root_doc:
        return
    parts = [(name, _PAGE.findall(items)) for name, items in _SECTION.findall(source[0])]
    for name, pages in parts:
        source[0] += "\n".join(["", "```{toctree}", ":hidden:", f":caption: {name}", "", *pages, "```", ""])


def setup(app):
    """Have Sphinx call `_add_menu` for each page that it reads."""
    app.connect("source-read", _add_menu)
