"""Authors of a page: found in JSON-LD, metas, bylines or text, split into names, told from accounts and sites."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from operator import itemgetter

from .date_parser import find_dates
from .page_context import PageContext, runs_within
from .statements import Element, JsonLdNode, element_text, resolve_references, string_values, types_of
from .word_lists import alternatives_pattern, load_words, meta_names

MAX_AUTHORS = 30
_MAX_NAME_CHARS = 60
_SENTENCE_WORDS = 3  # words in lower case from which a text is a sentence, not a name
_URL_LIKE = re.compile(r"https?:|www\.|/|@|\.(?:com|org|net|html?)\b", re.IGNORECASE)
_EMAIL = re.compile(r"[(<]?\b[\w.+-]+@[\w-]+\.[\w.]+[)>]?|mailto:")
_BRACKETS = re.compile(r"\s*(?:\([^)]*\)|\[[^\]]*\])\s*")
_HARD_BREAK = re.compile(r"\s*[;|•∙●·⋅/»\n\t]\s*|\s+[–—-]\s+|\s*&\s*")
_COMMA = re.compile(r"\s*[,、，،]\s*")
_DATE_TAIL = re.compile(
    r"\s+on (?:mon|tues|wednes|thurs|fri|satur|sun)day\b.*$"
    r"|\s*(?:\bon\b\s*)?\b(?:\d{1,2}[./ ]|\d{4}|\w+\.? \d{1,2},? \d{4}).*$", re.I
)  # fmt: skip
_ACCOUNT_LIKE = re.compile(r"\w{2}\.\w{2}|_|^#|[{}<>=$%]")  # a template variable, an account, a fragment
_OTHER_CREDIT = re.compile(
    r"\b(?:updated|edited|reviewed|fact[- ]checked|photos?|illustrations?|translated) by\b[^\n]*", re.I
)
_DATE_BEHIND = re.compile(r"\s*(?:\bon\b\s*)?\b[^\W\d]+\.? \d{1,2}, \d{4}[^\n]*")
_DIGIT = re.compile(r"\d")
_SUFFIXES = frozenset(
    {"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "phd", "ph.d.", "md", "m.d.", "rd", "mw", "esq", "mba"}
)
_PUNCTUATION = " \t\n.,:;|–—-*\"“”'()[]"


def split_names(text: str) -> Iterator[str]:
    """Yield the parts of a byline in order; not all of them are names.

    >>> list(split_names("By Ann Lee, Bo Chen and Cy Roe"))
    ['Ann Lee', 'Bo Chen', 'Cy Roe']
    """
    text = _BRACKETS.sub(" ", _EMAIL.sub(" ", _DATE_BEHIND.sub("", _OTHER_CREDIT.sub(";", html.unescape(text)))))
    has_name = False
    for part in _HARD_BREAK.split(_strip_by(text)):
        ends_with_role = False
        for chunk in _and_pattern().split(_persons_in_sentence(part)):
            names = _split_commas(_strip_by(chunk))
            if ends_with_role and " " not in chunk:  # `Content and Communications`
                continue
            for name in names:
                if not has_name or not _is_role(name):
                    yield name
                has_name = True
            ends_with_role = len(names) < len(_COMMA.split(chunk))


def clean_names(values: Iterable[str], site_names: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the distinct author names in the values (bylines), in order.

    A name that is one of `site_names` is left out, unless it has the form of a person's name.
    """
    refused_keys = _refused_keys(tuple(site_names))
    names: dict[str, str] = {}
    for value in values:
        if _URL_LIKE.match(value):
            continue
        for key, name in _keyed_names(value[:500]):
            if key not in refused_keys or is_personal(name):
                names.setdefault(key, name)
    return _without_groups(list(names.values()))[:MAX_AUTHORS]


@lru_cache(maxsize=512)
def _keyed_names(byline: str) -> tuple[tuple[str, str], ...]:
    """Return the names in a byline, each with its key; several readers ask for them, and so does the next page."""
    keyed_names = [(name_key(name), name) for name in map(_strip_name, split_names(byline))]
    return tuple([(key, name) for key, name in keyed_names if key and is_name(name)])


@lru_cache(maxsize=64)
def _refused_keys(site_names: tuple[str, ...]) -> frozenset[str]:
    """Return the keys of the site's names that do not have the form of a person's name."""
    return frozenset(name_key(name) for name in site_names if name and not is_personal(name))


def _without_groups(names: list[str]) -> tuple[str, ...]:
    """Leave out teams and desks if a person is named as well."""
    people = [name for name in names if load_words("collective").isdisjoint(name.casefold().split())]
    return tuple(people if people and is_personal(people[0]) else names)


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a person, a group or an agency."""
    folded_text = text.casefold()
    if (
        not 1 < len(text) <= _MAX_NAME_CHARS
        or folded_text in load_words("nobody")
        or folded_text in load_words("by")
        or _URL_LIKE.search(text)
        or _ACCOUNT_LIKE.search(text)
    ):
        return False
    return not _DIGIT.search(text) and len(text.split()) <= 7 and any(ch.isalpha() for ch in text)


def is_personal(name: str) -> bool:
    """Return whether a name looks like a person's: two to four capitalised words, none of them a word for a group."""
    parts = name.split()
    return 2 <= len(parts) <= 4 and all(
        part[0].isupper() and not part.isupper() and part.casefold() not in load_words("group") for part in parts
    )


def is_role_name(name: str) -> bool:
    """Return whether a name consists only of words for a role.

    >>> is_role_name("Staff Writer"), is_role_name("The Editor"), is_role_name("Jane Writer")
    (True, True, False)
    """
    words = [word.strip(_PUNCTUATION) for word in name.casefold().split()]
    other_words = load_words("role_beginnings") | load_words("group")
    rest = [word for word in words if word not in load_words("roles")]
    return len(rest) < len(words) and other_words.issuperset(rest)


def name_key(name: str) -> str:
    """Return the letters and digits of a name in lower case, for comparing spellings."""
    return "".join(filter(str.isalnum, name.casefold()))


def begins_with_by(text: str) -> bool:
    """Return whether a text begins with `by` in any language of the word list."""
    return bool(_by_pattern().match(text))


def _persons_in_sentence(text: str) -> str:
    """Return what follows `by` in a sentence such as `This is a guest post by Ann Lee, who bakes`; other texts as they
    are, and nothing of a sentence that names nobody after `by`.
    """
    words = text.split()
    lower_count = sum(word[0].islower() for word in words)
    if lower_count < _SENTENCE_WORDS:
        return text
    if match := _sentence_pattern().search(text):
        return match["names"]
    return "" if 2 * lower_count > len(words) else text


@cache
def _sentence_pattern() -> re.Pattern[str]:
    """Match names after `by`: capitalised words, with particles of names between them."""
    name = (
        r"[^\W\d_a-z][\w'’.-]*(?:\s+(?:(?:van|von|de|der|den|del|la|di|da|dos|bin|al|el|y|e)\s+)*[^\W\d_a-z][\w'’.-]*)+"
    )
    joined = rf"{name}(?:(?:,\s*|\s+(?:{alternatives_pattern(load_words('and'))})\s+){name})*"
    return re.compile(rf"(?:^|\s)(?:{alternatives_pattern(load_words('sentence_by'))})\s+(?P<names>{joined})")


def _strip_by(text: str) -> str:
    return _by_pattern().sub("", text).strip()


@cache
def _by_pattern() -> re.Pattern[str]:
    return re.compile(rf"^\s*(?:{alternatives_pattern(load_words('by'))})(?:\s*[:：]\s*|\s+(?=\S))", re.IGNORECASE)


@cache
def _and_pattern() -> re.Pattern[str]:
    return re.compile(rf"\s+(?:{alternatives_pattern(load_words('and'))})\s+(?=[^\W\d_a-z])")


def _split_commas(text: str) -> list[str]:
    """Return the parts between commas without the roles, titles and suffixes (`Jr.`) that follow a name.

    Behind a role stands its department or employer, unless a role follows that too.
    """
    parts = [part for part in _COMMA.split(text) if part]
    names, is_behind_role = parts[:1], False
    for part, next_part in pairwise((*parts[1:], "")):
        if _is_role(part):
            is_behind_role = True
        elif part.casefold() not in _SUFFIXES and (not is_behind_role or _is_role(next_part)):
            names.append(part)
            is_behind_role = False
    return names


def _is_role(text: str) -> bool:
    """Return whether a part of a byline is a role such as `staff writer`, or begins in lower case."""
    role_words = load_words("roles")
    return any(word.strip(_PUNCTUATION) in role_words for word in text.casefold().split()) or text[:1].islower()


def _strip_name(name: str) -> str:
    return " ".join(_DATE_TAIL.sub("", name).strip(_PUNCTUATION).split())


_BYLINE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:by-?line|author|authors|writer|creator)(?:[\s_-]*(?:names?|links?|title|info|meta|text))?(?:$|[\s_-])",
    re.I,
)
_UNRELATED_CLASS = re.compile(
    r"comment|related|recommend|sidebar|footer|bio\b|avatar|image|photo|teaser|card-list", re.I
)
_NO_BYLINE_TAGS = frozenset(
    {"meta", "link", "img", "script", "style", "input", "svg", "html", "body", "main", "article"}
)
_AUTHOR_PAGE = re.compile(r"/autho?re?s?/[^/]|[?&]author=", re.I)
_LAST_FIRST = re.compile(r"^([^,\s]+(?: [^,\s]+)?), ([^,]+)$")
_MAX_BYLINE_CHARS = 150
_MAX_ACRONYM_CHARS = 5  # `AFP`, `ANSA`
_LEAST_GROUP_CHARS = 4  # of a word that tells an organisation: `de` and the like stand in names of persons too
_MOST_BYLINES = 12  # elements, or text runs, that are looked at for the line as it is printed


def find_authors(page: PageContext) -> tuple[tuple[str, ...], str]:
    """Return the article's authors by the first source that has any, and the source.

    The site's own name counts where no other source names anybody, if it has the form of a person's.
    """
    names_of_site: tuple[tuple[str, ...], str] | None = None
    for source in _READERS:
        if names := clean_names(_stated_names(page, source), page.site_names):
            if {name_key(name) for name in names} <= {name_key(name) for name in page.site_names}:
                names_of_site = names_of_site or (names, source)
            elif names_of_site is None or all(map(is_personal, names)):
                return names, source
    return names_of_site or _corporate_author(page)


def stated_authors(page: PageContext) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each source that names authors, the site itself included, with the names."""
    for source in _READERS:
        if names := clean_names(_stated_names(page, source)):
            yield source, names


def _stated_names(page: PageContext, source: str) -> list[str]:
    """Return what a source states as names; each is read once a page."""
    if source not in page.names_by_source:
        page.names_by_source[source] = list(_READERS[source](page))
    return page.names_by_source[source]


def _corporate_author(page: PageContext) -> tuple[tuple[str, ...], str]:
    """Return the organisation that is stated as author, mostly the site itself, where no other author is named."""
    stated_names = [
        name
        for value in page.member_values("author")
        for name in string_values(resolve_references(value, page.nodes_by_id))
    ]
    for source, values in (("json-ld", stated_names), ("meta", page.statements.metas.get("author", ()))):
        if names := clean_names(values) or tuple(name for name in values if name.casefold() in load_words("teams")):
            return names[:1], source
    return (), ""


def _names_in_json_ld(page: PageContext) -> Iterator[str]:
    for member in ("author", "creator"):
        for value in page.member_values(member):
            names = list(string_values(_only_people(resolve_references(value, page.nodes_by_id))))
            if clean_names(names, page.site_names):
                yield from names
                return


def _only_people(value: object) -> object:
    """Leave organisations out of a list of authors if it has people as well."""
    if not isinstance(value, list):
        return value
    people = [author for author in value if not (isinstance(author, dict) and _is_organisation(author))]
    return people or value


def _is_organisation(node: JsonLdNode) -> bool:
    types = types_of(node)
    return "Person" not in types and any("Organization" in name for name in types)


def _names_in_metas(page: PageContext) -> Iterator[str]:
    metas = page.statements.metas
    for name in meta_names("author"):
        values = [_swap_last_first(value) for value in metas.get(name, ())]
        if clean_names(values, page.site_names):
            yield from values
            return
    for number in ("1", "2"):
        label = "".join(metas.get(f"twitter:label{number}", ())[:1])
        if label and begins_with_by(f"{label}: x"):
            yield from metas.get(f"twitter:data{number}", ())[:1]
    yield from metas.get("twitter:misc:written by", ())


def _swap_last_first(value: str) -> str:
    """Turn `Last, First` into `First Last`; libraries and journals write one author a meta in that form."""
    match = _LAST_FIRST.match(value)
    return f"{match[2]} {match[1]}" if match and len(value.split()) == 2 else value


def _names_in_markup(page: PageContext) -> Iterator[str]:
    ranked_elements = _ranked_bylines(page)
    for best_rank in range(4):
        candidates = [
            (element, text)
            for rank, element in ranked_elements
            if rank == best_rank and (text := _byline_text(element))
        ]
        bylines = [(element, text) for element, text in candidates if clean_names([text], page.site_names)]
        if bylines:
            first_parent = bylines[0][0].getparent()
            yield from [text for element, text in bylines[:6] if best_rank < 2 or element.getparent() is first_parent]
            return


def find_byline(page: PageContext) -> tuple[str, str]:
    """Return the line that names the article's authors as the page prints it, and its source; both empty without one.

    It may name an editorial team alone, who is no author.
    """
    ranked_elements = sorted(_ranked_bylines(page), key=itemgetter(0))
    for line in (element_text(element) for _, element in ranked_elements[:_MOST_BYLINES]):
        is_editorial = not load_words("collective").isdisjoint(line.casefold().split())
        if len(line) <= _MAX_BYLINE_CHARS and (is_editorial or clean_names([line])):
            return line, "markup"
    lines = (run.text for run in page.runs_after[:_MOST_BYLINES] if len(run.text) <= _MAX_BYLINE_CHARS)
    return next(((line, "text") for line in lines if begins_with_by(line) and clean_names([line])), ("", ""))


def find_credit(page: PageContext) -> tuple[str, str]:
    """Return the organisation that a byline beside the day names, as the page writes it, and the source.

    `By the New York Times | 3 May 2024` has one. A line that names a person, a role or the editors has none, and so has
    a name that does not tell that it is an organisation's: one in capitals, or with a word such as `Times`, does.
    """
    runs, pattern = page.runs_after[:_MOST_BYLINES], _part_with_by_pattern()
    for place, run in enumerate(runs):
        byline = pattern.search(run.text) if len(run.text) <= _MAX_BYLINE_CHARS else None
        if byline is None or not (name := _credited_name(byline[1])):
            continue
        nearby = (other for other in runs[max(place - 1, 0) : place + 2] if len(other.text) <= _MAX_BYLINE_CHARS)
        has_day = any(other.time_elements or any(find_dates(other.text, page.language_hint)) for other in nearby)
        if has_day and (run.container is None or page.is_part_of_article(run.container, _UNRELATED_CLASS)):
            return name, "text"
    return "", ""


@cache
def _part_with_by_pattern() -> re.Pattern[str]:
    """Match the part of a line that begins with `by`: `by the Times` in `3 May 2024 | by the Times`."""
    by = alternatives_pattern(load_words("by"))
    return re.compile(rf"(?:^|[|•∙●·⋅–—])\s*((?:{by})(?:\s*[:：]|\s)[^|•∙●·⋅–—]+)", re.IGNORECASE)


def _credited_name(byline: str) -> str:
    """Return the organisation that a byline names; empty if it names none, or somebody else too."""
    names = [name for name in map(_strip_name, split_names(byline)) if is_name(name)]
    return names[0] if len(names) == 1 and _tells_organisation(names[0]) else ""


def _tells_organisation(name: str) -> bool:
    """Return whether a name has a word of an organisation's, begins with `the`, or is short and in capitals."""
    words = name.split()
    folded_words = [word.casefold().strip(_PUNCTUATION) for word in words]
    if is_personal(name) or is_role_name(name) or (words[0][0].islower() and words[0] != "the"):  # an account's name
        return False
    if not (load_words("collective") | load_words("and")).isdisjoint(folded_words):  # the editors, or several names
        return False
    if len(words) == 1:
        return name.isupper() and len(name) <= _MAX_ACRONYM_CHARS
    has_word = any(
        word[0].isupper() and folded in load_words("group") and len(folded) >= _LEAST_GROUP_CHARS
        for word, folded in zip(words, folded_words, strict=True)
    )
    return has_word or (folded_words[0] == "the" and all(word[0].isupper() for word in words[1:]))


def _ranked_bylines(page: PageContext) -> Sequence[tuple[int, Element]]:
    """Return the elements that may be the byline, with their ranks. They are looked for once a page."""
    if page.ranked_bylines is None:
        page.ranked_bylines = [
            (rank, element)
            for element in page.bylines_and_dates[0][:200]
            if (rank := _byline_rank(page, element)) is not None
        ]
    return page.ranked_bylines


def _byline_text(element: Element) -> str:
    """Return a byline's text, a line a block; only the texts of links to authors' pages if it has any."""
    link_texts = [element_text(link) for link in element.iter("a") if _AUTHOR_PAGE.search(link.get("href", ""))]
    text = "\n".join(filter(None, link_texts or _leaf_names(element)))
    text = text or "\n".join(run.text for run in runs_within(element, 6))
    lines = [line for line in text.split("\n") if line.casefold().rstrip(":") not in load_words("by")]
    return "\n".join(lines) if len(text) <= _MAX_BYLINE_CHARS else ""


def _leaf_names(element: Element) -> list[str]:
    """Return the texts of the innermost elements if there are several and each is a full name."""
    leaf_texts = [element_text(leaf) for leaf in element.iter("span", "a", "li", "div") if not len(leaf) and leaf.text]
    return leaf_texts if len(leaf_texts) > 1 and all(is_personal(leaf) for leaf in leaf_texts) else []


def _byline_rank(page: PageContext, element: Element) -> int | None:
    """Rank an element as the byline, 0 (surest) to 3; None if it is not a byline, or outside the article."""
    rank = None if element.tag in _NO_BYLINE_TAGS else _markup_rank(element)
    return rank if rank is not None and page.is_part_of_article(element, _UNRELATED_CLASS) else None


def _markup_rank(element: Element) -> int | None:
    if element.get("itemprop") == "author":
        return 0
    if "author" in element.get("rel", "").split():
        return 1
    if _BYLINE_CLASS.search(element.get("class", "")) or element.get("data-testid"):
        return 2
    return 3 if _AUTHOR_PAGE.search(element.get("href", "")) else None


def _names_in_text(page: PageContext) -> Iterator[str]:
    """Yield the first text near the headline that is `by` and names only; `by` may be a block of its own."""
    for runs in (page.runs_after[:25], page.runs_before[:6][::-1]):
        for index, run in enumerate(runs):
            text = run.text
            if text.casefold().rstrip(":") in load_words("by") and index + 1 < len(runs):
                text = f"by {runs[index + 1].text}"
            if len(text) <= _MAX_BYLINE_CHARS and begins_with_by(text) and _has_only_names(text):
                yield text
                return


def _has_only_names(text: str) -> bool:
    """Return whether a `by …` text holds only names of two to five words, with at most one not capitalised."""
    names = clean_names([text])
    return bool(names) and all(_is_capitalised_name(name) for name in names)


def _is_capitalised_name(name: str) -> bool:
    parts = name.split()
    capitalised_count = sum(not part[0].islower() for part in parts)
    return 2 <= len(parts) <= 5 and capitalised_count >= len(parts) - 1


_READERS: dict[str, Callable[[PageContext], Iterator[str]]] = {
    "json-ld": _names_in_json_ld,
    "meta": _names_in_metas,
    "markup": _names_in_markup,
    "text": _names_in_text,
}
"""The readers of the sources that name authors, the most reliable first."""
