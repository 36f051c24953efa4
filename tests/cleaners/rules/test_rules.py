"""The phrase rules: every rule's own examples, the reader's refusals, places, quotations, layout and speed."""

from __future__ import annotations

import time

import pytest

from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.cleaners.rules.layout_rules import explain_layout
from broadsheet.cleaners.rules.matcher import RuleBook, fold_text
from broadsheet.cleaners.rules.rule import AllowedPosition, BodyPosition, Rule
from broadsheet.cleaners.rules.rule_files import LANGUAGES, RuleFileError, load_rules, parse_rules, read_rules

FILES = ("any", *LANGUAGES)
RULES = {name: read_rules(name) for name in FILES}
AFTER = BodyPosition(after_body=True)
BETWEEN = BodyPosition(between=True)
POSITIONS = {AllowedPosition.ANY: BETWEEN, AllowedPosition.BEFORE_BODY: BodyPosition(before_body=True)}


def block_for(rule: Rule, text: str) -> Block:
    return Block(0, BlockKind.PARAGRAPH, text, link_chars=round(rule.min_link_density * len(text)))


def paragraph(text: str) -> Block:
    return Block(0, BlockKind.PARAGRAPH, text)


def misread_examples(book: RuleBook, rule: Rule) -> list[tuple[str, str]]:
    """The rule's own examples that a book reads otherwise than the rule says, each with the name of the rule."""
    body_position = POSITIONS.get(rule.position, AFTER)
    reasons = {text: book.match(block_for(rule, text), body_position) for text in (*rule.positive, *rule.negative)}
    missed = [text for text in rule.positive if (match := reasons[text]) is None or match.reason != rule.reason]
    return [(rule.name, text) for text in (*missed, *filter(reasons.get, rule.negative))]


@pytest.mark.parametrize("name", FILES)
def test_rules_keep_their_own_examples(name: str) -> None:
    assert RULES[name]
    assert [rule.name for rule in RULES[name] if len(rule.positive) < 2 or not rule.negative] == []
    assert [example for rule in RULES[name] for example in misread_examples(RuleBook((rule,)), rule)] == []


@pytest.mark.parametrize("name", FILES)
def test_examples_hold_in_the_book_of_the_language(name: str) -> None:
    book = load_rules("en" if name == "any" else name)
    assert [example for rule in RULES[name] for example in misread_examples(book, rule)] == []


def test_a_misread_example_is_found() -> None:
    rule = Rule("x/y", "promo", ("our \\w+",), whole=True, positive=("Our books", "My books"), negative=("Our sea",))
    assert misread_examples(RuleBook((rule,)), rule) == [("x/y", "My books"), ("x/y", "Our sea")]
    other = Rule("x/z", "share buttons", ("our \\w+",), whole=True)
    assert misread_examples(RuleBook((other,)), rule)[0] == ("x/y", "Our books")


def test_an_address_alone_is_no_phrase_whatever_words_its_path_has() -> None:
    book = load_rules("de")
    assert book.match(paragraph("https://werk.example/bildung/grundkurs"), BETWEEN) is None
    assert book.match(paragraph("Mehr unter https://werk.example (Foto: Tor Lind)"), BETWEEN) is not None


def test_names_are_unique() -> None:
    names = [rule.name for rules in RULES.values() for rule in rules]
    assert len(set(names)) == len(names)


NOTICED_FIRST = (
    "donation membership share feedback newsletter related comments licence consent app advertisement copyright"
    " author-bio breadcrumb tags navigation byline caption paywall print"
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_rules_for_what_readers_notice_first(language: str) -> None:
    reasons = {rule.reason.key for rule in read_rules(language)}
    assert set(NOTICED_FIRST.split()) - reasons == set()


FOLLOW = {
    "en": "Follow us on Instagram", "es": "Síguenos en Instagram", "de": "Folgen Sie uns auf Instagram",
    "fr": "Suivez-nous sur Instagram", "pt": "Siga-nos no Instagram", "it": "Seguici su Instagram",
    "nl": "Volg ons op Instagram", "pl": "Obserwuj nas na Instagramie", "ru": "Подписывайтесь на нас в Telegram",
    "zh": "关注我们", "ja": "フォローする", "ar": "تابعنا على فيسبوك",
    "sv": "Följ oss på Instagram", "da": "Følg os på Instagram", "no": "Følg oss på Instagram",
    "fi": "Seuraa meitä Instagramissa",
    "cs": "Sledujte nás na Instagramu", "tr": "Bizi Instagram’da takip edin", "ko": "인스타그램 팔로우하기",
    "uk": "Підписуйтесь на нас у Telegram", "id": "Ikuti kami di Instagram",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_calls_to_follow_are_known_in_every_language(language: str) -> None:
    rule = load_rules(language).match(paragraph(FOLLOW[language]), BETWEEN)
    assert rule is not None
    assert rule.reason.key in ("share", "app")


def test_every_book_has_the_common_and_the_english_rules() -> None:
    names = {rule.name.split("/")[0] for rule in load_rules("de-AT").rules}
    assert names == {"any", "de", "en"}


@pytest.mark.parametrize("language", ["nb-NO", "nn", "NB"])
def test_both_written_norwegians_have_the_rules_of_norwegian(language: str) -> None:
    assert load_rules(language) is load_rules("no")
    assert {rule.name.split("/")[0] for rule in load_rules(language).rules} == {"any", "no", "en"}


@pytest.mark.parametrize("language", [None, "", "eu"])
def test_an_unknown_language_gets_every_rule(language: str | None) -> None:
    assert load_rules(language).rules == load_rules().rules
    assert {rule.name.split("/")[0] for rule in load_rules(language).rules} == set(FILES)


def test_a_quoted_appeal_is_not_an_appeal() -> None:
    book = load_rules("en")
    assert book.match(paragraph("We need your support to go on."), BETWEEN)
    assert not book.match(paragraph("“We need your support to go on,” said the mayor."), BETWEEN)


def test_full_width_marks_count_as_plain_ones() -> None:
    assert (
        fold_text("\u5206\u4eab\u5230\uff1a\u5fae\u4fe1\uff08\uff11\uff09\uff1f")
        == "\u5206\u4eab\u5230:\u5fae\u4fe1(\uff11)?"
    )
    assert load_rules("zh").match(paragraph("\u5206\u4eab\u5230\uff1a\u5fae\u4fe1"), BETWEEN)


def test_position_decides() -> None:
    rule = Rule("x/y", "promo", ("our \\w+",), whole=True, position=AllowedPosition.AFTER_BODY)
    book = RuleBook((rule,))
    assert book.match(paragraph("Our books"), AFTER) is rule
    assert book.match(paragraph("Our books"), BETWEEN) is None
    assert book.match(paragraph("Our books"), BodyPosition()) is None


def test_not_between_spares_only_long_blocks() -> None:
    rule = Rule("x/y", "legal", ("^note",), anchors=("note",), max_words=40, position=AllowedPosition.NOT_BETWEEN)
    book = RuleBook((rule,))
    long = "Note " + "word " * 20
    assert book.match(paragraph("Note well"), BETWEEN) is rule
    assert book.match(paragraph(long), BETWEEN) is None
    assert book.match(paragraph(long), AFTER) is rule


def test_link_density_is_asked_of_blocks_and_unknown_of_lines() -> None:
    rule = Rule("x/y", "other articles", ("more .*",), whole=True, min_link_density=0.5)
    book = RuleBook((rule,))
    assert book.match(Block(0, BlockKind.PARAGRAPH, "More boats", link_chars=10), AFTER) is rule
    assert book.match(Block(0, BlockKind.PARAGRAPH, "More boats"), AFTER) is None
    assert book.match(Block(0, BlockKind.LINE, "More boats"), AFTER) is None


def test_fold() -> None:
    assert fold_text("  «Don’t\u00a0STOP»\n now ") == '"don\'t stop" now'


def test_the_dotted_capital_of_turkish_folds_to_a_plain_i() -> None:
    assert fold_text("İLGİLİ HABERLER") == fold_text("I\u0307lgili haberler") == "ilgili haberler"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[rule]]\nname="a"\nreason="nonsense"\nwhole=true\npatterns=["a"]', "unknown reason"),
        ('[[rule]]\nname="a"\nreason="share"\npatterns=["a"]', "needs anchors"),
        ('[[rule]]\nname="a"\nreason="share"\nwhole=true\npatterns=["("]', "unterminated"),
        ('[[rule]]\nname="a"\nreason="share"\nwhole=true\npatterns=["<<nobody>>"]', "fragment"),
        ('[[rule]]\nname="a"\nreason="share"\nwhole=true\npatterns=["a"]\ncolour="red"', "colour"),
        ('[[rule]]\nname="a"\nreason="share"\nwhole=true\npatterns=["a"]\nposition="up"', "up"),
    ],
)
def test_a_malformed_rule_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(RuleFileError, match=message):
        parse_rules("xx", text)


@pytest.mark.parametrize(
    ("path", "landmarks", "name"),
    [
        ("body>main>div.entry-related.widget>ul>li", (), "layout/related"),
        ("body>nav#top>ul>li", ("nav",), "layout/navigation"),
        ("body>footer>div.newsletterBox>p", ("footer",), "layout/newsletter"),
        ("body>div.teilen-leiste>span", (), "layout/share"),
        ("body>div.partager>a", (), "layout/share"),
        ("body>div.notas-relacionadas>p", (), "layout/related"),
        ("body>article>figure>figcaption", ("figure",), "layout/caption"),
        ("body>div.cookie_banner>p", (), "layout/consent"),
        ("body>aside>p", ("aside",), "layout/sidebar"),
        ("body>div>p", ("footer",), "layout/landmark-footer"),
        ("body>div.author-bio>p", (), "layout/author-bio"),
    ],
)
def test_layout_explains(path: str, landmarks: tuple[str, ...], name: str) -> None:
    rule = explain_layout(path, frozenset(landmarks))
    assert rule is not None
    assert rule.name == name


@pytest.mark.parametrize(
    "path", ["body.sidebar>main>p", "body>div.no-sidebar>p", "body>div.has-comments>p", "body>div.shadow>p", "", "p"]
)
def test_layout_is_silent_about_what_says_nothing(path: str) -> None:
    assert explain_layout(path) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("body>div.dialog-off-canvas-main-canvas>p", None),
        ("body>div.dialog-off-canvas>p", "layout/dialog"),
        ("body>div.dialog-off-canvas-main-canvas.modal>p", "layout/dialog"),
        ("body>div.elementor-widget-container>p", None),
        ("body>div.elementor-widget-container>div.widget>p", "layout/sidebar"),
        ("body>div.cmp-text>p", None),
        ("body>div#cmp>p", "layout/consent"),
        ("body>div.cmp-overlay>p", "layout/consent"),
        ("body>div.cmpbox>p", "layout/consent"),
        ("body>div.content-sidebar-wrap>p", None),
        ("body>div.date-outer>p", None),
        ("body>div.overflow-hidden>p", None),
        ("body>div.pointer-events-none>p", None),
    ],
)
def test_layout_sees_past_names_that_systems_give_to_any_part_of_a_page(path: str, name: str | None) -> None:
    rule = explain_layout(path)
    assert (rule and rule.name) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("body>figure>div>p", "layout/landmark-caption"),
        ("body>figure.quote>blockquote>p", None),
        ("body>figure>table>tbody>tr>td", None),
        ("body>figure>pre", None),
        ("body>blockquote>figure>p", "layout/landmark-caption"),
        ("body>figure>blockquote>figcaption", "layout/caption"),
    ],
)
def test_what_a_figure_shows_is_no_caption(path: str, name: str | None) -> None:
    rule = explain_layout(path, frozenset({"figure"}))
    assert (rule and rule.name) == name


def test_a_new_block_takes_microseconds_and_a_known_one_less() -> None:
    """About 25 and 5 microseconds on a desk machine; the bounds have room for a slow and busy one."""
    prose = "The ferry that once linked the islands with the mainland will sail again, the council decided. "
    texts = ("Harbour wall {n}", "What the miller saw in {n}", f"{{n}} {prose * 3}")
    blocks = [paragraph(text.format(n=number)) for number in range(300) for text in texts]
    book = RuleBook(load_rules("es").rules)
    book.match(paragraph("Once"), AFTER)
    new, cached = (seconds_a_block(book, blocks) for _ in range(2))
    assert new < 200e-6
    assert cached < new


def seconds_a_block(book: RuleBook, blocks: list[Block]) -> float:
    started = time.process_time()
    for block in blocks:
        book.match(block, AFTER)
    return (time.process_time() - started) / len(blocks)


@pytest.mark.parametrize("length", [1, 40, 400])
def test_an_anchor_is_found_in_a_text_of_any_length_that_its_rule_reads(length: int) -> None:
    rules = tuple(
        Rule(f"x/{max_words}", "promo", (f"mark{max_words}!",), anchors=(f"mark{max_words}!",), max_words=max_words)
        for max_words in (2, 50, 500)
    )
    book, text = RuleBook(rules), "a " * (length - 1)
    for rule in rules:
        matched_rule = book.match(paragraph(f"{text}mark{rule.max_words}!"), AFTER)
        assert matched_rule is (rule if length <= rule.max_words else None)
