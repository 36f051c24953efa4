"""The reading room in Chromium: find, read, restore and take back, follow a gap, look at a raw page; by keys, without
JavaScript, on a phone; and nothing of an archive makes the browser ask anybody else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from broadsheet.cleaners.document import Metadata
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.browser import TIMEOUT, LoopbackBrowser, axe_findings, axe_source, loopback_browser
from tests.crawler.pictures import png
from tests.crawler.scripted_site import Reply, ScriptedSite
from tests.crawler.shell import crawl, demo_archive, start
from tests.output.cleaned_pages import with_page
from tests.output.conftest import Maker
from tests.output.read.replay_page import viewer_files

pytestmark = pytest.mark.slow

PATHS = (
    "", "articles", "articles?q=water", "changes", "report", "coverage", "coverage/urls?source=link&state=done",
    "review", "review/pages", "url/1", "no",
)  # fmt: skip
_ADDRESS = re.compile(r"http://[\w.:]+/\S*")
ACTIVE_PAGE = """<!doctype html><html lang="en"><head><title>Title <img src=//evil.example/t.png></title>
<link rel="stylesheet" href="//evil.example/a.css"><link rel="dns-prefetch" href="//evil.example">
<link rel="preconnect" href="https://evil.example"><meta http-equiv="refresh" content="0;url=http://evil.example/">
<meta property="og:type" content="article"><meta name="author" content="<svg onload=alert(1)>">
<script>document.title = "ran"; fetch("//evil.example/s"); new WebSocket("ws://evil.example/w")</script>
<style>@import "//evil.example/i.css"; body { background: url(//evil.example/b.png) }</style></head>
<body onload="document.title='ran'"><article><h1>Title</h1>{words}
<p>See <a href="javascript:document.title='ran'">this</a> &lt;script&gt;alert(1)&lt;/script&gt;
<img src=//evil.example/p.png onerror="document.title='ran'"></p></article><iframe src="//evil.example/f"></iframe>
<a href="http://evil.example/l">Leave</a><video autoplay src="//evil.example/v"></video></body></html>"""
ACTIVE_PICTURE = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="800"
height="600" onload="alert(1)"><title>\u202eTitle</title><style>@import "//evil.example/s.css";</style><script>alert(2);
fetch("//evil.example/v")</script><image xlink:href="http://evil.example/i.png" width="9" height="9"/>
<foreignObject width="9" height="9"><iframe xmlns="http://www.w3.org/1999/xhtml" src="//evil.example/f"/>
</foreignObject>
<a xlink:href="javascript:alert(3)"><rect width="800" height="600"/></a></svg>"""
FIGURE = """<figure><img src="/p.svg" width="800" height="600" alt='"><script>alert(4)</script>'><figcaption>The
harbour of the town &lt;img src=//evil.example/c.png onerror=alert(5)&gt; \u202e in the spring &lt;/figure&gt;
<a href="javascript:alert(6)">seen from the sea</a>. Photo: &lt;svg onload=alert(7)&gt;</figcaption></figure>"""
WORDS = FIGURE + "".join(
    f"<p>Paragraph {number}: {'the harbour town had asked for it in the spring ' * 6}.</p>" for number in range(4)
)


@pytest.fixture(scope="module")
def browser() -> Iterator[LoopbackBrowser]:
    with loopback_browser() as started:
        yield started


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample site's archive."""
    return demo_archive(tmp_path_factory, tmp_path_factory.mktemp("sample"))


def opened(db: Path, *options: object) -> Iterator[str]:
    """The address of a reading room over an archive."""
    room = start("browse", db, "--port", 0, *options)
    assert room.stdout is not None
    match = _ADDRESS.search(room.stdout.readline())
    assert match
    yield match[0]
    room.kill()
    room.communicate()


@pytest.fixture
def room(sample: Path, tmp_path: Path) -> Iterator[str]:
    """The reading room over a copy of the sample's archive."""
    shutil.copy(sample, tmp_path / "sample.db")
    shutil.copytree(f"{sample}.warc", tmp_path / "sample.db.warc")
    yield from opened(tmp_path / "sample.db")


def is_fault(message: ConsoleMessage, room: str) -> bool:
    """Whether the console complains of the room; of a raw page it says what the sandbox kept from running."""
    is_of_room = message.location["url"].startswith(room.rsplit("/", 2)[0] + "/")
    return message.type == "error" and is_of_room


@pytest.fixture
def page(browser: LoopbackBrowser, room: str) -> Iterator[Page]:
    page = browser.page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if is_fault(message, room) else None)
    page.goto(room)
    yield page
    page.close()
    assert faults == []


def test_find_read_and_restore_with_preview_and_undo(page):
    page.keyboard.press("/")
    page.keyboard.type("wasser obertrass")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Wem gehört das Wasser").click()
    expect(page.locator(".reading")).to_contain_text("Am Ortsrand von Obertrass")
    caption = "Der Brunnen am Kirchplatz"
    expect(page.locator(".reading > p", has_text=caption)).to_have_count(0)  # it stands below its picture
    page.get_by_role("link", name="Blocks").click()
    block = page.locator("li.block", has_text=caption)
    expect(block).to_contain_text("layout/caption")
    block.get_by_role("link", name="Restore").click()
    expect(page.locator(".scope").first).to_contain_text("1 article changes")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status")).to_contain_text("Restored")
    expect(page.locator("li.block.kept", has_text=caption)).to_contain_text("by a person, in this article")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Taken back")
    expect(page.locator("li.block.removed", has_text=caption)).to_be_visible()


def press(page: Page, key: str) -> None:
    """Press a key once the page's script runs."""
    page.wait_for_load_state("load")
    page.keyboard.press(key)


def test_all_of_it_goes_by_keys(page):
    page.get_by_role("link", name="Articles", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Articles")
    for key in ("j", "j", "k", "j"):
        press(page, key)
    title = page.evaluate("document.activeElement.textContent")
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    press(page, "v")
    expect(page.locator("li.block").first).to_be_attached()
    press(page, "j")
    expect(page.locator("li.block.removed:focus")).to_be_visible()  # it stands in a folded run, which opens
    press(page, "r")
    expect(page.get_by_role("heading", level=1)).to_have_text("Restore this block?")
    press(page, "y")
    expect(page.get_by_role("status")).to_contain_text("Restored")
    expect(page.locator("li.block.kept:focus")).to_be_visible()
    press(page, "x")
    expect(page.get_by_role("heading", level=1)).to_have_text("Remove this block?")
    for key, shown in (("?", True), ("Escape", False)):
        press(page, key)
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible(visible=shown)


def test_the_hits_of_a_search_are_read_one_after_the_other_and_back(page):
    page.goto(f"{page.url}articles?q=water")
    press(page, "j")
    press(page, "Enter")
    expect(page.locator("nav.place")).to_contain_text("1 of")
    press(page, "n")
    expect(page.locator("nav.place")).to_contain_text("2 of")
    title = page.get_by_role("heading", level=1).text_content()
    press(page, "b")
    expect(page.get_by_role("heading", level=1)).to_have_text("“water”")
    expect(page.locator("ol.articles a:focus")).to_have_text(str(title))


def test_on_a_phone_the_facets_are_folded_above_the_hits(browser, room):
    page = browser.chromium.new_page(viewport={"width": 390, "height": 800}, java_script_enabled=False)
    page.goto(f"{room}articles")
    facet = page.locator(".facet-lists")
    expect(facet).to_be_hidden()
    page.get_by_text("Narrow the list").click()
    expect(facet).to_be_visible()
    assert page.locator(".facets").bounding_box()["y"] < page.locator("ol.articles").bounding_box()["y"]  # type: ignore[index]
    page.close()


def test_a_gap_is_followed_to_its_url(page):
    page.get_by_role("link", name="Report", exact=True).click()
    page.get_by_role("link", name="Found by links").click()
    page.wait_for_url("**/coverage#link")  # the page before has such links too
    page.get_by_role("link", name="HTTP 403 Forbidden").click()
    page.locator("ol.rows a").first.click()
    expect(page.locator("main")).to_contain_text("the site refuses us")
    expect(page.locator("main")).to_contain_text("found")


@pytest.mark.parametrize(
    ("tab", "what", "count", "wrong", "told"),
    [
        ("", "block", 10, 5, "Of 10 judged blocks 9 were right: 60 to 98 %"),
        ("Pages", "page", 3, 2, "Of 3 judged pages 2"),
    ],
)
def test_blocks_and_pages_are_reviewed_by_one_key_each(page, tab, what, count, wrong, told):
    for name in filter(None, ("Review", tab)):
        page.get_by_role("link", name=name, exact=True).click()
    for number in range(1, count + 1):
        press(page, "n" if number == wrong else "y")
        expect(page.get_by_role("status")).to_contain_text("Noted as")
        expect(page.locator("main")).to_contain_text(f"Of {number} judged {what}")
    expect(page.locator("main")).to_contain_text(told)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("main")).to_contain_text(f"Of {count - 1} judged {what}s")


def test_a_raw_page_is_shown_and_calls_nobody(page, browser):
    before = len(browser.outside)
    page.get_by_role("link", name="Articles", exact=True).click()
    page.locator("ol.articles a").first.click()
    page.get_by_role("link", name="Stored page").click()
    expect(page.frame_locator("iframe.raw").locator("body")).not_to_be_empty()
    expect(page.locator("main")).to_contain_text("without its styles and pictures")
    assert browser.outside[before:] == []


STYLED_PAGE = """<!doctype html><html lang="en"><head><title>Story</title><meta property="og:type" content="article">
<base href="/b/"><link rel="stylesheet" href="main.css"><link rel="stylesheet" href="//evil.example/a.css"></head><body>
<article><h1>Story</h1>{words}<img src="none.png"><img src="/none.png"><picture>
<source srcset="//evil.example/s.png"><img id="shown" class="big" src="data:,"
data-src="../i/shown.png" srcset="//evil.example/t.png 2x" width="30"></picture></article></body></html>"""
STYLES = {
    "/b/main.css": """@import "more.css"; body { background: rgb(1, 2, 3) url("//evil.example/b.png") }
        @font-face { font-family: evil; src: url("//evil.example/f.woff2") } h1 { font-family: evil, serif }""",
    "/b/more.css": "a { color: rgb(4, 5, 6) } article { background: url('../i/paper.png') } .big { height: 77px }",
}


def test_a_stored_page_shows_its_own_styles_and_pictures_and_asks_the_room_alone(browser, tmp_path):
    story = STYLED_PAGE.replace("{words}", WORDS + '<p><a href="/other">The other story of the harbour</a></p>')
    site = ScriptedSite({"/story": story, "/": "<a href=/story>The story</a>"})
    site.routes |= {path: Reply(text, headers={"Content-Type": "text/css"}) for path, text in STYLES.items()}
    site.routes |= {
        f"/i/{name}.png": Reply(png(30, 20), headers={"Content-Type": "image/png"}) for name in ("shown", "paper")
    }
    crawl(site, tmp_path / "a.db", "--no-sitemaps", "--keep", "page")
    opening = opened(tmp_path / "a.db")
    room = next(opening)
    asked, before, page = len(site.paths()), len(browser.outside), browser.page()
    urls = list[str]()
    page.on("response", lambda response: urls.append(response.url))
    page.goto(f"{room}articles")
    page.locator("ol.articles a").click()
    page.get_by_role("link", name="Stored page").click()
    expect(page.locator("main")).to_contain_text("with the styles and pictures that are stored")
    frame = page.frame_locator("iframe.raw")
    expect(frame.locator("#shown")).to_have_js_property("naturalWidth", 30)
    expect(frame.locator("#shown")).to_have_css("height", "77px")
    expect(frame.locator("body")).to_have_css("background-color", "rgb(1, 2, 3)")
    expect(frame.get_by_text("The other story")).to_have_css("color", "rgb(4, 5, 6)")
    page.wait_for_load_state("networkidle")
    assert sum("/file/" in url for url in urls) == 4, "two sheets and two pictures"
    assert not [url for url in urls if url.endswith("none.png")], "what is not stored is not asked for"
    frame.get_by_text("The other story").click()
    page.wait_for_load_state("networkidle")
    expect(frame.locator("h1")).to_have_text("Story")
    page.close()
    assert browser.outside[before:] == []
    assert len(site.paths()) == asked
    assert next(opening, None) is None
    site.close()


def test_it_can_be_read_without_javascript(browser, room):
    page = browser.chromium.new_page(java_script_enabled=False)
    page.goto(room)
    page.get_by_role("searchbox").fill("water")
    page.get_by_role("searchbox").press("Enter")
    page.locator("ol.articles a").first.click()
    page.get_by_role("link", name="Blocks").click()
    page.locator("details.run summary").first.click()
    page.get_by_role("link", name="Restore").first.click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status")).to_contain_text("Restored")
    page.close()


def test_a_phone_need_not_scroll_sideways(browser, room):
    page = browser.chromium.new_page(viewport={"width": 390, "height": 800})
    for path in ("", "articles", "articles?q=water", "changes", "report", "coverage", "review"):
        page.goto(room + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.close()


LONG = "https://a.example/" + "a-word-that-does-not-end" * 12


@pytest.fixture(scope="module")
def long_worded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The reading room over an archive whose host, titles, description and texts are longer than a line is wide."""
    make, db = Maker(), tmp_path_factory.mktemp("long") / "long.db"
    host = f"https://{'long-label.' * 12}example"
    markdown = f"# {LONG}\n\n- [{LONG}]({LONG})\n\n> {LONG}\n\n{LONG}\n\n| a | b |\n|---|---|\n| {LONG} | {LONG} |\n"
    with Archive.open(db, make.clock) as archive:
        for number in (1, 2):  # the second one is an edit of the first
            outcome = make.outcome(f"{host}/1", f"{LONG} {number}", removed=(LONG,), title=LONG)
            metadata = Metadata(title=LONG, description=LONG, section=LONG, authors=(LONG,), language="de")
            archive.save([with_page(outcome, metadata=metadata, markdown=markdown)])
            settle(archive.db, make.clock)
        archive.save([make.failure(LONG)])
    yield from opened(db)


def test_a_long_word_breaks_where_the_screen_ends(browser, long_worded):
    page = browser.chromium.new_page(viewport={"width": 320, "height": 800})
    page.goto(f"{long_worded}articles")
    listed = long_worded + str(page.locator("ol.articles a").get_attribute("href")).split("/", 2)[2]
    article = listed.split("?")[0]
    paths = ("", "articles", "articles?q=word", "changes", "review", "url/1")
    addresses = [*(long_worded + path for path in paths), article, f"{article}?view=blocks", f"{article}/diff"]
    for address in [*addresses, f"{article}/diff?layout=beside"]:
        assert page.goto(address).status == 200
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
    page.close()


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The reading room over an archive with an article that its publication changed."""
    make, db = Maker(), tmp_path_factory.mktemp("edited") / "edited.db"
    rest = "sentence of it says what the council of the harbour town had voted for on Tuesday."
    first, second, third = (f"The {word} {rest}" for word in ("first", "second", "third"))
    with Archive.open(db, make.clock) as archive:
        for texts in ((first, second, third), (first, second.replace("Tuesday", "Monday"))):
            archive.save([make.outcome("http://a.test/story", *texts, title="The vote")])
            settle(archive.db, make.clock)
    yield from opened(db)


def test_a_diff_is_read_inline_and_side_by_side(browser, edited, axe):
    page = browser.page()
    page.goto(edited)
    page.get_by_role("link", name="Changes", exact=True).click()
    page.get_by_role("link", name="The vote").first.click()
    expect(page.locator(".diff ins").first).to_have_text("Monday.")
    changed = page.locator(".diff .changed")
    expect(changed).to_have_count(2)
    expect(changed.nth(1)).to_contain_text("The third sentence")  # it stood below the one that was rewritten
    page.get_by_role("link", name="Side by side").click()
    expect(page.locator(".diff .pair").first.locator("del")).to_have_text("Tuesday.")
    expect(page.locator("details.run")).to_contain_text("1 block unchanged")
    page.evaluate(axe)
    assert page.evaluate("axe.run(document)")["violations"] == []
    page.close()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The reading room over a site whose pages would run, load, lead and call."""
    yield from opened(crawled(tmp_path_factory.mktemp("hostile"), ACTIVE_PAGE))


@pytest.fixture(scope="module")
def replaying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same with ReplayWeb.page, and a page that stays when it is opened."""
    db = crawled(tmp_path_factory.mktemp("replaying"), re.sub('<meta http-equiv="refresh"[^>]*>', "", ACTIVE_PAGE))
    yield from opened(db, "--replay-assets", viewer_files())


def crawled(folder: Path, story: str) -> Path:
    """The archive of a site with a story of some paragraphs."""
    site = ScriptedSite({"/story": story.replace("{words}", WORDS), "/": "<a href=/story>The story</a>"})
    site.routes["/p.svg"] = Reply(ACTIVE_PICTURE, headers={"Content-Type": "image/svg+xml"})
    db = folder / "hostile.db"
    try:
        crawl(site, db, "--max-pages", 3, "--no-sitemaps", "--keep", "pictures")
    finally:
        site.close()
    return db


def test_a_replayed_page_runs_and_asks_nobody(browser, replaying):
    before, page = len(browser.outside), browser.page()
    page.goto(f"{replaying}articles")
    page.locator("ol.articles a").click()
    page.get_by_role("link", name="Stored page").click()
    page.get_by_role("link", name="In ReplayWeb.page").click()
    viewer = page.frame_locator("iframe.raw").frame_locator("replay-web-page iframe")
    replay = viewer.frame_locator("wr-coll-replay iframe")
    expect(replay.locator("article")).to_contain_text("Paragraph 0", timeout=TIMEOUT)
    assert any(frame.title() == "ran" for frame in page.frames)
    replay.get_by_text("Leave").evaluate("link => link.click()")
    page.wait_for_timeout(2000)
    assert page.url.endswith("view=replay")
    page.close()
    assert browser.outside[before:] == []


def test_nothing_of_a_hostile_archive_acts_or_calls(browser, hostile):
    before, page = len(browser.outside), browser.page()
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.goto(hostile)
    addresses = {hostile + path for path in ("", "articles", "report", "coverage", "changes", "review", "url/1")}
    page.goto(f"{hostile}articles")
    page.locator("ol.articles a").click()
    addresses |= {page.url, f"{page.url}&view=blocks"}
    captures = page.locator("aside a[href*='/capture/']").all()
    addresses |= {page.evaluate("location.origin") + str(link.get_attribute("href")) for link in captures}
    expect(page.locator("figcaption").first).to_contain_text("<img src=//evil.example/c.png onerror=alert(5)>")
    pictures = [str(image.get_attribute("src")) for image in page.locator("img[src*='/picture/']").all()]
    for image in page.locator("img").all():
        image.scroll_into_view_if_needed()  # which loads a picture that waits for that
        expect(image).to_have_js_property("complete", value=True)
    assert page.evaluate("[...document.images].every(image => image.naturalWidth)")
    addresses |= {page.evaluate("location.origin") + picture for picture in pictures}
    assert [any(part in address for address in addresses) for part in ("/capture/", "/picture/")] == [True, True]
    for address in sorted(addresses):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.title() != "ran"
    frame = page.frame_locator("iframe.raw")
    page.goto(next(address for address in addresses if "/capture/" in address))
    expect(frame.locator("article")).to_contain_text("Paragraph 0")
    frame.get_by_text("Leave").click()
    page.wait_for_load_state("networkidle")
    expect(frame.locator("article")).to_contain_text("Paragraph 0")
    page.close()
    assert browser.outside[before:] == []


@pytest.fixture(scope="module")
def axe() -> str:
    return axe_source()


@pytest.mark.parametrize(("scheme", "rules"), [("light", None), ("dark", ["color-contrast"])])
def test_axe_finds_nothing(browser, room, axe, scheme, rules):
    """In the dark other colours are all that differs."""
    page = browser.chromium.new_page(color_scheme=scheme)
    page.goto(f"{room}articles")
    listed = page.evaluate("location.origin") + str(page.locator("ol.articles a").first.get_attribute("href"))
    article = listed.split("?")[0]
    page.goto(f"{article}?view=blocks")
    ruling = page.evaluate("location.origin") + str(page.locator("a.act").first.get_attribute("href"))
    paths = [room + path for path in PATHS]
    addresses = [*paths, listed, article, f"{article}?view=blocks&open=1", ruling]
    assert axe_findings(page, axe, addresses, rules) == []
    page.close()
