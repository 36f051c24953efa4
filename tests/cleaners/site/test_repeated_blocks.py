import pytest

from broadsheet.cleaners.compare.text_comparison import container_path, names_author
from broadsheet.cleaners.site.repeated_blocks import (
    BIO_VERDICT,
    BODY_VERDICT,
    CONSENSUS_VERDICT,
    NOTE_VERDICT,
    REPEATED_VERDICT,
    SLOT_VERDICT,
    KeyedBlock,
    SiteMemory,
    build_site_memory,
    find_body_paths,
    is_site_slot,
    judge_repeated_blocks,
    judge_slots,
    min_repeat_pages,
    not_below_note,
)
from broadsheet.cleaners.site.site_judge import OwnPage, SiteEvidence, judge_blocks, judge_page

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


PROMO, CREDIT = KeyedBlock(0, 1, BODY_PATH, 6), KeyedBlock(0, 1, BODY_PATH, 12)
MOTTO, OTHER_MOTTO = KeyedBlock(0, 1, BOX_PATH, 12), KeyedBlock(0, 2, BOX_PATH, 12)
HEADING = KeyedBlock(0, 1, BODY_PATH, 2, is_heading=True)
HEADED = KeyedBlock(0, 2, BODY_PATH, 6)
NAMES = [KeyedBlock(0, key, BOX_PATH, 2) for key in (1, 2, 3)]
SHARED = [KeyedBlock(0, key, BODY_PATH, 40) for key in (1, 2, 3)]


def boxed(word_count, key=1):
    return KeyedBlock(0, key, BOX_PATH, word_count)


def own_pages(count, *blocks):
    """Pages of these blocks; a number is that of a block of the page's own."""
    return [[own_block(each * 1000 + n) if isinstance(each, int) else each for each in blocks] for n in range(count)]


def some(count, of_pages, block):
    """Pages of which so many have a block below their text."""
    return [*make_pages(count, block), *make_pages(of_pages)[count:]]


@pytest.mark.parametrize(
    ("pages", "gone"),
    [
        pytest.param(own_pages(1, boxed(5), 1, boxed(5, 2)), [], id="one page alone"),
        pytest.param(make_pages(2, PROMO), [2], id="a promo on two pages"),
        pytest.param([*make_pages(4, preceding_blocks=[MOTTO]), *make_pages(30)[4:]], [0], id="a motto above the text"),
        pytest.param(some(4, 40, CREDIT), [], id="a rare credit"),
        pytest.param(some(2, 3, CREDIT), [], id="a credit on two of three"),
        pytest.param(some(30, 40, CREDIT), [2], id="a frequent credit"),
        pytest.param(some(40, 120, CREDIT), [2], id="a credit on a third of many"),
        pytest.param(own_pages(9, HEADING, 1, 2), [], id="a heading above the text"),
        pytest.param(own_pages(9, 1, HEADING, 2), [], id="a heading within the text"),
        pytest.param(make_pages(9, HEADING, HEADED), [2, 3], id="a heading with what it heads"),
        pytest.param(make_pages(9, HEADING), [2], id="a heading of nothing"),
        pytest.param(own_pages(9, 1, PROMO, 2, HEADED, 3), [], id="between paragraphs"),
        pytest.param([[own_block(1000 + n), boxed(1), own_block(3000 + n, 4, BOX_PATH), own_block(2000 + n)]
                      for n in range(9)], [], id="a box with something of their own"),
        pytest.param([[*page, NAMES[n % 3]] for n, page in enumerate(make_pages(12))], [], id="short texts of a box"),
        pytest.param(make_pages(12, *NAMES), [2, 3, 4], id="short texts on most of its pages"),
        pytest.param([*([own_block(1000 + n, 60), *SHARED] for n in range(2)), *make_pages(2)], [], id="two versions"),
        pytest.param([[MOTTO], *make_pages(5, preceding_blocks=[MOTTO])], [0], id="all the site's, beside five texts"),
        pytest.param([[MOTTO], *make_pages(4, preceding_blocks=[MOTTO])], [], id="all the site's, beside four"),
        pytest.param([*[[CREDIT]] * 9, *make_pages(9)], [], id="pages that differ in numbers"),
        pytest.param([*[[CREDIT, OTHER_MOTTO]] * 9, *make_pages(9, OTHER_MOTTO)], [1], id="with a motto"),
        pytest.param([*[[MOTTO]] * 9, *make_pages(9, MOTTO)], [], id="as many without a text"),
        pytest.param([*[[MOTTO]] * 9, *make_pages(10, MOTTO)], [0], id="fewer without a text"),
        pytest.param(some(2, 30, boxed(9)), [], id="a pair on a large site"),
        pytest.param(some(2, 19, boxed(9)), [2], id="a pair on nineteen pages"),
        pytest.param(some(2, 20, boxed(9)), [], id="a pair on twenty"),
        *(pytest.param(some(count, pages, PROMO), [2] if goes else [], id=f"a closing line of {count} of {pages}")
          for count, pages, goes in ((6, 10, 1), (5, 10, 0), (25, 83, 1), (25, 84, 0), (24, 80, 0), (24, 40, 1),
                                     (2, 2, 1), (2, 3, 0), (3, 5, 1))),
        pytest.param(make_pages(4, boxed(30)), [2], id="a third of a page"),
        pytest.param(make_pages(4, boxed(31)), [], id="more of it"),
        pytest.param(make_pages(5, boxed(31)), [2], id="more of it on five pages"),
        *(pytest.param([*make_pages(pages, boxed(count), boxed(9, 2)), *make_pages(12, boxed(9, 2))[pages:]],
                       [2, 3] if goes else [3], id=f"{count} words on {pages} pages of a box")
          for count, pages, goes in ((8, 2, 1), (7, 2, 0), (7, 6, 1), (7, 5, 0))),
        pytest.param([[own_block(3000 + n, 7), PROMO, own_block(1000 + n)] for n in range(9)], [1], id="above it"),
        pytest.param([[own_block(3000 + n, 8), PROMO, own_block(1000 + n)] for n in range(9)], [], id="in it"),
        pytest.param(own_pages(9, 1, boxed(9), 3, boxed(9), 2), [], id="a refrain"),
        pytest.param(make_pages(9, boxed(9), boxed(9)), [2, 3], id="said twice below the text"),
    ],
)  # fmt: skip
def test_what_pages_of_a_site_share_goes(pages, gone):
    assert judge_first_page(*pages) == dict.fromkeys(gone, REPEATED_VERDICT)


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
    return judge_repeated_blocks(pages[0], memory)


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
    restored = dict.fromkeys((1, 4, 5), BODY_VERDICT)
    assert not_below_note(restored, {2: note}) == {1: BODY_VERDICT}
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
    assert judge_repeated_blocks([*kept_blocks, line], memory) == {}


def test_a_place_needs_five_pages_four_fifths_of_which_keep_their_text():
    assert find_body_paths({"a": 5, "b": 4, "c": 4, "d": 80, "e": 79}, {"c": 1, "d": 20, "e": 21}) == {
        "a": (5, 5), "c": (4, 5), "d": (80, 100),
    }  # fmt: skip


def test_a_slot_needs_twenty_pages_of_which_a_twentieth_keeps_its_text():
    counts = [(20, 1), (19, 0), (100, 5), (100, 6)]
    assert [is_site_slot(*pair) for pair in counts] == [True, False, True, False]


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("Ben is the editor of this magazine.", True),
        ("one two three four five Ben", True),
        ("one two three four five six Ben", False),
        (f"{'x' * 96} Ben", True),
        (f"{'x' * 98} Ben", False),
    ],
)
def test_an_author_is_named_within_six_words_and_a_hundred_characters(text, is_named):
    assert names_author(text, ["Ben Okoro"]) is is_named
    assert not names_author(text, [])


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


def agreed(*texts: int) -> SiteMemory:
    return SiteMemory(9, {}, agreed_texts=frozenset(texts))


LINES = [KeyedBlock(n, 100 + n, "body>main", 12, text_id=n) for n in range(4)]


def test_a_text_that_most_pages_remove_goes_from_the_others():
    assert judge_blocks(LINES, agreed(2, 3), {}) == dict.fromkeys((2, 3), CONSENSUS_VERDICT)
    assert judge_blocks(LINES, agreed(0, 1, 2, 3), {}) == {}, "nothing else is left of the page"
    note = LINES[2]._replace(names_author=True)
    assert judge_blocks([*LINES[:2], note], agreed(2), {}) == {}
    heading = LINES[2]._replace(is_heading=True)
    assert judge_blocks([*LINES[:2], heading, LINES[3]], agreed(2), {}) == {}, "text is kept below it"
    assert judge_blocks([*LINES[:2], heading, LINES[3]], agreed(2, 3), {}).keys() == {2, 3}


def test_no_place_brings_a_text_back_that_most_pages_remove():
    removed = LINES[3]._replace(is_kept=False)
    page = OwnPage(blocks=[*LINES[:3], removed], returning={1: 1, 3: 3})
    assert judge_page(page, SiteEvidence(blocks=agreed(3))).blocks == {1: BODY_VERDICT}
    assert judge_page(page, SiteEvidence(blocks=agreed())).blocks == dict.fromkeys((1, 3), BODY_VERDICT)


TEXT = (30, 1, True)


@pytest.mark.parametrize(
    ("blocks", "in_slot", "found"),
    [
        ([TEXT, (15, 1)], [1], [1]),
        ([TEXT, (16, 1)], [1], []),  # more than a third of the page
        ([TEXT, (15, 1, True)], [1], []),
        ([TEXT, (15, 0)], [1], []),
        ([TEXT, (15, 1)], [], []),
        ([(5, 1), TEXT], [0], [0]),
        ([TEXT, (5, 1), (8, 1, True)], [1], []),  # between paragraphs
        ([TEXT, (5, 1), (7, 1, True)], [1], [1]),
        ([TEXT, (5, 1), (8, 0, True)], [1], [1]),
        ([(60, 1), (9, 0, True)], [0], [0]),  # all of the little that the page keeps
        ([(61, 1)], [0], []),
        ([(40, 1), (5, 1), (5, 1, True)], [0, 1], []),
    ],
)
def test_doubtful_blocks_in_slots_go_above_and_below_the_text(blocks, in_slot, found):
    """Blocks of (words, kept, sure)."""
    page = [
        KeyedBlock(n, n, BODY_PATH, words, is_kept=bool(kept), place=n, is_sure=bool(sure))
        for n, (words, kept, *sure) in enumerate(blocks)
    ]
    memory = SiteMemory(30, {}, slots=frozenset(in_slot))
    assert judge_slots(page, memory) == dict.fromkeys(found, SLOT_VERDICT)
