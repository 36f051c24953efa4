import pytest

from broadsheet.crawler.discovery.scope import Scope, ScopeDecision
from broadsheet.crawler.options import OptionError

HOME = "https://example.org/"


def contains(seed, url):
    return Scope.from_seeds([seed]).contains(url)


@pytest.mark.parametrize(
    ("seed", "url", "inside"),
    [
        ("https://example.org", "https://example.org/a", True),
        ("https://example.org", "http://example.org/a", True),
        ("https://www.example.org/", "https://example.org/a", True),
        ("https://EXAMPLE.org/", "https://www.example.org/a", True),
        ("https://example.org/", "https://blog.example.org/a", False),
        ("https://example.org/", "https://example.org.evil.example/", False),
        ("https://example.org/", "https://notexample.org/", False),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/a", True),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:9000/a", False),
        ("https://example.org/blog/", "https://example.org/blog/a", True),
        ("https://example.org/blog/", "https://example.org/blog", True),
        ("https://example.org/blog", "https://example.org/blog/a", True),
        ("https://example.org/blog", "https://example.org/blog?page=2", True),
        ("https://example.org/blog", "https://example.org/blogger", False),
        ("https://example.org/blog/", "https://example.org/", False),
        ("https://example.org/v1.2/", "https://example.org/other", False),
        ("https://example.org/v1.2", "https://example.org/other", False),
        ("https://example.org/أخبار/", "https://example.org/%D8%A3%D8%AE%D8%A8%D8%A7%D8%B1/a", True),
        ("https://example.org/150/index.html", "https://example.org/147/a.html", True),
        ("https://example.org/news/page.php?id=1", "https://example.org/a", True),
        ("https://example.org/sitemap.xml", "https://example.org/a", True),
        ("https://example.org/?cat=3", "https://example.org/a", True),
    ],
)
def test_host_and_path(seed, url, inside):
    assert contains(seed, url) is inside


def test_several_seeds_add_up():
    scope = Scope.from_seeds(["https://a.example/x/", "https://a.example/y/", "https://b.example/"])
    urls = ["https://a.example/x/1", "https://a.example/y/1", "https://b.example/z", "https://a.example/z"]
    assert [scope.contains(url) for url in urls] == [True, True, True, False]


def test_what_lies_outside_needs_no_row_and_what_is_too_deep_has_one():
    decision = Scope.from_seeds([HOME]).decide("https://other.example/", 1)
    assert (decision, decision.should_fetch) == (ScopeDecision(False), False)
    scope = Scope.from_seeds([HOME], max_depth=1)
    assert scope.decide(f"{HOME}a", 1).should_fetch
    assert scope.decide(f"{HOME}a/b", 2) == ScopeDecision(True, "depth")
    assert not Scope.from_seeds([HOME], max_depth=0).decide(f"{HOME}a", 1).should_fetch
    assert Scope.from_seeds([HOME]).decide(f"{HOME}a", 99).should_fetch


def test_patterns():
    scope = Scope.from_seeds(["https://example.org/"], include=["/news/", "/خبر/"], exclude=[r"\?print=", "/news/tag/"])
    assert scope.decide("https://example.org/news/a", 1).should_fetch
    assert scope.decide("https://example.org/%D8%AE%D8%A8%D8%B1/a", 1).should_fetch
    assert scope.decide("https://example.org/news/tag/b", 1) == ScopeDecision(True, "pattern")
    assert scope.decide("https://example.org/news/a?print=1", 1) == ScopeDecision(True, "pattern")
    assert scope.decide("https://example.org/about", 1) == ScopeDecision(True, "pattern")
    assert scope.decide("https://example.org/", 0).should_fetch


def test_widened_by_a_redirected_seed():
    scope = Scope.from_seeds(["https://old.example/"], exclude=["x"])
    wider = scope.with_seed("https://new.example/start/")
    assert wider.contains("https://new.example/start/a")
    assert wider.contains("https://old.example/a")
    assert wider.exclude == scope.exclude
    assert not scope.contains("https://new.example/start/a")


@pytest.mark.slow
def test_a_url_on_which_a_pattern_never_ends_is_left_out(caplog):
    """What overlaps can be tried in as many ways as there are atoms in a town."""
    slow, other = f"{HOME}{'a' * 90}!", f"{HOME}mill"
    for patterns in ({"include": ["(a|aa)+$|mill"]}, {"exclude": ["(a|aa)+$"]}):
        scope = Scope.from_seeds([HOME], **patterns)
        assert scope.decide(slow, 1) == scope.decide(slow, 1) == ScopeDecision(True, "pattern")
        assert scope.decide(other, 1).should_fetch
    assert [record.message for record in caplog.records] == [
        f"skipping URLs on which the pattern {pattern} takes more than 0.1 s"
        for pattern in ("(a|aa)+$|mill", "(a|aa)+$")
    ]


@pytest.mark.parametrize(
    ("seeds", "patterns", "message"),
    [
        ([], [], "no seed URL given"),
        (["ftp://example.org/"], [], "not an http or https URL: ftp://example.org/"),
        (["example.org"], [], "not an http or https URL: example.org"),
        ([HOME], ["*.pdf"], "not a regular expression: *.pdf (nothing to repeat at position 0; in"),
        ([HOME], ["(a"], "not a regular expression: (a (missing ) at position 2)"),
        ([HOME], [""], "an empty pattern"),
    ],
)
def test_what_cannot_be_used_is_one_line(seeds, patterns, message):
    with pytest.raises(OptionError) as caught:
        Scope.from_seeds(seeds, include=patterns)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
