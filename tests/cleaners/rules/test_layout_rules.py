"""Layout rules: which words of ids and classes count, in which order, and what is left out."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.rules.layout_rules import box_apart, box_rule_names, explain_layout


def rule_of(path: str, *landmarks: str) -> str | None:
    rule = explain_layout(path, frozenset(landmarks))
    return rule.name if rule else None


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("body>div.newsletter>p", "layout/newsletter"),
        ("body>div#newsletter>p", "layout/newsletter"),
        ("body>div.box.newsletter>p", "layout/newsletter"),
        ("body>div.myNewsletterBox>p", "layout/newsletter"),
        ("body>div.my_newsletter-box>p", "layout/newsletter"),
        ("body>div.newsletterx>p", None),
        ("body>div.sign-up>p", "layout/newsletter"),
        ("body>div.up-sign>p", None),
        ("body>div.sign>p", None),
        ("body>div.no-newsletter>p", None),
        ("body>div.has-newsletter>p", None),
        ("body.newsletter>p", None),
        ("html.newsletter>body>p", None),
        ("body>noscript>p", "layout/hidden"),
        ("body>div.hidden>p", "layout/hidden"),
        ("body>div.overflow-hidden>p", None),
        ("body>div.overflow-hidden.hidden>p", "layout/hidden"),
        ("body>div.cmp>p", "layout/consent"),
        ("body>div.cmp-text>p", None),
        ("body>div.related>div.newsletter>p", "layout/newsletter"),
        ("body>div.newsletter>div.related>p", "layout/related"),
        ("body>div.newsletter.hidden>p", "layout/hidden"),
        ("body>div.hidden.newsletter>p", "layout/hidden"),
        ("body>div.related-newsletter>p", "layout/newsletter"),
        ("body>div.teilen-leiste>span", "layout/share"),
        ("body>div.partager>a", "layout/share"),
        ("body>div.notas-relacionadas>p", "layout/related"),
        ("body>div.author-bio>p", "layout/author-bio"),
        ("body>div.shadow>p", None),
        ("p", None),
        ("", None),
        ("body>div.dialog-off-canvas-main-canvas>p", None),
        ("body>div.dialog-off-canvas>p", "layout/dialog"),
        ("body>div.dialog-off-canvas-main-canvas.modal>p", "layout/dialog"),
        ("body>div.elementor-widget-container>p", None),
        ("body>div.elementor-widget-container>div.widget>p", "layout/sidebar"),
        ("body>div.content-sidebar-wrap>p", None),
        ("body>div.date-outer>p", None),
        ("body>div.pointer-events-none>p", None),
    ],
)
def test_the_innermost_element_explains_and_in_it_the_first_rule_of_the_file(path: str, rule: str | None) -> None:
    assert rule_of(path) == rule


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
def test_landmarks_explain_what_no_name_does(path: str, landmarks: tuple[str, ...], rule: str | None) -> None:
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
def test_the_outermost_box_apart_counts_and_the_page_is_none(path: str, rule: str | None) -> None:
    found = box_apart(path)
    assert (found and found.name) == rule


def test_boxes_apart_have_names_of_their_own() -> None:
    assert {"layout/caption-text", "layout/comment-text", "layout/choice"} < box_rule_names()
    assert "layout/newsletter" not in box_rule_names()
