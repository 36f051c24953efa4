"""Usage preferences: Content-Usage and Content-Signal, read strictly."""

import pytest

from broadsheet.output.archive.usage_preferences import USES, RobotsUsage, header_statements, refusing_texts, usage_of

ROBOT = "Broadsheet/1.0"
ROBOTS = """\
# Content-Usage: search=n
User-Agent: *
Allow: /
Disallow: /never/
Content-Usage: / train-ai=n
 content-usage : /ai-ok/\ttrain-ai=y  # for now
Content-Usage: /*/drafts$ search=n
Sitemap: https://a.example/sitemap.xml

User-Agent: ExampleBot
User-Agent: OtherBot
Content-Usage: train-ai=y
"""


def said(text: str, path: str, robot: str = ROBOT) -> tuple[str, ...]:
    return usage_of(RobotsUsage.parse(text).statements_for(f"https://a.example{path}", robot))


NO_TRAINING, SEARCH_ALONE = ("train-ai=n",), ("search=y", "train-ai=n")
LINES = {
    NO_TRAINING: ["train-ai=n", "train-ai=?0", "Train-AI=N", 'train-ai="n"'],
    SEARCH_ALONE: ["train-ai=n;ext=1, search=y", "ai-train=no,search=yes,use=reference"],
    ("search=n", "train-ai=y"): ["train-ai=y, search=n"],
    ("ai-use=n",): ["ai-input=no"],
    ("ai-use=n", "train-ai=n"): ["inference=n, genai=n"],
    ("ai-use=n", "search=n", "train-ai=n"): ["all=n"],
    ("ai-use=y", "search=y", "train-ai=y"): ["bots=y"],
    (): ["train-ai", "train-ai=maybe, other=n", "train-ai=n/a", "train-ai=none", "=n, ;;", ""],
}
CONTRADICTIONS = ("train-ai=y, train-ai=n", "train-ai=n, train-ai=y")  # of a dictionary the last value would count
BROKEN = ("train-ai=n search=y", "search=y,, train-ai = n")  # what it grants does not count


@pytest.mark.parametrize(
    ("value", "usage"),
    [
        *((value, usage) for usage, values in LINES.items() for value in values),
        *((value, NO_TRAINING) for value in (*CONTRADICTIONS, *BROKEN)),
    ],
)
def test_a_line_says_what_is_refused_and_granted(value, usage):
    assert usage_of([f"Content-Usage: {value}"]) == usage


def test_the_stricter_of_contradicting_lines_counts():
    lines = ["Content-Usage: train-ai=y, search=y", "robots.txt Content-Signal: ai-train=no"]
    assert usage_of(lines) == usage_of(lines[::-1]) == ("search=y", "train-ai=n")
    assert usage_of([]) == ()


def test_headers_are_stated_as_they_came():
    headers = [("content-usage", " Train-AI=n,\tsearch=y"), ("x-robots-tag", "noai"), ("content-usage", "")]
    assert header_statements(headers) == ("Content-Usage: Train-AI=n, search=y",)
    assert header_statements([*headers, headers[0]]) == header_statements(headers)
    assert header_statements([("content-signal", "ai-train=no")]) == ("Content-Signal: ai-train=no",)
    many = [("content-usage", f"train-ai=n;at={n}") for n in range(100)]
    assert header_statements(many) == tuple(f"Content-Usage: train-ai=n;at={n}" for n in range(64))
    assert header_statements([("content-usage", "x" * 9_000)]) == (f"Content-Usage: {'x' * 500}",)


def test_the_longest_path_of_our_group_decides():
    assert said(ROBOTS, "/story") == ("train-ai=n",)
    assert said(ROBOTS, "/ai-ok/story?page=2") == ("train-ai=y",)
    assert said(ROBOTS, "/x/y/drafts") == ("search=n",)
    assert said(ROBOTS, "/x/drafts/1") == ("train-ai=n",)
    for robot in ("examplebot/2", "Mozilla (OtherBot)"):
        assert said(ROBOTS, "/story", robot) == ("train-ai=y",)
    assert RobotsUsage.parse(ROBOTS).statements_for("https://a.example/ai-ok/", ROBOT) == (
        "robots.txt Content-Usage: /ai-ok/ train-ai=y",
    )


def test_content_signals_are_read_beside_content_usage():
    text = "User-agent: *\nContent-Signal: search=yes,ai-train=no\nContent-Usage: /blog train-ai=y\nAllow: /\n"
    assert said(text, "/blog/a") == ("search=y", "train-ai=n")
    assert said(text, "/") == ("search=y", "train-ai=n")


def test_lines_of_equal_paths_are_joined_and_those_before_every_group_are_for_all():
    text = "Content-Usage: search=n\nUser-agent: broadsheet\nContent-Usage: / train-ai=y\nContent-Usage: / train-ai=n\n"
    assert said(text, "/a") == ("search=n", "train-ai=n")
    assert said(text, "/a", "Other/1") == ("search=n",)


def test_paths_are_compared_in_one_encoding():
    assert said("User-agent: *\nContent-Usage: /caf%C3%A9 train-ai=n\n", "/café/1") == ("train-ai=n",)
    assert said("User-agent: *\nContent-Usage: /%7Eana/ train-ai=n\n", "/~ana/x") == ("train-ai=n",)
    assert said("User-agent: *\nContent-Usage: /a%2fb train-ai=n\n", "/a/b") == ()


def test_a_file_without_preferences_says_nothing():
    assert RobotsUsage.parse("User-agent: *\nDisallow: /\n") == RobotsUsage()
    assert said("Content-Usage\nContent-Signal:\nUser-agent: *\n", "/") == ()


def test_a_hostile_file_is_read_in_a_moment():
    text = "User-agent: *\n" + f"Content-Usage: /{'*a' * 240} train-ai=n\n" * 500
    assert said(text, "/" + "a" * 2_000 + "b") == ("train-ai=n",)
    assert usage_of(["Content-Usage: " + "train-ai=" * 5_000]) == ()


def test_a_file_of_many_lines_says_the_first_and_a_long_line_is_clipped():
    text = "User-agent: *\n" + "".join(f"Content-Usage: train-ai=n;at={n}\n" for n in range(65))
    lines = RobotsUsage.parse(text).statements_for("https://a.example/", ROBOT)
    assert lines == tuple(f"robots.txt Content-Usage: train-ai=n;at={n}" for n in range(64))
    long = f"User-agent: *\nContent-Usage: /{'x' * 600} train-ai=n\n"
    clipped = (f"robots.txt Content-Usage: /{'x' * 499}",)
    assert RobotsUsage.parse(long).statements_for(f"https://a.example/{'x' * 499}", ROBOT) == clipped
    assert RobotsUsage.parse(long).statements_for(f"https://a.example/{'x' * 498}", ROBOT) == ()


@pytest.mark.parametrize(
    ("pattern", "path", "is_met"),
    [
        ("/", "/a", True), ("/a", "/b", False), ("/a$", "/a", True), ("/a$", "/ab", False), ("/*b", "/aab", True),
        ("/*b", "/aac", False), ("/*b$", "/abb", True), ("/*b$", "/ba", False), ("/ab*b$", "/ab", False),
        ("/a*a*a", "/aa", False), ("/a*a*a", "/aaa", True), ("/a*", "/a", True), ("/?x=1", "/?x=1&y", True),
    ],
)  # fmt: skip
def test_a_pattern_meets_the_beginning_of_a_path(pattern, path, is_met):
    text = f"User-agent: *\nContent-Usage: {pattern} train-ai=n\n"
    assert said(text, path) == (("train-ai=n",) if is_met else ())


def test_groups_of_a_name_are_joined_and_the_longest_name_decides():
    text = (
        "User-agent: Broad\nContent-Usage: search=n\nUser-agent: broadsheet\nAllow: /\nContent-Usage: train-ai=n\n"
        "User-agent: *\nContent-Usage: ai-use=n\nUser-agent: Broadsheet\nCrawl-delay: 3\nContent-Signal: search=yes\n"
    )
    assert said(text, "/") == ("search=y", "train-ai=n")
    assert said(text, "/", "Broadside") == ("search=n",)
    assert said(text, "/", "Other") == ("ai-use=n",)


def test_directives_refuse_a_use_too():
    for use in USES:
        usage, directives = refusing_texts(use, "broadsheet")
        assert usage == (f"{use}=n",)
        assert {f"broadsheet: {name}" for name in directives if ": " not in name} <= set(directives)
    assert "noai" in refusing_texts("train-ai", "broadsheet")[1]
