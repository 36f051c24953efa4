"""Layout rules: which words of ids and classes count, in which order, and what is left out."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.rules.layout_rules import box_apart, box_rule_names, explain_layout


def rule_of(path: str, *landmarks: str) -> str | None:
    rule = explain_layout(path, frozenset(landmarks))
    return rule.name if rule else None


EXPLAINED = {
    "newsletter": "div.newsletter div#newsletter div.box.newsletter div.myNewsletterBox div.my_newsletter-box"
    " div.sign-up div.related>div.newsletter div.related-newsletter",
    "related": "div.newsletter>div.related div.notas-relacionadas",
    "hidden": "noscript div.hidden div.overflow-hidden.hidden div.newsletter.hidden div.hidden.newsletter",
    "consent": "div.cmp div.cookie_banner div#cmp div.cmp-overlay div.cmpbox",
    "share": "div.teilen-leiste div.partager",
    "author-bio": "div.author-bio",
    "dialog": "div.dialog-off-canvas div.dialog-off-canvas-main-canvas.modal",
    "sidebar": "div.elementor-widget-container>div.widget",
    "": "div.newsletterx div.up-sign div.sign div.no-newsletter div.has-newsletter div.overflow-hidden div.cmp-text"
    " div.shadow div.dialog-off-canvas-main-canvas div.elementor-widget-container div.content-sidebar-wrap"
    " div.date-outer div.pointer-events-none",
}


@pytest.mark.parametrize(
    ("name", "path"), [(name, path) for name, paths in EXPLAINED.items() for path in paths.split()]
)
def test_the_innermost_element_explains_and_in_it_the_first_rule_of_the_file(name, path):
    assert rule_of(f"body>{path}>p") == (f"layout/{name}" if name else None)


@pytest.mark.parametrize("path", ["body.newsletter>p", "html.newsletter>body>p", "p", ""])
def test_the_page_as_a_whole_is_explained_by_no_name(path):
    assert rule_of(path) is None


@pytest.mark.parametrize(
    ("path", "landmarks", "rule"),
    [
        ("body>nav>p", ("nav",), "layout/navigation"),
        ("body>div.newsletter>p", ("nav",), "layout/newsletter"),
        ("body>p", (), None),
        ("body>figure>blockquote>p", ("figure",), None),
        ("body>figure>pre", ("figure",), None),
        ("body>article>figure>figcaption", ("figure",), "layout/caption"),
        ("body>aside>p", ("aside",), "layout/sidebar"),
        ("body>div>p", ("footer",), "layout/landmark-footer"),
        ("body>figure>table>tr", ("figure",), None),
        ("body>figures>table>tr", ("figure",), "layout/landmark-caption"),
        ("body>figure>p", ("figure",), "layout/landmark-caption"),
        ("body>blockquote>figure>p", ("figure",), "layout/landmark-caption"),
    ],
)
def test_landmarks_explain_what_no_name_does(path, landmarks, rule):
    assert rule_of(path, *landmarks) == rule


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("body>div.wp-caption>div.comment>p", "layout/caption-text"),
        ("body>div.comment>div.wp-caption>p", "layout/comment-text"),
        ("body>div.no-comment>p", None),
        ("body>select>option", "layout/choice"),
        ("article.comment>p", None),
        ("main.comment>p", None),
        ("body.comment>p", None),
        ("html.comment>p", None),
        ("section.comment>p", "layout/comment-text"),
    ],
)
def test_the_outermost_box_apart_counts_and_the_page_is_none(path, rule):
    found = box_apart(path)
    assert (found and found.name) == rule


def test_boxes_apart_have_names_of_their_own():
    assert {"layout/caption-text", "layout/comment-text", "layout/choice"} < box_rule_names()
    assert "layout/newsletter" not in box_rule_names()
