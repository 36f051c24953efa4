"""The day of publication where a page's statements, its URL and its text differ."""

import pytest

from broadsheet.cleaners.page.metadata_fields import read_metadata
from broadsheet.cleaners.page.parsed_page import parse

STORY = f"<p>{'It rains in the valley, and the river rises. ' * 6}</p>"


def published(
    body: str, head: str = "", url: str = "https://paper.example/news/rain", language: str = "en"
) -> tuple[str, str]:
    tree = parse(f"<html lang={language}><head>{head}</head><body><article><h1>Rain comes</h1>{body}</article></body>")
    assert tree is not None
    metadata = read_metadata(tree, url)
    return metadata.published, metadata.sources.get("published", "")


@pytest.mark.parametrize(
    ("host", "day"),
    [
        *((host, "2024-05-03") for host in ("paper.co.uk", "paper.ie", "paper.com.au", "paper.ch")),
        *((host, "2024-03-05") for host in ("paper.com", "paper.io", "paper.us")),
    ],
)
def test_the_country_of_the_host_decides_the_order_of_day_and_month(host, day):
    for language in ("en", "en-US"):
        assert published("<p>03/05/2024</p>", url=f"https://{host}/rain", language=language) == (day, "text")


URL, FETCHED = "https://paper.example", "2024-05-03T12:00:00+00:00"


def meta(published: str, modified: str = "") -> str:
    names = {"published": published, "modified": modified}
    return "".join(f'<meta property="article:{name}_time" content="{day}">' for name, day in names.items() if day)


UTC, LOCAL = meta("2024-05-03T01:49:09Z"), "2024-05-02T18:49:09-07:00"
STAMP = "2020-11-24T08:22:33+04:00"
TWO = "<meta property=article:published_time content=2022-01-15><meta name=date content=2022-01-25>"
CHANGED = "<meta name=date content=2020-06-23><meta name=last-modified content=2020-06-23>"
CARD = "<div class=x9><a href=/bridge>{}</a><div><span>3 May 2020</span></div></div>"
NAMES = ", ".join(f"{name} (Werkstatt {name})" for name in ("Anna Groß", "Bernd Klein", "Cem Rot", "Dora Lang"))
FIGURE = "<figure><figcaption>Aufnahme (31.07.2024 im Tal)</figcaption></figure>"
LINE = "<p>{}The bridge over the river will be closed for two years, the council said on Tuesday.</p>" + STORY


@pytest.mark.parametrize(
    ("head", "body", "day"),
    [
        (meta("2024-05-03T14:00:51Z", "2024-05-03T14:00:51Z"), "<p>03/05/2024</p>", "2024-05-03T14:00:51+00:00 meta"),
        (UTC, "<time datetime='2024-05-02 18:49:09'>2 May</time>", f"{LOCAL} meta"),
        (UTC, f"<time datetime='{LOCAL}'>2 May</time>", f"{LOCAL} meta"),
        (UTC, "<p>May 2, 2024 at 6:49 p.m.</p>", f"{LOCAL} meta"),
        (UTC, "", "2024-05-03T01:49:09+00:00 meta"),
        ("", "<p>Rain (2020/7/11-12, eighteen towns of the valley)</p><p>2020-07-12</p>", "2020-07-12 text"),
        *(("", page.replace("<p>", f"<p>{opening}"), "2022-01-27 text") for page in (STORY, LINE.format(""))
          for opening in ("27 January 2022 - ", "Valley, 27 January 2022 – ", "27 January 2022. ")),
        ("", f"{STORY}<ol class=comment-list><li class=comment>Ann Lee, 3 May 2024</li></ol>", ""),
        ("", "<pre>git log 3 May 2024</pre>", ""),
        ("", "<p>Built on 3 May 1912</p>", ""),
        ("", f"<p>On 3 May 2024 it rained. {STORY[3:]}", ""),
        (TWO, "<p>25 January 2022</p>", "2022-01-25 text"),
        (TWO, "<p>20 January 2022</p>", "2022-01-15 meta"),
        (CHANGED, "<p>3 May 2020</p><p>6 May 2020</p>", "2020-06-23 meta"),
        (CHANGED, "<p>3 May 2020</p>", "2020-05-03 text"),
        (CHANGED, CARD.format("The bridge of the valley reopens"), "2020-06-23 meta"),
        (CHANGED, CARD.format("Ann Lee"), "2020-05-03 text"),
        ("", f"<div itemprop=datePublished content='{STAMP}'></div>", f"{STAMP} markup"),
        ("", f"<span class=updated title='{STAMP}'></span>", f"{STAMP} markup"),
        ("<meta property=a:uploaded content=2013-02-16T04:36:36-05:00>", "", "2013-02-16T04:36:36-05:00 meta"),
        ("<meta property=a:expires content=2013-02-16T04:36:36-05:00>", "", ""),
    ],
)  # fmt: skip
def test_the_day_that_statements_and_the_page_show(head, body, day):
    assert " ".join(published(body, head)).strip() == day


@pytest.mark.parametrize(
    ("body", "day"),
    [
        ("<meta name=date content='05/03/2024 12:43:42'><p>Created: 03.05.2024</p>", "2024-05-03 text"),
        ("<p>28.09.1912:44</p>", "2019-09-28T12:44:00 text"),
        ("<p>28 | 09 | 2019</p>", "2019-09-28 text"),
        (f"{FIGURE}<p>09.09.2024 von {NAMES}</p>", "2024-09-09 text"),
        (FIGURE, ""),
    ],
)
def test_the_day_of_a_german_page(body, day):
    assert " ".join(published(body, language="de")).strip() == day


@pytest.mark.parametrize(
    ("path", "body", "day"),
    [
        ("2024/05/02/rain/", UTC, "2024-05-02T23:49:09-02:00 meta"),
        ("2024/4/20/rain/", UTC, "2024-04-20 url"),
        (
            "2017/09/rain.html",
            "<p>In the shops since: 14.08.2017</p><p>Saturday, 9 September 2017</p>",
            "2017-09-09 text",
        ),
    ],
)
def test_the_day_that_the_url_has_or_chooses(path, body, day):
    assert " ".join(published(body, url=f"{URL}/{path}")) == day


def above(line: str, runs: int) -> str:
    """A page with a line, and text runs between it and the headline."""
    between = "".join(f"<p>Chapter {'i' * (n + 1)} of the paper</p>" for n in range(runs))
    tree = parse(f"<body><div>{line}{between}<h1>Rain comes</h1>{STORY}</div></body>")
    assert tree is not None
    return read_metadata(tree, "https://paper.example/rain").published


@pytest.mark.parametrize("line", ["<p>3 May 2024</p>", "<p>3 May 2024 by Ann Lee, who reports from the valley</p>"])
def test_a_dateline_far_above_the_headline(line):
    assert above(line, 18) == "2024-05-03"
    assert above(line, 25) == ""
    assert above("<p>The paper of 3 May 2024 brought a long list of towns</p>", 18) == ""


def test_a_sentence_of_the_story_never_wins_over_a_dateline():
    told = "<p>It had rained on 7 April 2020 in all of these towns.</p>"
    tree = parse(f"<body><div><p>3 May 2024</p>{'<p>Paper</p>' * 14}<h1>Rain comes</h1>{told}{STORY}</div></body>")
    assert tree is not None
    assert read_metadata(tree, "https://paper.example/rain").published == "2024-05-03"
    assert published(told)[0] == ""
    assert published("<p>This report was first published on 3 May 2024 in the paper.</p>")[0] == "2024-05-03"


@pytest.mark.parametrize("name", ["related", "teaser", "sidebar-box", "most-popular"])
def test_a_day_in_a_card_of_another_article(name):
    card = f"<div class='{name}'><h3><a href=/b>Bakery opens in town</a></h3><p>7 April 2024</p></div>"
    assert published(card + STORY)[0] == ""
    assert published(f"<p>{'Rain in the valley. ' * 30}</p>{card}<p>3 May 2024</p>{STORY}")[0] == "2024-05-03"
    own = f"<div class='{name}__meta'>3 May 2024 | <a href=/l>Ann Lee</a></div>"
    assert published(own + STORY)[0] == "2024-05-03"


def test_a_label_in_the_line_before_the_day_above_the_headline():
    tree = parse(f"<div><p>3 May 2024</p><p>Updated:</p><p>7 May 2024</p><h1>Rain comes</h1>{STORY}</div>")
    assert tree is not None
    metadata = read_metadata(tree, "https://paper.example/rain")
    assert (metadata.published, metadata.modified) == ("2024-05-03", "2024-05-07")


H, X, DAY = "<h1>Rain comes</h1>", "<p>x</p>", "<p>3 May 2020</p>"


def dates(body: str, path: str = "", not_after: str = "") -> tuple[str, str]:
    tree = parse(f"<html lang=en><body>{body}</body></html>")
    assert tree is not None
    found = read_metadata(tree, f"{URL}{path or '/news/rain'}", not_after)
    parts = (found.published, found.sources.get("published", "")), (found.modified, found.sources.get("modified", ""))
    published, modified = (" ".join(part).strip() for part in parts)
    return published, modified


JUNE = meta("2020-06-23", "2020-06-23")


@pytest.mark.parametrize(
    ("body", "path", "published", "modified"),
    [
        (f"{meta('2024-05-04')}<meta name=date content=2024-05-02>", "", "2024-05-04 meta", ""),
        (f"{meta('2024-05-05')}<meta name=date content=2024-05-02>", "", "2024-05-02 meta", ""),
        (meta("2024-05-03", "2024-05-04"), "", "2024-05-03 meta", "2024-05-04 meta"),
        (meta("2024-05-03", "2024-05-05"), "", "2024-05-03 meta", ""),
        (f"{meta('1970-01-01')}<meta name=date content=2024-05-02>", "", "2024-05-02 meta", ""),
        (f"{meta('1970-01-02')}<meta name=date content=2024-05-02>", "", "1970-01-02 meta", ""),
        (meta("2024-05-03"), "/2024/05/06/rain", "2024-05-03 meta", ""),
        (meta("2024-05-03"), "/2024/05/01/rain", "2024-05-01 url", ""),
        (meta("2024-05-03"), "/2024/5/1/rain", "2024-05-01 url", ""),
        (meta("2024-05-03"), "/2024/05/01-rain", "2024-05-03 meta", ""),
        (f"{meta('2024-05-03', '2024-05-03')}{H}<p>6 May 2024</p>{DAY}", "", "2020-05-03 text", "2024-05-03 meta"),
    ],
)
def test_no_date_is_later_than_the_fetch(body, path, published, modified):
    assert dates(body, path, FETCHED) == (published, modified)


@pytest.mark.parametrize(
    ("body", "published"),
    [
        (f"{JUNE}{H}<p>{'x' * 29} 3 May 2020</p>", "2020-05-03 text"),
        (f"{JUNE}{H}<p>{'x' * 30} 3 May 2020</p>", "2020-06-23 meta"),
        (f"{JUNE}{H}{X * 11}{DAY}", "2020-05-03 text"),
        (f"{JUNE}{H}{X * 12}{DAY}", "2020-06-23 meta"),
        (f"{JUNE}{DAY}{X * 2}{H}", "2020-05-03 text"),
        (f"{JUNE}{DAY}{X * 3}{H}", "2020-06-23 meta"),
        (f"{JUNE}{H}<p>Updated 3 May 2020</p>", "2020-06-23 meta"),
        (f"{meta('2020-06-23')}{H}{DAY}", "2020-06-23 meta"),
        (f"{meta('2020-06-23', '2020-06-24')}{H}{DAY}", "2020-06-23 meta"),
        (f"{meta('2020-06-23', '2020-06-22')}{H}{DAY}", "2020-05-03 text"),
        (f"{meta('2020-05-04T13:59:00+00:00', '2020-05-04')}{H}{DAY}", "2020-05-04T13:59:00+00:00 meta"),
        (f"{meta('2020-05-05T13:59:00+00:00', '2020-05-05')}{H}{DAY}", "2020-05-03 text"),
        (f"{meta('2020-05-04T14:00:00+00:00', '2020-05-04')}{H}{DAY}", "2020-05-03 text"),
        (f"{meta('2020-05-03T14:00:00+00:00', '2020-05-03')}{H}{DAY}", "2020-05-03T14:00:00+00:00 meta"),
    ],
)
def test_an_earlier_day_alone_near_the_headline(body, published):
    assert dates(body)[0] == published


@pytest.mark.parametrize(
    ("body", "published"),
    [
        (f"{H}<p>{'x' * 69} 3 May 2020</p>", "2020-05-03 text"),
        (f"{H}<p>{'x' * 70} 3 May 2020</p>", ""),
        (f"{H}<p>Published: 3 May 2020 {'x' * 178}</p>", "2020-05-03 text"),
        (f"{H}<p>Published: 3 May 2020 {'x' * 179}</p>", ""),
        (f"{H}{X * 29}{DAY}", "2020-05-03 text"),
        (f"{H}{X * 30}{DAY}", ""),
        (f"{DAY}{X * 7}{H}", "2020-05-03 text"),
        (f"{DAY}{X * 19}{H}", "2020-05-03 text"),
        (f"{DAY}{X * 20}{H}", ""),
        (f"<p>{'x' * 41} 3 May 2020</p>{X * 7}{H}", "2020-05-03 text"),
        (f"<p>{'x' * 41} 3 May 2020</p>{X * 8}{H}", ""),
        (f"{H}<p>31 December 1994</p>", ""),
        (f"{H}<p>1 January 1995</p>", "1995-01-01 text"),
        (f"{H}<p>Published 31 December 1994</p>", "1994-12-31 text"),
        (f"{H}<p>{'x' * 41} 4 May 2020</p>{X * 10}{DAY}", "2020-05-03 text"),
        (f"{H}<p>{'x' * 41} 4 May 2020</p>{X * 11}{DAY}", "2020-05-04 text"),
        (f"{DAY}{X * 2}{H}{X * 4}<p>4 May 2020</p>", "2020-05-04 text"),
        (f"{DAY}{X * 2}{H}{X * 5}<p>4 May 2020</p>", "2020-05-03 text"),
        (f"{H}{X * 30}<p class=date>{'x' * 69} 3 May 2020</p>", "2020-05-03 markup"),
        (f"{H}{X * 30}<p class=date>{'x' * 70} 3 May 2020</p>", ""),
        (f"{H}{'<time>x</time>' * 29}{X * 30}<time class=published datetime=2020-05-03>x</time>", "2020-05-03 markup"),
        (f"{H}{'<time>x</time>' * 30}{X * 30}<time class=published datetime=2020-05-03>x</time>", ""),
        (f"{H}{'<p><time>x</time></p>' * 29}<p><time datetime=2020-05-03>x</time></p>", "2020-05-03 markup"),
        (f"{H}{'<p><time>x</time></p>' * 30}<p><time datetime=2020-05-03>x</time></p>", ""),
    ],
)
def test_where_a_date_in_text_and_markup_is_looked_for(body, published):
    assert dates(body)[0] == published


@pytest.mark.parametrize(
    ("month", "day", "published"),
    [
        ("2017/09", "2017-08-30", "2017-09-02"), ("2017/09", "2017-09-03", "2017-09-03"),
        ("2017/09", "2017-10-31", "2017-10-31"), ("2017/09", "2017-11-01", "2017-09-02"),
        ("2017/12", "2018-01-03", "2018-01-03"), ("2017/12", "2018-02-01", "2017-12-02"),
    ],
)  # fmt: skip
def test_a_day_of_the_month_of_the_url_or_the_next_one_goes_first(month, day, published):
    body = f"{H}<p>{day}</p><p>{month.replace('/', '-')}-02</p>"
    assert dates(body, f"/{month}/rain.html")[0] == f"{published} text"
