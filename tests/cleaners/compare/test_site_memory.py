from __future__ import annotations

from cleaners.compare.site_memory import (
    BIO_VERDICT,
    REPEATED_VERDICT,
    KeyedBlock,
    build_site_memory,
    container_path,
    judge_repeated_blocks,
    min_repeat_pages,
    names_author,
    rough_word_count,
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


def test_length_counts_scripts_without_spaces():
    assert rough_word_count("one two\nthree") == 3
    assert rough_word_count("这是一个没有空格的句子") == 5


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


def test_two_versions_of_an_article_keep_what_they_share():
    shared = [KeyedBlock(0, key, BODY_PATH, 40) for key in (1, 2, 3)]
    assert judge_first_page(*[[own_block(1000 + n, 60), *shared] for n in range(2)], *make_pages(2)) == {}


def test_a_page_that_is_all_the_sites_is_left_as_it_is():
    motto = KeyedBlock(0, 1, BOX_PATH, 12)
    assert judge_first_page([motto], *make_pages(9, preceding_blocks=[motto])) == {}


def test_on_a_large_site_a_pair_is_chance():
    pair = KeyedBlock(0, 1, BOX_PATH, 9)
    assert judge_first_page(*make_pages(2, pair), *make_pages(30)[2:]) == {}
