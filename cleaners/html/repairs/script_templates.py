"""Text that a page carries as a template in a script: put where the script stands, as the page's own script does.

Some blogs send each post as `<script type="text/template">` and show it by a script (Blogger's own among them). Of such
scripts only those are text that hold paragraphs, and no place for values to be filled in. One with an id or a class is
picked by that name and shown elsewhere, or not at all, such as the notices of a consent plugin.
"""

from __future__ import annotations

import re

_TEMPLATE_SCRIPT = re.compile(
    r"""<script\s+type\s*=\s*["']?text/template["']?\s*>((?:(?!</?script\b).)*)</script\s*>""",
    re.IGNORECASE | re.DOTALL,
)
_MARK = "text/template"
_VALUE_PLACE = re.compile(r"\{\{|<%|\{%|\$\{|\[\[|<#")  # of the template languages that pages use
_PARAGRAPH = re.compile(r"<(?:p|br)\b", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_LEAST_WORDS = 40


def show_script_templates(text: str) -> str:
    """Return a page's source with each template in a script that is text, in an element in the script's place."""
    return _TEMPLATE_SCRIPT.sub(_show_if_text, text) if _MARK in text else text


def _show_if_text(match: re.Match[str]) -> str:
    template = match[1]
    if _VALUE_PLACE.search(template) or not _PARAGRAPH.search(template):
        return match[0]
    return f"<div>{template}</div>" if len(_TAG.sub(" ", template).split()) >= _LEAST_WORDS else match[0]
