"""missing_days: the day of an article whose statements and headline show none."""

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page, PageType

STORY = "".join(
    f"<p>{sentence}, and the people of the valley, who had waited for it since spring, talked of nothing else.</p>"
    for sentence in (
        "The mill by the river burned down on Monday night",
        "The fire brigade came from three towns with eleven engines",
        "Nobody was hurt, the mayor said in the morning",
        "The owner wants to build it up again before winter",
        "Its wheel had turned for two hundred years",
    )
)


def day(body: str, head: str = "", fetched_at: str = "") -> tuple[str, str]:
    html = f"<html lang=en><head><title>Mill burns down</title>{head}</head><body>{body}</body></html>"
    cleaned = clean(Page("https://paper.example/mill", html.encode(), fetched_at=fetched_at))
    assert cleaned.verdict.page_type is PageType.ARTICLE
    return cleaned.metadata.published, cleaned.metadata.sources.get("published", "")


HEADED = f"<main><h1>Mill burns down</h1>{STORY}</main>"
MENU = "".join(f"<li><a href=/{n}>Towns of the valley {n}</a></li>" for n in "abcdefghijklmnopqrstuvwxyzäöüß")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (f"<ul>{MENU}</ul><main><p>3 May 2024</p>{STORY}</main>", ("2024-05-03", "text")),
        (f"<ul>{MENU}</ul><main>{STORY.replace('</p>', '</p><p>3 May 2024</p>', 1)}</main>", ("2024-05-03", "text")),
        (f"{HEADED}<p><i class='icon icon-calendar'></i> 3 May 2024</p>", ("2024-05-03", "text")),
        (f"{HEADED}<p>🗓 3 May 2024</p>", ("2024-05-03", "text")),
        (f"{HEADED}<script>var page = {{'publishedAt': '2024-05-03'}}</script>", ("2024-05-03", "script")),
        (HEADED, ("", "")),
    ],
)  # fmt: skip
def test_a_day_that_only_the_whole_page_shows(body, found):
    assert day(body) == found


def test_days_of_others_are_none():
    assert day(f"<nav><ul><li><a href=/p>Paper of 3 May 2024</a></li>{MENU}</ul></nav>{HEADED}") == ("", "")
    card = "<div class=related-box><a href=/b>Bakery opens in town</a> <p>7 April 2024</p></div>"
    assert day(f"{HEADED}{card}") == ("", "")
    told = "<p>It had burned once before, on 7 April 1995, when the old miller lived there.</p>"
    assert day(f"{HEADED.replace('</main>', told + '</main>')}") == ("", "")
    members = "<script>var a = {'publishedAt': '2024-05-03'}, b = {'publishedAt': '2024-05-07'}</script>"
    assert day(f"{HEADED}{members}") == ("", "")


ABBR = "<div class=foot><abbr class=published title='3 May 2024'>a while ago</abbr></div>"


def test_htmldate_is_asked_last_and_named():
    assert day(f"{HEADED}{ABBR}")[1] == "htmldate"
    assert day(f"{HEADED}{ABBR}<script>var a = {{'publishedAt': '2024-05-04'}}</script>") == ("2024-05-04", "script")
    changed = "<meta property=article:modified_time content=2024-05-03T10:00:00Z>"
    assert day(f"{HEADED}{ABBR}", changed) == ("", "")


def test_no_day_later_than_the_fetch():
    assert day(f"{HEADED}{ABBR}", fetched_at="2024-05-01T10:00:00+00:00") == ("", "")


WIDGET = "<aside class=widget><h3>Latest</h3>"


@pytest.mark.parametrize(
    ("day_beside", "found"),
    [
        (f"{WIDGET}<p>The bridge is closed</p><time datetime=2024-05-03>3 May 2024</time></aside>", ""),
        (f"{WIDGET}<p>The bridge is closed</p><p>3 May 2024</p></aside>", ""),
        (f"{WIDGET}<time datetime=2024-05-03>a while ago</time></aside>", ""),
        ("<div class=foot><time datetime=2024-05-03>a while ago</time></div>", "2024-05-03"),
    ],
)  # fmt: skip
def test_a_last_resort_takes_no_day_from_beside_the_article(day_beside, found):
    long_story = "".join(STORY.replace("Monday", f"the {n}th") for n in range(4, 20))
    assert day(f"<main><h1>Mill burns down</h1>{long_story}</main>{day_beside}")[0] == found
