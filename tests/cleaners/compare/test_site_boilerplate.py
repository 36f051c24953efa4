from __future__ import annotations

import pytest

from broadsheet.cleaners.compare.site_boilerplate import (
    BIO_VERDICT,
    BODY_VERDICT,
    LAYOUT_KEEPS_VERDICT,
    LAYOUT_REMOVES_VERDICT,
    NOTE_VERDICT,
    REPEATED_VERDICT,
    KeyedBlock,
    SiteMemory,
    _is_closing_line,
    build_site_memory,
    container_path,
    find_body_paths,
    is_site_slot,
    judge_repeated_blocks,
    min_repeat_pages,
    names_author,
    not_below_note,
)

BODY_PATH, BOX_PATH = "body>main>div.text", "body>main>div.box"


def own_block(key, words=30, path=BODY_PATH):
    return KeyedBlock(0, key, path, words)


def judge_first_page(*pages):
    """The verdicts on the first page, by position; keys below 1000 are of texts that pages share."""
    numbered_pages = [[block._replace(position=n, is_kept=True) for n, block in enumerate(page)] for page in pages]
    counts = {}
    for page in numbered_pages:
        for key in {block.template_key for block in page}:
            counts[key] = counts.get(key, 0) + 1
    pages_per_key = {key: count for key, count in counts.items() if count >= min_repeat_pages(len(pages))}
    return judge_repeated_blocks(numbered_pages[0], build_site_memory(numbered_pages, pages_per_key, len(pages)))


def make_pages(count, *following_blocks, preceding_blocks=()):
    """Pages with two paragraphs of their own between the blocks given."""
    return [[*preceding_blocks, own_block(1000 + n), own_block(2000 + n), *following_blocks] for n in range(count)]


def test_a_container_is_where_the_text_level_ends():
    assert container_path("body>main>div#post-17>blockquote>p.lead") == "body>main>div#post-0"
    assert container_path("body>div.page>table>tr>td.story>p>a") == "body>div.page>table>tr>td.story"
    assert container_path("p") == "p"


def test_an_author_is_named_near_the_beginning():
    assert names_author("Ben is the editor of this magazine.", ["Ben Okoro"])
    assert not names_author("This was written one long evening in May by Ben.", ["Ben Okoro"])
    assert not names_author("Ben is the editor.", [])


def test_one_page_alone_loses_nothing():
    assert judge_first_page([KeyedBlock(0, 1, BOX_PATH, 5), own_block(1000), KeyedBlock(0, 2, BOX_PATH, 5)]) == {}


def test_two_pages_are_enough_for_a_fixed_promo():
    promo = KeyedBlock(0, 1, BODY_PATH, 6)
    assert judge_first_page(*make_pages(2, promo)) == {2: REPEATED_VERDICT}


def test_a_motto_above_the_text_goes_wherever_it_is_kept():
    motto = KeyedBlock(0, 1, BOX_PATH, 12)
    assert judge_first_page(*make_pages(4, preceding_blocks=[motto]), *make_pages(30)[4:]) == {0: REPEATED_VERDICT}


def test_a_credit_amid_the_articles_text_stays_while_it_is_rare():
    credit = KeyedBlock(0, 1, BODY_PATH, 12)
    assert judge_first_page(*make_pages(4, credit), *make_pages(40)[4:]) == {}
    assert judge_first_page(*make_pages(2, credit), *make_pages(3)[2:]) == {}
    assert judge_first_page(*make_pages(30, credit), *make_pages(40)[30:]) == {2: REPEATED_VERDICT}
    assert judge_first_page(*make_pages(40, credit), *make_pages(120)[40:]) == {2: REPEATED_VERDICT}


def test_a_heading_above_text_of_the_articles_own_stays():
    heading = KeyedBlock(0, 1, BODY_PATH, 1, is_heading=True)
    assert judge_first_page(*[[heading, own_block(1000 + n), own_block(2000 + n)] for n in range(9)]) == {}
    assert judge_first_page(*[[own_block(1000 + n), heading, own_block(2000 + n)] for n in range(9)]) == {}


def test_a_heading_goes_with_what_it_heads():
    heading, promo = KeyedBlock(0, 1, BODY_PATH, 2, is_heading=True), KeyedBlock(0, 2, BODY_PATH, 6)
    assert judge_first_page(*make_pages(9, heading, promo)) == {2: REPEATED_VERDICT, 3: REPEATED_VERDICT}
    assert judge_first_page(*make_pages(9, heading)) == {2: REPEATED_VERDICT}


def test_what_stands_between_paragraphs_stays():
    question, refrain = KeyedBlock(0, 1, BODY_PATH, 2), KeyedBlock(0, 2, BODY_PATH, 9)
    made = [[own_block(1000 + n), question, own_block(2000 + n), refrain, own_block(3000 + n)] for n in range(9)]
    assert judge_first_page(*made) == {}


def test_a_part_of_the_page_where_articles_have_something_of_their_own_is_no_box():
    salt = KeyedBlock(0, 1, BOX_PATH, 1)
    made = [[own_block(1000 + n), salt, own_block(3000 + n, 4, BOX_PATH), own_block(2000 + n)] for n in range(9)]
    assert judge_first_page(*made) == {}


def test_a_short_text_in_a_box_needs_most_of_its_pages():
    names = [KeyedBlock(0, key, BOX_PATH, 2) for key in (1, 2, 3)]
    made = [[own_block(1000 + n), own_block(2000 + n), names[n % 3]] for n in range(12)]
    assert judge_first_page(*made) == {}
    assert judge_first_page(*make_pages(12, *names)) == {2: REPEATED_VERDICT, 3: REPEATED_VERDICT, 4: REPEATED_VERDICT}


def test_below_the_closing_line_what_repeats_is_the_sites():
    line, note, more = (
        KeyedBlock(0, 1, BODY_PATH, 8),
        KeyedBlock(0, 2, BODY_PATH, 30, names_author=True),
        KeyedBlock(0, 3, BODY_PATH, 30),
    )
    others = [[own_block(5000 + n), line] for n in range(12)]
    with_note = [[own_block(1000 + n), line, note, more] for n in range(3)]
    assert judge_first_page(*with_note, *others) == {1: REPEATED_VERDICT, 2: BIO_VERDICT, 3: REPEATED_VERDICT}
    assert judge_first_page(*[[own_block(1000 + n), note, more] for n in range(3)], *make_pages(20)) == {}


LINE = KeyedBlock(0, 1, BODY_PATH, 8)


def judge_below_line(*blocks, own_words=60, line=LINE):
    """The verdicts on a page that removed the site's closing line itself, which eleven other pages keep: a block of the
    page's own, the line, and `blocks`."""
    page = [own_block(1000, own_words), line._replace(is_kept=False), *blocks]
    others = [[own_block(2000 + n), LINE] for n in range(11)]
    note_pages = [[own_block(3000 + n), LINE, KeyedBlock(0, 2, BODY_PATH, 9)] for n in range(2)]
    pages = [[block._replace(position=n) for n, block in enumerate(each)] for each in (page, *others, *note_pages)]
    memory = build_site_memory(pages, {1: 14, 2: 3}, len(pages))
    removed_blocks = [block for block in pages[0] if not block.is_kept]
    return judge_repeated_blocks([block for block in pages[0] if block.is_kept], memory, removed_blocks)


def test_a_closing_line_that_the_page_removed_itself_closes_its_text_too():
    assert judge_below_line(KeyedBlock(0, 2, BODY_PATH, 9)) == {2: REPEATED_VERDICT}
    named = KeyedBlock(0, 2, BODY_PATH, 9, names_author=True)
    assert judge_below_line(named) == {2: BIO_VERDICT}
    assert judge_below_line(named, line=LINE._replace(is_heading=True)) == {}


def test_below_a_closing_line_a_note_that_begins_with_the_author_goes_to_its_end():
    note, more = KeyedBlock(0, 4000, BODY_PATH, 20, names_author=True), own_block(4001, 10)
    assert judge_below_line(note, more) == {2: NOTE_VERDICT, 3: NOTE_VERDICT}
    assert judge_below_line(note._replace(names_author=False), more) == {}
    assert judge_below_line(more, note) == {}


@pytest.mark.parametrize("note", [NOTE_VERDICT, BIO_VERDICT])
def test_below_a_note_on_the_author_nothing_is_brought_back(note):
    restored = {1: LAYOUT_KEEPS_VERDICT, 3: LAYOUT_REMOVES_VERDICT, 4: LAYOUT_KEEPS_VERDICT, 5: BODY_VERDICT}
    assert not_below_note(restored, {2: note}) == {1: LAYOUT_KEEPS_VERDICT, 3: LAYOUT_REMOVES_VERDICT}
    assert not_below_note(restored, {2: REPEATED_VERDICT}) == restored
    assert not_below_note(restored, {}) == restored


def test_a_note_below_a_closing_line_is_no_more_than_a_third_of_its_page():
    note = KeyedBlock(0, 4000, BODY_PATH, 30, names_author=True)
    assert judge_below_line(note, own_words=60) == {2: NOTE_VERDICT}
    assert judge_below_line(note, own_words=59) == {}


def test_a_note_on_the_author_with_no_text_above_it_stays():
    heading = own_block(5000, 2)
    note = KeyedBlock(0, 4000, BODY_PATH, 9, names_author=True)
    memory = build_site_memory([[own_block(2000 + n), LINE] for n in range(12)], {1: 12}, 12)
    line = LINE._replace(position=1, is_kept=False)
    kept_blocks = [heading, note._replace(position=2), own_block(6000, 90)._replace(position=3)]
    assert judge_repeated_blocks(kept_blocks, memory, [line]) == {}


def test_two_versions_of_an_article_keep_what_they_share():
    shared = [KeyedBlock(0, key, BODY_PATH, 40) for key in (1, 2, 3)]
    assert judge_first_page(*[[own_block(1000 + n, 60), *shared] for n in range(2)], *make_pages(2)) == {}


@pytest.mark.parametrize(("pages", "goes"), [(5, True), (4, False)])
def test_a_page_that_is_all_the_sites_is_emptied_if_five_pages_have_it_beside_a_text(pages, goes):
    motto = KeyedBlock(0, 1, BOX_PATH, 12)
    verdicts = judge_first_page([motto], *make_pages(pages, preceding_blocks=[motto]))
    assert verdicts == ({0: REPEATED_VERDICT} if goes else {})


def test_pages_that_differ_in_numbers_alone_keep_their_texts():
    measurement, motto = KeyedBlock(0, 1, BODY_PATH, 12), KeyedBlock(0, 2, BOX_PATH, 12)
    assert judge_first_page(*[[measurement]] * 9, *make_pages(9)) == {}
    assert judge_first_page(*[[measurement, motto]] * 9, *make_pages(9, motto)) == {1: REPEATED_VERDICT}
    assert judge_first_page(*[[motto]] * 9, *make_pages(9, motto)) == {}
    assert judge_first_page(*[[motto]] * 9, *make_pages(10, motto)) == {0: REPEATED_VERDICT}


def test_on_a_large_site_a_pair_is_chance():
    pair = KeyedBlock(0, 1, BOX_PATH, 9)
    assert judge_first_page(*make_pages(2, pair), *make_pages(30)[2:]) == {}


# --- Just above and just below a bound -------------------------------------------------------------------------------
def test_three_pages_make_a_repetition_from_twenty_pages_on():
    assert (min_repeat_pages(19), min_repeat_pages(20)) == (2, 3)


def test_a_place_needs_five_pages_four_fifths_of_which_keep_their_text():
    assert find_body_paths({"a": 5, "b": 4, "c": 4, "d": 80, "e": 79}, {"c": 1, "d": 20, "e": 21}) == {
        "a": (5, 5), "c": (4, 5), "d": (80, 100),
    }  # fmt: skip


def test_a_slot_needs_twenty_pages_of_which_a_twentieth_keeps_its_text():
    counts = [(20, 1), (19, 0), (100, 5), (100, 6)]
    assert [is_site_slot(*pair) for pair in counts] == [True, False, True, False]


def test_an_author_is_named_within_six_words_and_a_hundred_characters():
    assert names_author("one two three four five Ben", ["Ben Okoro"])
    assert not names_author("one two three four five six Ben", ["Ben Okoro"])
    assert names_author(f"{'x' * 96} Ben", ["Ben Okoro"])
    assert not names_author(f"{'x' * 98} Ben", ["Ben Okoro"])


@pytest.mark.parametrize(("own_text_pages", "is_boilerplate"), [(1, True), (2, False)])
def test_a_part_of_the_page_is_the_sites_while_a_tenth_of_its_pages_have_own_text_there(own_text_pages, is_boilerplate):
    box = KeyedBlock(0, 1, BOX_PATH, 9)
    pages = [[own_block(1000 + n), own_block(2000 + n), box] for n in range(10)]
    for number in range(own_text_pages):
        pages[number].append(own_block(3000 + number, 9, BOX_PATH))
    memory = build_site_memory(pages, {1: 10}, 10)
    assert (BOX_PATH in memory.boilerplate_containers) == is_boilerplate


def test_a_part_of_one_page_alone_is_not_the_sites():
    pages = [[own_block(1000), KeyedBlock(0, 1, BOX_PATH, 9)], [own_block(1001), KeyedBlock(0, 1, BODY_PATH, 9)]]
    assert BOX_PATH not in build_site_memory(pages, {1: 2}, 2).boilerplate_containers


def test_a_text_is_outside_of_the_articles_if_it_is_so_on_more_than_half_of_its_pages():
    for outside, is_outer in [(6, True), (5, False)]:
        line = KeyedBlock(0, 1, BODY_PATH, 9)
        pages = [[own_block(1000 + n), own_block(2000 + n), line] for n in range(outside)]
        pages += [[own_block(1000 + n), line, own_block(2000 + n)] for n in range(outside, 10)]
        assert (1 in build_site_memory(pages, {1: 10}, 10).outer_keys) == is_outer


@pytest.mark.parametrize(
    ("pages_with_line", "pages", "goes"),
    [(6, 10, True), (5, 10, False), (25, 83, True), (25, 84, False), (24, 80, False), (24, 40, True), (2, 2, True),
     (2, 3, False), (3, 5, True)],
)  # fmt: skip
def test_a_closing_line_goes_from_a_share_of_the_pages_on(pages_with_line, pages, goes):
    line = KeyedBlock(0, 1, BODY_PATH, 6)
    verdicts = judge_first_page(*make_pages(pages_with_line, line), *make_pages(pages)[pages_with_line:])
    assert verdicts == ({2: REPEATED_VERDICT} if goes else {})


@pytest.mark.parametrize(("words", "pages", "goes"), [(30, 4, True), (31, 4, False), (31, 5, True)])
def test_more_than_a_third_of_a_page_goes_only_if_five_pages_have_it(words, pages, goes):
    box = KeyedBlock(0, 1, BOX_PATH, words)
    verdicts = judge_first_page(*make_pages(pages, box))
    assert verdicts == ({2: REPEATED_VERDICT} if goes else {})


@pytest.mark.parametrize(("words", "pages", "goes"), [(8, 2, True), (7, 2, False), (7, 6, True), (7, 5, False)])
def test_in_a_box_eight_words_go_and_fewer_if_half_of_its_pages_have_them(words, pages, goes):
    text, other = KeyedBlock(0, 1, BOX_PATH, words), KeyedBlock(0, 2, BOX_PATH, 9)
    verdicts = judge_first_page(*make_pages(pages, text, other), *make_pages(12, other)[pages:])
    assert (2 in verdicts) == goes
    assert 3 in verdicts


def test_a_pages_own_text_begins_with_its_first_block_of_eight_words():
    """What stands between shorter lines above it is outside of it."""
    motto = KeyedBlock(0, 1, BODY_PATH, 6)
    for words, goes in [(7, True), (8, False)]:
        pages = [[own_block(3000 + n, words), motto, own_block(1000 + n), own_block(2000 + n)] for n in range(9)]
        assert judge_first_page(*pages) == ({1: REPEATED_VERDICT} if goes else {})


def test_what_a_page_says_twice_within_its_own_text_is_a_refrain_and_outside_of_it_is_not():
    line = KeyedBlock(0, 1, BOX_PATH, 9)
    within = [[own_block(1000 + n), line, own_block(3000 + n), line, own_block(2000 + n)] for n in range(9)]
    assert judge_first_page(*within) == {}
    below = make_pages(9, line, line)
    assert judge_first_page(*below) == {2: REPEATED_VERDICT, 3: REPEATED_VERDICT}


BLOCK = KeyedBlock(position=9, template_key=7, container="body>main", word_count=4)


@pytest.mark.parametrize(
    ("pages", "of_pages", "is_outer", "is_closing"),
    [
        (6, 10, True, True),
        (6, 10, False, False),
        (5, 10, True, False),
        (12, 20, True, True),
        (11, 20, True, False),
        (24, 80, True, False),  # three in ten are enough from 25 pages on
        (25, 83, True, True),
        (25, 84, True, False),
        (2, 2, True, True),
        (2, 3, True, False),
        (3, 5, True, True),
    ],
)
def test_a_line_that_closes_articles(pages: int, of_pages: int, is_outer: bool, is_closing: bool) -> None:
    memory = SiteMemory(of_pages, {7: pages}, {}, frozenset({7} if is_outer else ()))
    assert _is_closing_line(BLOCK, memory) is is_closing
    assert not _is_closing_line(BLOCK._replace(template_key=8), memory)
