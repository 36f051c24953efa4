"""The desk in Chromium: the whole way of a person who never saw a shell, and pages of others that try to use it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from broadsheet.cleaners.page.canonical_urls import canonicalise
from broadsheet.crawler.demo.server import DemoServer, Resource
from tests.browser import LoopbackBrowser, axe_findings, axe_source, loopback_browser
from tests.crawler.scripted_site import Reply, ScriptedSite
from tests.crawler.scripted_site import page as article_page
from tests.crawler.shell import rows, start, verb

pytestmark = pytest.mark.slow

REBOUND = "rebound.example"
LONG = 120_000  # milliseconds: a crawl of the sample site on a busy machine
ADDED = "/news/the-quay-is-sold.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[LoopbackBrowser]:
    with loopback_browser(REBOUND) as started:
        yield started


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def desk(folder: Path, port: int, *options: object) -> Iterator[subprocess.Popen[str]]:
    """A desk over a folder, at a port."""
    variables = {"BROADSHEET_DELAY": "0.1", "BROADSHEET_WORKERS": "1"}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        process = start("browse", "--manage", folder, "--port", port, *options)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    assert process.stdout is not None
    assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.fixture
def page(browser: LoopbackBrowser) -> Iterator[Page]:
    made = browser.page()
    faults: list[str] = []
    made.on("pageerror", lambda error: faults.append(str(error)))
    yield made
    made.close()
    assert faults == []


def add_story(server: DemoServer) -> None:
    """Publish a story: its page, and a link on the front page."""
    resources = server._server.resources
    front = resources["/"]
    link = f'<main><p><a href="{ADDED}">The quay is sold</a></p>'.encode()
    body = re.sub(rb"<main[^>]*>", link, front.body, count=1)
    assert body != front.body
    headers = {name: value for name, value in front.headers.items() if name != "Last-Modified"}
    resources["/"] = replace(front, body=body, headers=headers)
    html = article_page("quay").replace("<title>", "<title>The quay is sold ", 1)
    resources[ADDED] = Resource(200, {"Content-Type": "text/html; charset=utf-8"}, html.encode())


def wait_until_over(page: Page, tag: str = "done") -> None:
    expect(page.locator("#live .tag").first).to_have_text(tag, timeout=LONG)


def order(page: Page, button: str) -> None:
    """Press a button of the page to manage the archive, and wait for the job's end."""
    page.get_by_role("link", name="Manage").first.click()
    page.get_by_role("button", name=button, exact=True).click()
    wait_until_over(page)


def test_a_person_who_never_saw_a_shell_runs_an_archive(page, browser, tmp_path):
    folder, port = tmp_path / "archives", free_port()
    address = f"http://127.0.0.1:{port}/"
    with DemoServer() as server:
        with desk(folder, port, "--allow-private") as process:
            page.goto(address)
            expect(page.locator(".none")).to_contain_text("There is no archive yet")
            page.get_by_label("Add a site by its address").fill(f"{server.url}/")
            page.get_by_role("button", name="Look at ten pages").click()
            expect(page.get_by_role("heading", name="among ten pages")).to_be_visible(timeout=LONG)
            expect(page.locator("#live dl.metadata")).to_contain_text("has rules, which are obeyed")
            page.get_by_role("button", name="Add and crawl").click()
            expect(page.locator("#live .tag")).to_have_text("at work", timeout=LONG)
            expect(page.locator("dl.progress")).to_contain_text(re.compile(r"Pages\s*[1-9]"), timeout=LONG)
            process.kill()  # in the middle of the crawl
            process.wait()
        with desk(folder, port, "--allow-private"):
            page.goto(address)
            page.locator(".jobs").get_by_role("link", name="Crawl 127.0.0.1").click()
            wait_until_over(page)
            expect(page.locator("#live")).to_contain_text("27 new articles")
            page.get_by_role("link", name="Open the archive").click()
            expect(page.locator(".home-head")).to_contain_text("27 articles")
            first = json.loads((folder / ".fleet" / "127.0.0.1.json").read_text())
            assert (first["result"]["end"], first["is_crawled"]) == ("done", True)

            server.correct_story()
            add_story(server)
            order(page, "Look at every page again")
            expect(page.locator("#live")).to_contain_text("1 new article, 1 changed text")
            page.locator("#live").get_by_role("link", name="The same three boats").click()
            expect(page.locator("ins").first).to_be_visible()

            page.get_by_role("link", name="Articles", exact=True).click()
            page.get_by_label("Tick “Mill Bridge closed until Thursday”").check()
            page.get_by_role("button", name="Take the ticked ones out").click()
            page.get_by_role("button", name="Take out").click()
            expect(page.locator(".list-head")).to_contain_text("27 articles")

            order(page, "Export")
            with page.expect_download() as download:
                page.get_by_role("link", name="Download").click()
            assert download.value.suggested_filename == "127.0.0.1-export.csv"
            assert len(Path(download.value.path()).read_text().splitlines()) > 27

            order(page, "Back up")
            assert len([*(folder / "backups").glob("*.db")]) == 1
            order(page, "Verify")
            expect(page.locator(".log")).to_contain_text("in order: 27 articles")

            page.get_by_label("Search the articles").fill("story of quay and the harbour")
            page.keyboard.press("Enter")
            page.locator("ol.articles a").first.click()
            title = page.locator(".article-head h1").inner_text()
            page.get_by_role("link", name="Take it down, for good").click()
            expect(page.locator("main")).to_contain_text("what the backup")
            expect(page.locator("main")).to_contain_text("127.0.0.1-export.csv")
            page.get_by_label("to say that this is meant").fill("another title")
            page.get_by_role("button", name="Take it down").click()
            expect(page.locator(".notice")).to_contain_text("that is not the article’s title".replace("’", "'"))
            page.go_back()
            page.get_by_label("to say that this is meant").fill(title)
            page.get_by_role("button", name="Take it down").click()
            wait_until_over(page)
            expect(page.locator(".log")).to_contain_text("forgotten: 1 article")
            archive = folder / "127.0.0.1.db"
            assert rows(archive, f"SELECT reason FROM urls WHERE url LIKE '%{ADDED}'") == [("forgotten",)]
            told = b"".join(path.read_bytes() for path in (folder / ".desk").iterdir())
            assert title.encode() not in told
            assert ADDED.encode() not in told
    assert verb("verify", archive)[0] == 0
    assert browser.outside == []


@pytest.fixture
def attacked(tmp_path: Path, db: Path) -> Iterator[tuple[str, Path]]:
    """A desk over a folder with an archive: its address, and the folder."""
    port = free_port()
    with desk(tmp_path, port):
        yield f"http://127.0.0.1:{port}", tmp_path


ATTACKS = """<!doctype html><title>evil</title>
<form id=f method=post action="{desk}/~/archives/made/orders"><input name=action value=verify></form>
<form id=g method=post action="{desk}/~/schedule"><input name=keep value=1></form>
<script>
const said = [];
async function attack() {{
  for (const path of ["/", "/~/archives/made", "/made/index.json"]) {{
    await fetch("{desk}" + path).then(r => r.text())
      .then(t => said.push("read " + t), () => said.push("refused"));
  }}
  for (const mode of ["cors", "no-cors"]) {{
    await fetch("{desk}/~/archives/made/orders", {{method: "POST", mode, credentials: "include",
      body: new URLSearchParams({{action: "verify"}})}}).then(r => said.push(r.type), () => said.push("refused"));
  }}
  const source = new EventSource("{desk}/~/jobs/x/live");
  await new Promise(done => {{ source.onerror = done; source.onmessage = done; }});
  said.push("events " + source.readyState);
  source.close();
  document.title = said.join(", ");
}}
attack();
</script><iframe src="{desk}/"></iframe>"""


def nothing_was_ordered(folder: Path) -> bool:
    return not [path for path in (folder / ".desk").iterdir() if path.suffix in (".json", ".jsonl", ".txt")]


def test_a_page_of_another_site_can_neither_read_nor_order_nor_frame(browser, attacked):
    address, folder = attacked
    evil = ScriptedSite({"/": Reply(ATTACKS.format(desk=address))})
    try:
        page = browser.page()
        page.goto(evil.url.replace("127.0.0.1", "localhost"))  # another origin and another site
        expect(page).to_have_title("refused, refused, refused, refused, refused, events 2")
        assert page.frames[1].url.startswith("chrome-error://")
        for form in "fg":
            with page.expect_navigation():
                page.evaluate(f"document.getElementById('{form}').submit()")
            assert "may change anything" in page.content()
            page.goto(evil.url)
        page.close()
    finally:
        evil.close()
    assert nothing_was_ordered(folder)


def test_a_name_that_was_rebound_gets_no_answer(browser, attacked):
    address, folder = attacked
    port = address.rpartition(":")[2]
    page = browser.page()
    answer = page.goto(f"http://{REBOUND}:{port}/")
    assert answer is not None
    assert (answer.status, "does not answer to that name" in page.content()) == (421, True)
    status = page.evaluate(
        "fetch('/~/archives/made/orders', {method: 'POST', body: new URLSearchParams({action: 'verify'})})"
        ".then(answer => answer.status, () => 421)"  # its own policy may keep the page from asking at all
    )
    assert status == 421
    page.close()
    assert nothing_was_ordered(folder)


HOSTILE = "</title><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\"> \u202eTitle"


def test_a_hostile_site_is_text_on_the_desk(browser, tmp_path):
    shown = HOSTILE.replace("<", "&lt;")
    html = article_page("quay").replace("<title>", f"<title>{shown}", 1).replace("<h1>", f"<h1>{shown}", 1)
    site, port = ScriptedSite({"/robots.txt": "User-agent: *\nAllow: /\n# </pre><script>"}), free_port()
    url = f"{site.url}/'\"><script>document.title='ran'</script>"
    site.routes[str(canonicalise(url)).removeprefix(site.url)] = html
    try:
        with desk(tmp_path, port, "--allow-private"):
            page = browser.page()
            page.goto(f"http://127.0.0.1:{port}/")
            page.get_by_label("Add a site by its address").fill(url)
            page.get_by_role("button", name="Look at ten pages").click()
            expect(page.get_by_role("heading", name="1 article among ten pages")).to_be_visible(timeout=LONG)
            page.get_by_text("What it says").click()
            assert "<script>document.title='ran'" in page.locator("#live").inner_text()
            assert page.locator("#live script, #live img").count() == 0
            assert "\u202e" not in page.content()
            page.get_by_role("button", name="Add and crawl").click()
            wait_until_over(page)
            for address in ("/", page.get_by_role("link", name="Manage").last.get_attribute("href")):
                page.goto(f"http://127.0.0.1:{port}{address}")
                assert page.title() != "ran"
                assert page.locator("main script:not([src^='/~/static/']), main img").count() == 0
            page.close()
    finally:
        site.close()


def test_a_guarded_address_is_refused_in_one_sentence(browser, attacked):
    address, folder = attacked
    page = browser.page()
    for url in ("http://127.0.0.1:1/", "http://localhost/", "http://169.254.169.254/latest"):
        page.goto(address)
        page.get_by_label("Add a site by its address").fill(url)
        page.get_by_role("button", name="Look at ten pages").click()
        expect(page.locator(".notice")).to_contain_text("refused:", ignore_case=True)
    page.close()
    assert nothing_was_ordered(folder)


def test_a_job_is_watched_without_scripts(browser, tmp_path, db):
    port = free_port()
    with desk(tmp_path, port):
        page = browser.chromium.new_page(java_script_enabled=False)
        page.goto(f"http://127.0.0.1:{port}/~/archives/made")
        page.get_by_role("button", name="Verify").click()
        expect(page.locator(".log")).to_contain_text("in order: 2 articles", timeout=LONG)  # the page reloads itself
        page.close()


def test_axe_finds_nothing_on_the_desk(browser, tmp_path, db):
    """The front, the page to manage an archive, that of a job and that of a takedown, light and dark."""
    port = free_port()
    with desk(tmp_path, port):
        page = browser.page()
        front, archive = (f"http://127.0.0.1:{port}/{path}" for path in ("", "~/archives/made"))
        page.goto(archive)
        page.get_by_role("button", name="Verify").click()
        wait_until_over(page)
        [(number,)] = rows(db, "SELECT min(id) FROM articles")
        addresses = [front, archive, page.url, f"{archive}/forget?article={number}"]
        assert axe_findings(page, axe_source(), addresses) == []
        page.emulate_media(color_scheme="dark")
        assert axe_findings(page, axe_source(), addresses, ["color-contrast"]) == []
        page.close()
