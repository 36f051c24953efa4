"""Lists of sites: what one comes to, where a mistake in it is, those of the documentation, and `fleet init`."""

from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import Mock

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands.crawl import crawl
from broadsheet.crawler.commands.update import update
from broadsheet.crawler.fleet.site_task import is_receiver
from broadsheet.crawler.fleet.sites_file import Site, SiteList, line_of, new_sites_file, read_sites
from tests.crawler.warm import REPOSITORY

EXAMPLES = re.findall(
    r"^```toml\n(.*?)^```$", (REPOSITORY / "docs/fleet.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)


def test_init_writes_a_list_and_leaves_one_that_is_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["fleet", "init", "https://news.example/", "--contact", "you@example.org"]) == 0
    written = Path("sites.toml").read_text("utf-8")
    assert "sites.toml" in capsys.readouterr().out
    assert run(["fleet", "init", "https://blog.example/"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert Path("sites.toml").read_text("utf-8") == written
    assert run(["fleet", "init", "https://blog.example/", "-o", "-"]) == 0
    assert '[sites."blog.example"]' in capsys.readouterr().out


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.splitlines()[0])
def test_the_lists_of_the_documentation_can_be_read(tmp_path, example):
    assert sites_of(tmp_path, example).sites


WHOLE = """
[fleet]
folder = "store"
parallel = 3
per-address = 2

[defaults]
contact = "you@example.org"
delay = 2
every = "6h"

[groups.slow]
delay = 10
no-links = true
every = "7d"

[groups.loud]
notify = ["tell -v", "editors.toml", "json://hooks.example/x"]

[sites.news]
urls = ["https://news.example/", "https://www.news.example/more"]
no-feeds = true

[sites.blog]
urls = "https://blog.example/"
groups = ["slow", "loud"]
every = "30m"
no-links = false
include = ["/post/", '\\d+']
since = 2024-01-31
header = "X-Key: secret"
cookies = "jar.txt"
"""


def sites_of(tmp_path: Path, text: str) -> SiteList:
    file = tmp_path / "sites.toml"
    file.write_text(text, "utf-8")
    (tmp_path / "jar.txt").write_text("# Netscape HTTP Cookie File\n")
    return read_sites(file, crawl, update)


def test_a_site_has_its_own_options_over_those_of_its_groups_over_the_defaults(tmp_path):
    fleet = sites_of(tmp_path, WHOLE)
    news, blog = fleet.sites
    receivers = ("tell -v", str(tmp_path / "editors.toml"), "json://hooks.example/x")
    assert (fleet.folder, fleet.parallel, fleet.per_address) == (tmp_path / "store", 3, 2)
    assert fleet.archive("news") == tmp_path / "store" / "news.db"
    assert (news.every, blog.every, news.notify, blog.notify) == (6 * 3600, 1800, (), receivers)
    assert news.hosts == ("news.example", "www.news.example")
    assert news.crawl_words == (
        "--contact=you@example.org", "--delay=2", "--no-feeds", "--", "https://news.example/",
        "https://www.news.example/more",
    )  # fmt: skip
    assert blog.crawl_words == (
        "--contact=you@example.org", "--delay=10", "--include=/post/", "--include=\\d+", "--since=2024-01-31",
        "--header=X-Key: secret", f"--cookies={tmp_path / 'jar.txt'}", "--", "https://blog.example/",
    )  # fmt: skip
    assert blog.update_words == (
        "--contact=you@example.org", "--delay=10", "--header=X-Key: secret", f"--cookies={tmp_path / 'jar.txt'}",
    )  # fmt: skip


@pytest.mark.parametrize(("lines", "hours"), [
    ("watch = 'close'", 6), ("watch = 'usual'", 24), ("watch = 'rare'", 168), ("watch = 'rare'\nevery = '1h'", 1),
])  # fmt: skip
def test_a_site_is_looked_at_as_closely_as_its_pages_are(tmp_path, lines, hours):
    [site] = sites_of(tmp_path, f"[sites.a]\nurls = 'https://a.example/'\n{lines}\n").sites
    word = lines.split("'")[1]
    assert site.every == hours * 3600
    assert f"--watch={word}" in site.crawl_words
    assert f"--watch={word}" in site.update_words


def test_a_site_without_an_option_is_looked_at_once_a_day(tmp_path):
    """A name is one of a file."""
    name = "a.B_1-" + "a" * 94
    fleet = sites_of(tmp_path, f"[fleet]\nparallel = 0\n[sites.'{name}']\nurls = 'https://a.example/'\n"
                               "[sites.b]\nurls = 'https://a.example/b'\n")  # fmt: skip
    (site, other) = fleet.sites
    assert fleet == SiteList(tmp_path / "sites.toml", tmp_path / "archives", 0, 4, (site, other))
    assert site == Site(
        name, ("https://a.example/",), ("a.example",), (), 86_400.0, (), ("--", "https://a.example/"), (),
        site.words_digest,
    )  # fmt: skip
    assert len(site.words_digest) == len(other.words_digest) == 16
    assert site.words_digest != other.words_digest


def test_a_folder_may_be_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    fleet = sites_of(tmp_path, f"[fleet]\nfolder = '~/store'\n{SITE}site-rules = '~/rules'\n")
    assert fleet.folder == tmp_path / "home" / "store"
    assert f"--site-rules={tmp_path / 'home' / 'rules'}" in fleet.sites[0].crawl_words


def test_a_file_of_receivers_may_lie_in_a_folder_with_a_space_in_its_name(tmp_path):
    """It was once taken for a command: the folder's first word, with the rest as its argument."""
    folder = tmp_path / "my sites"
    folder.mkdir()
    (folder / "editors.toml").touch()
    fleet = sites_of(folder, f"{SITE}notify = ['editors.toml', 'tell editors.toml', 'smtp://a.example/x.toml']\n")
    notify = fleet.sites[0].notify
    assert notify == (str(folder / "editors.toml"), "tell editors.toml", "smtp://a.example/x.toml")
    assert [is_receiver(word) for word in notify] == [True, False, True]


def test_a_file_that_cannot_be_read_is_a_line_and_a_missing_one_says_how_to_make_one(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b"# \xe4\n")
    for name, message in (
        (
            "none.toml",
            r"cannot read .*none\.toml: No such file or directory: broadsheet fleet init https://… writes one$",
        ),
        ("latin.toml", "is not valid TOML"),
        (".", "Is a directory$"),
    ):
        with pytest.raises(CommandError, match=message):
            read_sites(tmp_path / name, crawl, update)


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"\xff\xfe\x00", None])
def test_a_file_without_a_url_is_a_line(tmp_path, data, monkeypatch, capsys):
    """One that may not be read, too."""
    file = tmp_path / "list"
    file.write_bytes(data or b"")
    if data is None:
        monkeypatch.setattr(Path, "read_text", Mock(side_effect=PermissionError(13, "Permission denied", str(file))))
    assert run(["fleet", "init", str(file), "-o", "-"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert (f"cannot read the file of URLs {file}: Permission denied" if data is None else str(file)) in printed.err


def test_the_words_are_what_the_commands_take(tmp_path):
    for site in sites_of(tmp_path, WHOLE).sites:
        crawl_context = crawl.make_context("crawl", list(site.crawl_words))
        assert crawl_context.params["urls"] == site.urls
        update_context = update.make_context("update", ["a.db", *site.update_words])
        assert update_context.params["delay"] == crawl_context.params["delay"]


def test_a_room_is_named_to_the_crawls_that_tell_somebody(tmp_path):
    room = 'room = "http://room.example/"\n'
    silent, told = sites_of(
        tmp_path, f"[defaults]\n{room}{SITE}{SITE.replace('.a]', '.b]')}notify = 'json://h/x'\n"
    ).sites
    assert (silent.crawl_words[:-2], told.crawl_words[:-2]) == ((), ("--room=http://room.example/",))


SITE = '[sites.a]\nurls = ["https://a.example/"]\n'


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[sites.a\n", 0, "is not valid TOML: Expected ']'"),
        (f"{SITE}{SITE}", 0, "is not valid TOML: Cannot declare ('sites', 'a') twice (at line 3"),
        ("", 0, "there is no site"),
        (f"{SITE}[site.b]\n", 3, "site is not known here; there are fleet, defaults, groups, sites"),
        (f"[fleet]\nparalel = 3\n{SITE}", 2, "paralel is not known here"),
        (f"[fleet]\nparalel = 3\n[defaults]\ncolour = 1\n{SITE}", 2, "paralel is not known here"),
        (f"[defaults]\ncolour = 1\n[groups.g]\nshape = 1\n{SITE}", 2, "colour"),
        (f"{SITE}notify = ['']\n", 3, "notify must be a text or an array of texts"),
        (f"{SITE}db-size = 1\n", 3, "there is no option db-size of crawl (broadsheet crawl --help)"),
        (f"{SITE}db = 'a.db'\n", 3, "there is no option db: the fleet sets it for every site"),
        (f"[fleet]\nparallel = -1\n{SITE}", 2, "parallel must be a number that is not negative"),
        (f"[fleet]\nparallel = true\n{SITE}", 2, "parallel must be a number"),
        (f"[fleet]\nfolder = 3\n{SITE}", 2, "folder must be a text"),
        (f"[defaults]\nmax_pages = 3\n{SITE}", 2, "there is no option max_pages (write max-pages)"),
        (f"{SITE}colour = 'red'\n", 3, "there is no option colour of crawl"),
        ("[sites.a]\nurls = ['http://127.0.0.1/']\n", 1, "is a loopback address (allow-private = true opens it)"),
        (f"{SITE}max-pages = 'many'\n", 3, "max-pages: 'many' is not a valid integer range"),
        (f"{SITE}max-pages = 0\n", 3, "max-pages: 0 is not in the range"),
        (f"{SITE}delay = [1]\n", 3, "delay takes one value"),
        (f"{SITE}delay = true\n", 3, "delay must be a text or a number"),
        (f"{SITE}no-warc = 'yes'\n", 3, "no-warc is true or false"),
        (f"{SITE}header = 'a secret'\n", 3, "header: this is not a header (and is not shown"),
        (f"{SITE}include = ['(']\n", 3, "include: not a regular expression: ("),
        (f"{SITE}since = 'yesterday'\n", 3, "since: since must be a date"),
        (f"{SITE}max-size = 'big'\n", 3, "max-size: max_size must be a size"),
        (f"{SITE}urls-file = 'none.txt'\n", 3, "urls-file: cannot read the file of URLs"),
        (f"{SITE}cookies = 'none.txt'\n", 3, "cookies: "),
        (f"{SITE}header-host = 'b.example'\n", 1, "a: --header-host needs --header"),
        (f"{SITE}watch = 'often'\n", 3, "watch: 'often' is not one of 'close', 'usual', 'rare'"),
        (f"{SITE}every = 'often'\n", 3, "every: 'often' is not a time"),
        (f"{SITE}notify = ['a', '']\n", 3, "notify must be a text or an array of texts"),
        (f"{SITE}notify = 3\n", 3, "notify must be a text or an array of texts"),
        (f"{SITE}groups = ['none']\n", 3, "there is no table [groups.none]"),
        (f"[groups.g]\ndelay = 'x'\n{SITE}", 2, "delay: 'x' is not a number of seconds"),
        (f"[defaults]\nurls = ['https://a.example/']\n{SITE}", 2, "urls belongs into a site"),
        ("[sites.a]\ndelay = 3\n", 1, "the site a has no urls"),
        ("[sites.a]\nurls = ['ftp://a.example/']\n", 1, "a: not an http or https URL: ftp://a.example/"),
        ("[sites.a]\nurls = ['http://127.0.0.1/']\n", 1, "a: refused: http://127.0.0.1/ is a"),
        ("[sites]\na = 3\n", 2, "a must be a table: [sites.a]"),
        ("sites = 3\n", 1, "sites must be a table"),
        *((f"{SITE}[sites.'{name}']\nurls = ['b.example']\n", 3, "a site's name has letters")
          for name in ("../b", "a" * 101, "-a")),
        (f"{SITE}[sites.A]\nurls = ['b.example']\n", 3, "a and A would be one file on some disks"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(tmp_path, text, line, message):
    with pytest.raises(CommandError) as caught:
        sites_of(tmp_path, text)
    place = f"{tmp_path / 'sites.toml'}" + (f", line {line}: " if line else "")
    assert caught.value.message.startswith(place)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(CommandError, match="fleet init"):
        read_sites(tmp_path / "none.toml", crawl, update)
    (tmp_path / "latin.toml").write_bytes(b"# \xe4\n")
    with pytest.raises(CommandError, match="is not valid TOML"):
        read_sites(tmp_path / "latin.toml", crawl, update)


def test_a_new_list_is_one_that_can_be_read(tmp_path):
    urls = ["https://www.news.example/", "blog.example/a/b/", "http://blog.example/a/b", "blog.example/a/b",
            "https://x.example/ä'\"/", "https://x.example/News", f"https://long.example/{'a' * 100}"]  # fmt: skip
    fleet = sites_of(tmp_path, new_sites_file([*urls, urls[0]], "you@example.org"))
    assert [site.name for site in fleet.sites] == [
        "news.example", "blog.example-a-b", "blog.example-a-b-2", "blog.example-a-b-3", "x.example-c3-a4-22",
        "x.example-news", f"long.example-{'a' * 67}",
    ]  # fmt: skip
    assert 'contact = "ü@e.example"\n' in new_sites_file(["a.example"], "ü@e.example")
    assert "# contact = " in new_sites_file(["http://127.0.0.1/"], ""), "whether it is allowed is asked of the list"
    assert fleet.sites[0].urls == ("https://www.news.example/",)
    assert "--contact=you@example.org" in fleet.sites[0].crawl_words
    with pytest.raises(CommandError, match="not an http or https URL"):
        new_sites_file(["ftp://a.example/"], "")


TEXT = '''# [sites.news]
[defaults]
delay = 1

[sites.news]   # delay
urls = [
  "https://news.example/",
  "delay = 3",  # ]
]
note = """
[sites.news.more]
delay = 4
"""
delay = 2
[sites]
"a b" = { delay = 5 }
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [(["defaults"], 2), (["defaults", "delay"], 3), (["sites", "news"], 5), (["sites", "news", "urls"], 6),
     (["sites", "news", "note"], 10), (["sites", "news", "delay"], 14), (["sites", "a b", "delay"], 16)],
)  # fmt: skip
def test_a_key_is_found_and_not_what_looks_like_it(path, line):
    assert line_of(TEXT, path) == line


def test_init_takes_urls_from_lists(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("urls.txt").write_text("\ufeff# mine\n https://c.example/\n\nd.example\nhttps://a.example/news/\n", "utf-8")
    assert run(["fleet", "init", "https://a.example/news/", "urls.txt", "https://e.example/", "-o", "-"]) == 0
    urls = ["https://a.example/news/", *(f"https://{name}.example/" for name in "cde")]
    assert re.findall(r'urls = \["(.*)"\]', capsys.readouterr().out) == urls


@pytest.mark.parametrize("words", [["ftp://a.example/"], ["https://a.example/", "-o", "no/such/s.toml"]])
def test_what_cannot_be_written_is_one_line(words, capsys):
    assert run(["fleet", "init", *words]) in (1, 2)
    assert capsys.readouterr().err.count("\n") == 1
