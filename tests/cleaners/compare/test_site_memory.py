from __future__ import annotations

from cleaners.compare.site_memory import (
    BIO,
    REPEATED,
    Seen,
    container,
    judge_again,
    least_pages,
    length,
    names_author,
    remember,
)

BODY, BOX = "body>main>div.text", "body>main>div.box"


def own(number, words=30, where=BODY):
    return Seen(0, number, where, words)


def site(*pages):
    """The verdicts on the first page, by position; keys below 1000 are of texts that pages share."""
    placed = [[Seen(n, b.key, b.container, b.words, b.heading, b.named) for n, b in enumerate(page)] for page in pages]
    counts = {}
    for page in placed:
        for key in {block.key for block in page}:
            counts[key] = counts.get(key, 0) + 1
    repeated = {key: count for key, count in counts.items() if count >= least_pages(len(pages))}
    return judge_again(placed[0], remember(placed, repeated, len(pages)))


def pages(count, *around, before=()):
    """Pages with two paragraphs of their own between the blocks given."""
    return [[*before, own(1000 + n), own(2000 + n), *around] for n in range(count)]


def test_a_container_is_where_the_text_level_ends():
    assert container("body>main>div#post-17>blockquote>p.lead") == "body>main>div#post-0"
    assert container("body>div.page>table>tr>td.story>p>a") == "body>div.page>table>tr>td.story"
    assert container("p") == "p"


def test_length_counts_scripts_without_spaces():
    assert length("one two\nthree") == 3
    assert length("这是一个没有空格的句子") == 5


def test_an_author_is_named_near_the_beginning():
    assert names_author("Ben is the editor of this magazine.", ["Ben Okoro"])
    assert not names_author("This was written one long evening in May by Ben.", ["Ben Okoro"])
    assert not names_author("Ben is the editor.", [])


def test_one_page_alone_loses_nothing():
    assert site([Seen(0, 1, BOX, 5), own(1000), Seen(0, 2, BOX, 5)]) == {}


def test_two_pages_are_enough_for_a_fixed_promo():
    promo = Seen(0, 1, BODY, 6)
    assert site(*pages(2, promo)) == {2: REPEATED}


def test_a_motto_above_the_text_goes_wherever_it_is_kept():
    motto = Seen(0, 1, BOX, 12)
    assert site(*pages(4, before=[motto]), *pages(30)[4:]) == {0: REPEATED}


def test_a_credit_amid_the_articles_text_stays_while_it_is_rare():
    credit = Seen(0, 1, BODY, 12)
    assert site(*pages(4, credit), *pages(40)[4:]) == {}
    assert site(*pages(2, credit), *pages(3)[2:]) == {}
    assert site(*pages(30, credit), *pages(40)[30:]) == {2: REPEATED}
    assert site(*pages(40, credit), *pages(120)[40:]) == {2: REPEATED}


def test_a_heading_above_text_of_the_articles_own_stays():
    heading = Seen(0, 1, BODY, 1, heading=True)
    assert site(*[[heading, own(1000 + n), own(2000 + n)] for n in range(9)]) == {}
    assert site(*[[own(1000 + n), heading, own(2000 + n)] for n in range(9)]) == {}


def test_a_heading_goes_with_what_it_heads():
    heading, promo = Seen(0, 1, BODY, 2, heading=True), Seen(0, 2, BODY, 6)
    assert site(*pages(9, heading, promo)) == {2: REPEATED, 3: REPEATED}
    assert site(*pages(9, heading)) == {2: REPEATED}


def test_what_stands_between_paragraphs_stays():
    question, refrain = Seen(0, 1, BODY, 2), Seen(0, 2, BODY, 9)
    made = [[own(1000 + n), question, own(2000 + n), refrain, own(3000 + n)] for n in range(9)]
    assert site(*made) == {}


def test_a_part_of_the_page_where_articles_have_something_of_their_own_is_no_box():
    salt = Seen(0, 1, BOX, 1)
    made = [[own(1000 + n), salt, own(3000 + n, 4, BOX), own(2000 + n)] for n in range(9)]
    assert site(*made) == {}


def test_a_short_text_in_a_box_needs_most_of_its_pages():
    names = [Seen(0, key, BOX, 2) for key in (1, 2, 3)]
    made = [[own(1000 + n), own(2000 + n), names[n % 3]] for n in range(12)]
    assert site(*made) == {}
    assert site(*pages(12, *names)) == {2: REPEATED, 3: REPEATED, 4: REPEATED}


def test_below_the_closing_line_what_repeats_is_the_sites():
    line, note, more = Seen(0, 1, BODY, 8), Seen(0, 2, BODY, 30, named=True), Seen(0, 3, BODY, 30)
    others = [[own(5000 + n), line] for n in range(12)]
    with_note = [[own(1000 + n), line, note, more] for n in range(3)]
    assert site(*with_note, *others) == {1: REPEATED, 2: BIO, 3: REPEATED}
    assert site(*[[own(1000 + n), note, more] for n in range(3)], *pages(20)) == {}


def test_two_versions_of_an_article_keep_what_they_share():
    shared = [Seen(0, key, BODY, 40) for key in (1, 2, 3)]
    assert site(*[[own(1000 + n, 60), *shared] for n in range(2)], *pages(2)) == {}


def test_a_page_that_is_all_the_sites_is_left_as_it_is():
    motto = Seen(0, 1, BOX, 12)
    assert site([motto], *pages(9, before=[motto])) == {}


def test_on_a_large_site_a_pair_is_chance():
    pair = Seen(0, 1, BOX, 9)
    assert site(*pages(2, pair), *pages(30)[2:]) == {}
