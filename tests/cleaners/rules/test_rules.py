"""The phrase rules: every rule's own examples, the reader's refusals, places, quotations, reasons and speed."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest

import broadsheet.cleaners.rules
from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.cleaners.rules.matcher import RuleBook, fold_text, literals_of
from broadsheet.cleaners.rules.rule import REASONS, AllowedPosition, BodyPosition, Rule, rule_reason
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
def test_rules_keep_their_own_examples(name):
    assert RULES[name]
    assert [rule.name for rule in RULES[name] if len(rule.positive) < 2 or not rule.negative] == []
    assert [example for rule in RULES[name] for example in misread_examples(RuleBook((rule,)), rule)] == []


@pytest.mark.parametrize("name", FILES)
def test_examples_hold_in_the_book_of_the_language(name):
    book = load_rules("en" if name == "any" else name)
    assert [example for rule in RULES[name] for example in misread_examples(book, rule)] == []


def test_names_are_unique():
    names = [rule.name for rules in RULES.values() for rule in rules]
    assert len(set(names)) == len(names)


NOTICED_FIRST = (
    "donation membership share feedback newsletter related comments licence consent app advertisement copyright"
    " author-bio breadcrumb tags navigation byline caption paywall print"
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_rules_for_what_readers_notice_first(language):
    reasons = {rule.reason.key for rule in read_rules(language)}
    assert set(NOTICED_FIRST.split()) - reasons == set()


@pytest.mark.parametrize(
    ("language", "files"),
    [
        ("de-AT", {"any", "de", "en"}),
        *((norwegian, {"any", "no", "en"}) for norwegian in ("nb-NO", "nn", "NB", "no")),
        *((unknown, set(FILES)) for unknown in (None, "", "eu")),
    ],
)
def test_a_book_has_the_common_and_the_english_rules_and_of_an_unknown_language_all(language, files):
    assert {rule.name.split("/")[0] for rule in load_rules(language).rules} == files


@pytest.mark.parametrize(
    ("language", "text", "is_matched"),
    [
        ("en", "We need your support to go on.", True),
        ("en", "“We need your support to go on,” said the mayor.", False),
        ("de", "https://werk.example/bildung/grundkurs", False),
        ("de", "Mehr unter https://werk.example (Foto: Tor Lind)", True),
        ("zh", "\u5206\u4eab\u5230\uff1a\u5fae\u4fe1", True),
    ],
    ids=["an appeal", "a quoted one", "an address alone", "an address in a line", "full-width marks"],
)
def test_a_text_is_matched(language, text, is_matched):
    assert bool(load_rules(language).match(paragraph(text), BETWEEN)) is is_matched


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  «Don’t\u00a0STOP»\n now ", '"don\'t stop" now'),
        ("İLGİLİ HABERLER", "ilgili haberler"),
        ("I\u0307lgili haberler", "ilgili haberler"),
        ("\u5206\uff1a\uff08\uff11\uff09\uff1f", "\u5206:(\uff11)?"),
    ],
)
def test_fold(text, folded):
    assert fold_text(text) == folded


OURS = Rule("x/y", "promo", ("our \\w+",), whole=True, position=AllowedPosition.AFTER_BODY)
NOTE = Rule("x/y", "legal", ("^note",), anchors=("note",), max_words=40, position=AllowedPosition.NOT_BETWEEN)
MORE = Rule("x/y", "other articles", ("more .*",), whole=True, min_link_density=0.5)


@pytest.mark.parametrize(
    ("rule", "block", "position", "is_matched"),
    [
        (OURS, paragraph("Our books"), AFTER, True),
        (OURS, paragraph("Our books"), BETWEEN, False),
        (OURS, paragraph("Our books"), BodyPosition(), False),
        (NOTE, paragraph("Note well"), BETWEEN, True),
        (NOTE, paragraph("Note " + "word " * 20), BETWEEN, False),
        (NOTE, paragraph("Note " + "word " * 20), AFTER, True),
        (MORE, Block(0, BlockKind.PARAGRAPH, "More boats", link_chars=10), AFTER, True),
        (MORE, Block(0, BlockKind.PARAGRAPH, "More boats"), AFTER, False),
        (MORE, Block(0, BlockKind.LINE, "More boats"), AFTER, False),
    ],
)
def test_a_rule_says_where_and_of_what_it_holds(rule, block, position, is_matched):
    assert (RuleBook((rule,)).match(block, position) is rule) is is_matched


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[rule]]\nname="a"\nreason="nonsense"\nwhole=true\npatterns=["a"]', "unknown reason"),
        ('[[rule]]\nname="a"\nreason="share"\npatterns=["a"]', "needs anchors"),
        ('[[rule]]\nname="a"\nreason="share"\nwhole=true\npatterns=["<<nobody>>"]', "fragment"),
        ('[[rule]]\nname="a"\nreason="share"\nwhole=true\npatterns=["a"]\ncolour="red"', "colour"),
        ('[[rule]]\nname="a"\nreason="share"\nwhole=true\npatterns=["a"]\nposition="up"', "up"),
    ],
)
def test_a_malformed_rule_file_is_refused(text, message):
    with pytest.raises(RuleFileError, match=message):
        parse_rules("xx", text)


def test_a_new_block_takes_microseconds_and_a_known_one_less():
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
def test_an_anchor_is_found_in_a_text_of_any_length_that_its_rule_reads(length):
    rules = tuple(
        Rule(f"x/{max_words}", "promo", (f"mark{max_words}!",), anchors=(f"mark{max_words}!",), max_words=max_words)
        for max_words in (2, 50, 500)
    )
    book, text = RuleBook(rules), "a " * (length - 1)
    for rule in rules:
        matched_rule = book.match(paragraph(f"{text}mark{rule.max_words}!"), AFTER)
        assert matched_rule is (rule if length <= rule.max_words else None)


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("donate(?: now)?", {"donate"}),
        ("(?:please )?(?:share|tweet) this page", {" this page"}),
        ("(?:share|tweet)(?: this)?", {"share", "tweet"}),
        (r"\d{1,3}[km]?", set("0123456789")),
        ("[ab]{2}x?", {"a", "b"}),
        ("(?:a.*|.*b|more)", {"a", "b", "more"}),
        ("(?:more|)", set()),
        ("[^.]{2,50}", set()),
        ("(?i:More)", set()),
        ("(?:more)*", set()),
        (r"\w+ (?!icon)", {" "}),
    ],
)
def test_what_stands_in_every_text_that_a_pattern_matches(pattern, literals):
    assert literals_of(pattern) == literals


def test_a_digit_of_any_script_is_a_digit_and_a_pattern_without_literals_is_always_tried():
    counter, mark = (
        Rule("x/counter", "share buttons", (r"\d+",), whole=True),
        Rule("x/mark", "share buttons", ("[^a-z]{2}",), whole=True),
    )
    book = RuleBook((counter, mark))
    matched_rules = [
        book.match(Block(0, BlockKind.PARAGRAPH, text), BodyPosition()) for text in ("١٢٣", "123", "øø", "one")
    ]
    assert matched_rules == [counter, counter, mark, None]
    assert RuleBook(()).match(Block(0, BlockKind.PARAGRAPH, "123"), BodyPosition()) is None


DATA_FILES = sorted(Path(broadsheet.cleaners.rules.__file__).parent.rglob("*.toml"))


def test_the_files_of_the_rules_name_every_reason_that_a_rule_may_give_and_no_other():
    entries = [entry for file in DATA_FILES for entry in tomllib.loads(file.read_text("utf-8"))["rule"]]
    assert {entry["reason"] for entry in entries} == {reason.key for reason in REASONS}


@pytest.mark.parametrize("word", ["advertisment", "", "title", "removed_by_person"])
def test_another_word_is_refused(word):
    with pytest.raises(ValueError, match="unknown reason"):
        rule_reason(word)
