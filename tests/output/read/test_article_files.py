"""The folder of pages to read: whole without a server, without a script, and every link in it leads somewhere."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from broadsheet.output.read.article_files import export_reader_pages

LINK = re.compile(r'href="([^"]*)"')


@pytest.fixture
def folder(archive, make, tmp_path):
    titles = ("Plain", "<b>Bold</b> & co", "", "../../etc", "x" * 300, "東京")
    archive.save([make.outcome(f"http://a.test/{number}", f"text {number}", title=title)
                  for number, title in enumerate(titles)])  # fmt: skip
    for number, day in enumerate(("2024-05-03", "2024-05-01", "2023-12-31", "soon", None, "9999-x")):
        archive.db.execute(
            "UPDATE articles SET published_day = ?, language = 'ar' WHERE url = ?", [day, f"http://a.test/{number}"]
        )
    archive.db.execute("UPDATE articles SET title = '' WHERE url = 'http://a.test/2'")
    target = tmp_path / "pages"
    assert export_reader_pages(archive.db, target) == len(titles)
    return target


def pages(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text("utf-8") for file in folder.rglob("*.html")}


def test_every_link_leads_to_a_page_or_to_the_site(folder):
    for name, page in pages(folder).items():
        for link in LINK.findall(page):
            target = (folder / name).parent / unquote(link)
            assert link.startswith("http://a.test/") or target.is_file(), (name, link)


def test_every_article_is_reached_from_the_index(folder):
    reached, waiting = set(), {"index.html"}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        targets = ((folder / name).parent / unquote(link) for link in LINK.findall((folder / name).read_text("utf-8")))
        waiting |= {str(t.resolve().relative_to(folder.resolve())) for t in targets if t.is_file()} - reached
    assert reached == set(pages(folder))
    assert len([name for name in reached if name.startswith("articles/")]) == 6


def test_months_are_pages_and_what_has_no_day_is_undated(folder):
    assert set(pages(folder)) >= {"2024-05.html", "2023-12.html", "undated.html", "index.html", "about.html"}
    assert pages(folder)["undated.html"].count("<li>") == 3
    assert pages(folder)["2024-05.html"].index("2024-05-03") < pages(folder)["2024-05.html"].index("2024-05-01")


def test_no_page_has_a_script_or_loads_anything(folder):
    for page in pages(folder).values():
        assert "<script" not in page
        assert "default-src 'none'" in page
        assert not re.search(r"\b(?:src|srcset|onload|onerror)=|@import|url\(|<(?:img|link|iframe)", page)


def test_the_same_articles_give_the_same_pages(folder, archive, tmp_path):
    export_reader_pages(archive.db, tmp_path / "again")
    assert pages(tmp_path / "again") == pages(folder)
