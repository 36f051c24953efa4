"""Crawls with a folder of site rules: what is sent, what is kept, what leads on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crawler.scripted_site import page
from tests.crawler.shell import command

BOX = "<div class='box'><p>Words of a box that the rule takes out of every page of this press.</p></div>"


def folder(tmp_path: Path, text: str, name: str = "127.0.0.1.txt") -> Path:
    made = tmp_path / "rules"
    made.mkdir(exist_ok=True)
    (made / name).write_text(text)
    return made


@pytest.mark.slow
def test_rules_are_applied_where_a_page_is_read(site, crawl, tmp_path):
    site.routes["/"] = page("river", "/hill", "/lake")
    site.routes["/lake"] = page("lake", extra=BOX)
    site.routes["/hill"] = page("hill", extra=BOX)
    rules = folder(tmp_path, "title: substring-after(//h1, 'The story of ')\nstrip_id_or_class: box\n")
    folder(tmp_path, "strip: //p\n", "press.example.txt")  # the rules of another host do nothing
    result = crawl(f"{site.url}/", site_rules=rules)
    assert result.code == 0
    removed = result.rows("SELECT url, reason, rule FROM removed WHERE text LIKE 'Words of a box%' ORDER BY url")
    label = "site:127.0.0.1.txt:2/strip_id_or_class"
    assert removed == [(f"{site.url}{path}", "a site rule of yours", label) for path in ("/hill", "/lake")]
    assert all("Words of a box" not in text and "paragraph 1" in text for text in result.articles().values())
    titles = dict(result.rows("SELECT url, title FROM articles"))
    assert titles[f"{site.url}/hill"] == "hill and the harbour"
    assert result.rows("SELECT DISTINCT json_extract(options, '$.site_rules') FROM runs") == [(str(rules),)]


@pytest.mark.slow
def test_headers_of_a_rule_go_to_its_host_and_dangerous_ones_nowhere(site, crawl, tmp_path):
    site.routes["/"] = page("river")
    headers = {"X-Reader": "print", "Referer": "https://press.example/", "User-Agent": "Forged/1", "Cookie": "a=b"}
    text = "".join(f"http_header({name}): {value}\n" for name, value in headers.items())
    crawl(f"{site.url}/", site_rules=folder(tmp_path, text))
    asked = {seen.path: seen.headers for seen in site.log}
    assert asked["/"]["X-Reader"] == "print"
    assert asked["/"]["Referer"] == "https://press.example/"
    assert asked["/"]["User-Agent"].startswith("Broadsheet/")
    assert asked["/"]["Cookie"] is None
    assert asked["/robots.txt"]["X-Reader"] is None


@pytest.mark.slow
def test_the_whole_article_and_the_next_page_are_followed(site, crawl, tmp_path):
    site.routes["/"] = page(
        "river", "/aside", head="<meta name='whole' content='/river/whole'>", extra="<b id='2'>/2</b>"
    )
    for name in ("aside", "whole", "next"):
        site.routes[{"whole": "/river/whole", "next": "/2"}.get(name, f"/{name}")] = page(name)
    rules = folder(tmp_path, "single_page_link: //meta[@name='whole']/@content\nnext_page_link: string(//b[@id='2'])\n")
    result = crawl(f"{site.url}/", site_rules=rules, feeds=0, sitemaps=0)
    ways = dict(result.rows("SELECT url, found_via FROM urls WHERE kind = 'page'"))
    assert ways[f"{site.url}/river/whole"] == "single_page"
    assert ways[f"{site.url}/2"] == "next"
    first = result.rows(
        """SELECT url FROM urls WHERE found_via <> 'seed'
            AND _priority = (SELECT max(_priority) FROM urls WHERE found_via <> 'seed')"""
    )
    assert first == [(f"{site.url}/river/whole",)], "the whole article is asked for before all else"


@pytest.mark.slow
def test_an_article_in_several_pages_is_one_at_the_end(site, crawl, tmp_path):
    site.routes["/"] = page("river", "/wall", "/hill")
    site.routes["/hill"] = page("hill")
    for number in (1, 2, 3):
        path = "/wall" if number == 1 else f"/wall?page={number}"
        onward = f"<p class='onward'><a href='/wall?page={number + 1}'>Read on</a></p>" if number < 3 else ""
        made = page(f"wall{number}", extra=onward)
        site.routes[path] = made.replace(f"The story of wall{number} and", "The story of the wall and")
    rules = folder(tmp_path, "next_page_link: //p[@class='onward']/a\nstrip: //p[@class='onward']\n")
    found = crawl(f"{site.url}/", site_rules=rules)
    articles = found.articles()
    assert set(articles) == {f"{site.url}/wall", f"{site.url}/hill"}
    text = articles[f"{site.url}/wall"]
    assert [line.split(":")[0] for line in text.splitlines()] == [
        f"Wall{number} paragraph {n}" for number in (1, 2, 3) for n in range(3)
    ]
    assert found.rows("SELECT why, count(*) FROM shelved GROUP BY why") == [("part", 2)]
    crawl(f"{site.url}/", site_rules=rules)
    assert crawl.db.is_file()
    assert dict(found.articles()) == articles


def test_a_folder_that_is_none_stops_the_crawl_before_it_asks(site, tmp_path):
    words = ("crawl", f"{site.url}/", "--db", tmp_path / "a.db", "--allow-private", "--site-rules", tmp_path / "none")
    code, out, errors = command(*words)
    assert (code, out) == (2, "")
    assert errors == f"broadsheet: cannot read the folder of site rules {tmp_path}/none: No such file or directory\n"
    assert site.paths() == []
    assert not (tmp_path / "a.db").exists()


def test_a_saved_page_is_read_with_the_rules_of_its_url_s_host(tmp_path):
    file = tmp_path / "page.html"
    file.write_text(page("river", extra=BOX))
    rules = folder(tmp_path, "strip: //p[contains(., 'paragraph 2')]\n", "press.example.txt")
    code, out, _ = command("clean", file, "--site-rules", rules, "--url", "https://www.press.example/river")
    assert code == 0
    assert "River paragraph 1" in out
    assert "River paragraph 2" not in out
    code, _, errors = command("clean", file, "--site-rules", rules)
    assert code == 2
    assert "needs --url" in errors
