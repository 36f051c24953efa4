"""The flags of texts that several pages have: looked up for what changed, they are those of the whole archive."""

from __future__ import annotations

import random

import pytest

from broadsheet.output.archive.ledger import block_id
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.site_repeats import (
    COMMON_TEXT_TABLES,
    create_kept_view,
    drop_site_tables,
    find_common_texts,
)
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.person_verdicts import Ruling, block_text, store_ruling
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import COMMON_TEXTS
from tests.output.conftest import Maker

MENU, PROMO = "Share this page", "Support this magazine with a small gift for its next issue"


def flags(archive: Archive) -> dict[int, int]:
    return dict(archive.db.execute(f"SELECT block_id, asked FROM {COMMON_TEXTS}").fetchall())


def look_up(archive: Archive, *, in_whole_archive: bool) -> frozenset[str]:
    drop_site_tables(archive.db)
    create_kept_view(archive.db)
    hosts = find_common_texts(archive.db, in_whole_archive=in_whole_archive)
    drop_site_tables(archive.db)
    return hosts


@pytest.fixture
def hosts(archive: Archive, make: Maker) -> Archive:
    urls = [f"http://{host}.test/{number}" for host in "ab" for number in range(4)]
    archive.save([make.outcome(url, f"The story of {url}", PROMO, removed=(MENU,)) for url in urls])
    settle(archive.db, make.clock)
    return archive


def test_flags_say_who_has_a_text_and_who_keeps_it(hosts: Archive) -> None:
    assert flags(hosts) == {block_id(MENU): 4, block_id(PROMO): 4 + 8 + 16}


def test_a_text_that_is_kept_somewhere_at_last_concerns_all_hosts_that_have_it(hosts: Archive, make: Maker) -> None:
    hosts.save([make.outcome("http://c.test/1", "Another story", MENU)])
    assert look_up(hosts, in_whole_archive=False) == {"a.test", "b.test", "c.test"}
    assert flags(hosts)[block_id(MENU)] == 4 + 8


def test_a_text_that_one_page_loses_concerns_the_one_that_still_has_it(archive: Archive, make: Maker) -> None:
    archive.save([make.outcome(f"http://{host}.test/1", f"Story {host}", removed=(MENU,)) for host in "ab"])
    settle(archive.db, make.clock)
    archive.save([make.outcome("http://a.test/1", "Story a")])
    assert look_up(archive, in_whole_archive=False) == {"b.test"}
    assert flags(archive) == {}


def test_where_no_flag_changes_no_host_is_concerned(hosts: Archive, make: Maker) -> None:
    hosts.save([make.outcome("http://c.test/1", "Another story", PROMO, removed=(MENU,))])
    assert look_up(hosts, in_whole_archive=False) == frozenset()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_what_is_looked_up_bit_by_bit_is_what_the_whole_archive_gives(archive: Archive, make: Maker, seed: int) -> None:
    chance = random.Random(seed)
    texts = [f"Text number {number} of these few" for number in range(8)]
    urls = [f"http://{host}.test/{number}" for host in "abc" for number in range(3)]
    for _ in range(12):
        chosen = chance.sample(texts, 4)
        archive.save([make.outcome(chance.choice(urls), *chosen[:2], removed=tuple(chosen[2:]))])
        if chance.random() < 0.2:
            take_down(archive.db, chance.choice(urls))
        if chance.random() < 0.3:
            number = block_id(chance.choice(texts))
            if block_text(archive.db, number) is not None:
                store_ruling(archive.db, Ruling(number, False, ruled_at=make.clock()))
            archive.db.conn.commit()
        if chance.random() < 0.6:
            settle(archive.db, make.clock)
    settle(archive.db, make.clock)
    bit_by_bit = flags(archive)
    look_up(archive, in_whole_archive=True)
    assert flags(archive) == bit_by_bit != {}


def test_no_temporary_table_is_left(hosts: Archive) -> None:
    look_up(hosts, in_whole_archive=True)
    names = {name for (name,) in hosts.db.execute("SELECT name FROM temp.sqlite_master")}
    assert names.isdisjoint({*COMMON_TEXT_TABLES, "settle_kept"})
