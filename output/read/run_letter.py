"""A run's letter: the news of the last run, what it could not read, and how complete the archive is.

`RunLetter` is one frozen value, made from stored data alone. The end of `crawl`, `update` and `import`, Home, the feed
of changes and notices show it, each in its own form; `letter_lines` is the plain text. Completeness is one sentence:
the list that vouches for the site (sitemaps, else feeds, else only its own links), how much of it is here, what was
forbidden or could not be read, and what nobody can know.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.judge.certainty import HIGH_F1, Certainty, certainty
from broadsheet.cleaners.page.url_shapes import UrlShape, shape_of

from ..archive.stored_text import inert_text
from ..archive.stored_values import json_object
from ..archive.url_words import OutcomeReason, UrlCount, UrlKind, UrlState, counts_of_run
from ..write.run_records import LAST_RUN_FACT
from .archive_facts import GONE_FEEDS
from .coverage import Coverage, measure_coverage, missing_words
from .edit_history import ListedEdit, list_edits
from .plain_words import count_text, edit_counts_text, joined, reason_text
from .report_figures import read_urls

MOST_NEW = 50
"""New articles that a letter names; it counts the others."""
_MOST_UNSURE, _MOST_FAILED, _MOST_LINES = 3, 8, 10

_LAST_RUN = """SELECT id, started_at, coalesce(finished_at, ''),
        CASE WHEN json_valid(counts) THEN counts ELSE '{}' END FROM runs
    ORDER BY started_at DESC, id DESC LIMIT 1"""
_BEGAN_AFTER = f"""SELECT CAST(substr(value, instr(value, '/') + 1) AS INTEGER) FROM meta
    WHERE key = '{LAST_RUN_FACT}' AND value LIKE ?"""
# For a run of an earlier version, or that came with another archive: from the end back, so that few rows are read.
_SEQ_BEFORE = "SELECT coalesce((SELECT seq FROM changes WHERE at < ? ORDER BY seq DESC LIMIT 1), 0)"
_NEW = """SELECT a.id, a.title, a.url, coalesce(a.published_day, ''), p.certainty, count(*) OVER ()
    FROM (SELECT DISTINCT article_id FROM changes c WHERE seq > ?1 AND change = 'added' AND NOT EXISTS (
            SELECT 1 FROM changes e WHERE e.article_id = c.article_id AND e.seq <= ?1)
            AND article_id NOT IN (SELECT value FROM json_each(?3))) n
        CROSS JOIN articles a ON a.id = n.article_id JOIN pages p ON p.id = a.page_id
    ORDER BY coalesce(a.published_day, '') DESC, a.title, a.id LIMIT ?2"""
_UNSURE = f"""SELECT a.id, a.title, a.url, coalesce(a.published_day, ''), p.certainty
    FROM (SELECT DISTINCT article_id FROM changes WHERE seq > ?) n
        CROSS JOIN articles a ON a.id = n.article_id JOIN pages p ON p.id = a.page_id
    WHERE p.certainty < {HIGH_F1} ORDER BY p.certainty, a.id LIMIT {_MOST_UNSURE}"""
# Pages that give an error, and whose article is told as withdrawn: now, or by an earlier letter if they were asked for
# again. A fetch that an import brings is older than its run.
_GONE = f"""SELECT u.reason, count(*) FROM urls u JOIN pages p ON p.id = u.id
    WHERE u.state = '{UrlState.FAILED}' AND (p.article_id IN (SELECT value FROM json_each(?1)) OR u.fetched_at >= ?2
        AND EXISTS (SELECT 1 FROM revisions r
        WHERE r.article_id = p.article_id AND r.change = '{EditKind.WITHDRAWN}' AND NOT EXISTS (
            SELECT 1 FROM revisions l WHERE l.article_id = r.article_id AND l.number > r.number)))
    GROUP BY u.reason"""
_COUNT_ARTICLES = "SELECT count(*) FROM articles"
_FORBIDDEN = "SELECT url FROM urls WHERE state = 'skipped' AND reason = 'robots.txt' AND kind = 'page'"


_PRESENCE = (EditKind.WITHDRAWN, EditKind.RETURNED)


class LetterArticle(NamedTuple):
    """An article that a letter names; `day` and `certainty` are empty if unknown."""

    id: int
    title: str
    url: str
    day: str
    certainty: Certainty | str


class FailedUrls(NamedTuple):
    """The number of URLs of a kind that the run could not read, and the reason."""

    kind: str
    reason: str
    urls: int

    @property
    def words(self) -> str:
        """Return a count with its noun: "3 sitemaps"."""
        return count_text(self.urls, "robots.txt file" if self.kind == UrlKind.ROBOTS else self.kind)


@dataclass(frozen=True, slots=True)
class RunLetter:
    """The letter of a run.

    `new` names some of `new_count` articles, the latest first; withdrawn ones are listed only under `withdrawals`.
    `unsure` names the least certain articles that the run brought or changed. `ended_at` is UTC ISO 8601, the run's
    start while it is still running.
    """

    run_id: int
    ended_at: str
    after_seq: int
    new_count: int
    new: tuple[LetterArticle, ...]
    edits: tuple[ListedEdit, ...]
    withdrawals: tuple[ListedEdit, ...]
    returns: tuple[ListedEdit, ...]
    unsure: tuple[LetterArticle, ...]
    failed: tuple[FailedUrls, ...]
    completeness: str

    @property
    def headline(self) -> str:
        """Return the news in a line: "2 new articles, 1 headline, 1 withdrawal"; empty without news."""
        counts = Counter(str(edit.kind) for edit in (*self.edits, *self.withdrawals, *self.returns))
        new = [count_text(self.new_count, "new article")] if self.new_count else []
        return ", ".join([*new, *filter(None, [edit_counts_text(counts)])])


def read_letter(
    db: Database, coverage: Iterable[Coverage] | None = None, after_seq: int | None = None, most_new: int = MOST_NEW
) -> RunLetter:
    """Read the letter of the last run; a read-only connection is enough.

    `coverage` is measured if it is not given. `after_seq` is the last number in `changes` before the run, by default
    the stored one. `most_new` limits the articles that are named; -1 names all.
    """
    run_id, started_at, finished_at, counts = db.execute(_LAST_RUN).fetchone() or (0, "", "", "{}")
    if after_seq is None:
        row = db.execute(_BEGAN_AFTER, [f"{run_id}/%"]).fetchone()
        (after_seq,) = row or db.execute(_SEQ_BEFORE, [started_at]).fetchone()
    edits = tuple(list_edits(db, after_seq=after_seq))
    presence = {edit.article_id: edit for edit in edits if edit.kind in _PRESENCE}  # the last word on each article
    withdrawn = json.dumps([number for number, edit in presence.items() if edit.kind == EditKind.WITHDRAWN])
    new = db.execute(_NEW, [after_seq, most_new, withdrawn]).fetchall()
    gone = dict(db.execute(_GONE, [withdrawn, started_at]).fetchall())
    return RunLetter(
        run_id=run_id,
        ended_at=finished_at or started_at,
        after_seq=after_seq,
        new_count=new[0][-1] if new else 0,
        new=tuple(_letter_article(row[:-1]) for row in new),
        edits=tuple(edit for edit in edits if edit.kind not in _PRESENCE),
        withdrawals=tuple(edit for edit in presence.values() if edit.kind == EditKind.WITHDRAWN),
        returns=tuple(edit for edit in presence.values() if edit.kind == EditKind.RETURNED),
        unsure=tuple(map(_letter_article, db.execute(_UNSURE, [after_seq]))),
        failed=_failed_urls(counts_of_run(json_object(counts)), gone),
        completeness=completeness(db, tuple(measure_coverage(db) if coverage is None else coverage)),
    )


def _letter_article(row: Sequence[object]) -> LetterArticle:
    article_id, title, url, day, expected_f1 = row
    word = "" if expected_f1 is None else certainty(float(str(expected_f1)))
    return LetterArticle(int(str(article_id)), str(title or url), str(url), str(day), word)


def _failed_urls(counts: Iterable[UrlCount], gone: Mapping[str, int]) -> tuple[FailedUrls, ...]:
    """Return what failed, the most first, without places where a file was only guessed, and without the pages of
    withdrawn articles, which `gone` counts by reason.
    """
    told = [
        FailedUrls(
            count.kind, count.reason, count.urls - (gone.get(count.reason, 0) if count.kind == UrlKind.PAGE else 0)
        )
        for count in counts if count.state == UrlState.FAILED and count.reason != OutcomeReason.NOT_THERE
    ]  # fmt: skip
    failed = [line for line in told if line.urls > 0]
    return tuple(sorted(failed, key=lambda line: (-line.urls, line)))


_LIST_NAMES = {"sitemap": "the sitemaps name", "feed": "the feeds name", "link": "its own links lead to"}


def completeness(db: Database, coverage: Sequence[Coverage]) -> str:
    """Say in one sentence how complete an archive is; empty if neither lists nor links lead through the site."""
    by_source = {one.source: one for one in coverage}
    (articles,) = db.execute(_COUNT_ARTICLES).fetchone()
    lists = [one for one in (by_source.get("sitemap"), by_source.get("feed")) if one]
    vouching = max(lists, key=lambda one: one.articles, default=None)
    if vouching is None or 2 * vouching.articles < articles:
        vouching = by_source.get("link")
    if vouching is None:
        return ""
    clauses = ["No list vouches for the site"] if vouching.source == "link" else []
    clauses.append(_shares(vouching, articles - vouching.unnamed))
    if vouching.unnamed:
        clauses.append(f"{count_text(vouching.unnamed, 'article')} more came by other ways")
    clauses += _other_gaps(db, by_source.get("link") if vouching.source != "link" else None)
    if vouching.source != "sitemap":
        clauses.append("what neither list nor link names is unknown")
    sentence = "; ".join(clauses)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _shares(coverage: Coverage, articles_here: int) -> str:
    """Say how much of a list is here, and why the rest is missing. URLs that cannot be pages do not count.

    Several of its URLs may lead to one of the `articles_here`.
    """
    missing = _missing_counts(coverage)
    here = coverage.articles + sum(gap.urls for gap in coverage.pages)
    named, by = here + sum(missing.values()), _LIST_NAMES[coverage.source]
    articles = f" ({count_text(articles_here, 'article')})"
    if not missing:
        whole = "the only page" if named == 1 else f"all {count_text(named, 'page')}"
        return f"{whole} that {by} {'is' if named == 1 else 'are'} here{articles}"
    if not here:
        return f"none of the {count_text(named, 'page')} that {by} is here ({_reasons(missing)})"
    some = f"{here:,} of the {count_text(named, 'page')} that {by} {'is' if here == 1 else 'are'} here{articles}"
    return f"{some}; {_told(missing)}"


def _told(missing: Counter[str]) -> str:
    total = sum(missing.values())
    return f"{total:,} {'is' if total == 1 else 'are'} missing ({_reasons(missing)})"


def _reasons(missing: Counter[str]) -> str:
    return ", ".join(f"{urls:,} {words}" for words, urls in missing.most_common())


def _missing_counts(coverage: Coverage) -> Counter[str]:
    counts = Counter[str]()
    for gap in coverage.gaps:
        if words := missing_words(gap):
            counts[words] += gap.urls
    return counts


def _other_gaps(db: Database, links: Coverage | None) -> Iterator[str]:
    """Say what else is missing: pages that only links lead to, lists, pictures."""
    if links and (missing := _missing_counts(links)):
        yield f"of the pages that only links lead to, {_told(missing)}"
    forbidden = [shape_of(url) for (url,) in db.execute(_FORBIDDEN)]
    if lists := sum(shape in (UrlShape.LIST, UrlShape.DEEP_LIST) for shape in forbidden):
        yield f"{count_text(lists, 'list page')} {'is' if lists == 1 else 'are'} forbidden by robots.txt"
    counts = Counter[tuple[str, str]]()
    for count in read_urls(db):
        if count.reason != OutcomeReason.NOT_THERE and (count.kind, count.reason) not in GONE_FEEDS:
            counts[count.kind, count.state] += count.urls
    for kind in (UrlKind.SITEMAP, UrlKind.FEED):
        if failed := counts[kind, UrlState.FAILED]:
            names = "it names" if failed == 1 else "they name"
            yield f"{count_text(failed, kind)} could not be read, and what {names} is unknown"
    pictures = counts[UrlKind.PICTURE, UrlState.FAILED]
    if pictures and not counts[UrlKind.PICTURE, UrlState.DONE]:
        yield f"none of {count_text(pictures, 'picture')} could be fetched"


def letter_lines(letter: RunLetter) -> Iterator[str]:
    """Yield a letter as lines of plain text, with at most ten articles or edits of a kind."""
    yield from _part("New", [_article_words(article) for article in letter.new], letter.new_count)
    for title, edits in (("Edited", letter.edits), ("Withdrawn", letter.withdrawals), ("Back", letter.returns)):
        yield from _part(title, [_edit_words(edit) for edit in edits], len(edits))
    if not letter.headline:
        yield "No new article and no edit."
    if letter.unsure:
        named = "; ".join(f"{_inert(article.title)} ({article.certainty})" for article in letter.unsure)
        yield f"Least certain of them: {named}"
    if letter.failed:
        yield f"Failed, or gone: {joined([_failed_words(line) for line in letter.failed[:_MOST_FAILED]])}" + (
            f"; and {count_text(len(letter.failed) - _MOST_FAILED, 'other reason')}"
            * (len(letter.failed) > _MOST_FAILED)
        )
    if letter.completeness:
        yield f"Completeness: {letter.completeness}"


def _part(title: str, lines: Sequence[tuple[str, str]], count: int) -> Iterator[str]:
    if count:
        yield f"{title}: {count:,}"
    for words, url in lines[:_MOST_LINES]:
        yield f"  {_inert(words)}"
        yield f"      {_inert(url)}"
    if count > _MOST_LINES:
        yield f"  … and {count - _MOST_LINES:,} more"


def _article_words(article: LetterArticle) -> tuple[str, str]:
    doubt = f" ({article.certainty} certainty)" if article.certainty in (Certainty.FAIR, Certainty.LOW) else ""
    return f"{article.day or 'undated'}: {article.title}{doubt}", article.url


def _edit_words(edit: ListedEdit) -> tuple[str, str]:
    if edit.kind in _PRESENCE:
        return (edit.title or edit.url) + (f" ({reason_text(edit.note)})" if edit.note else ""), edit.url
    return f"{', '.join(edit.kinds)}: {edit.title or edit.url}", edit.url


def _inert(text: str) -> str:
    return " ".join(inert_text(text).split())


def _failed_words(line: FailedUrls) -> str:
    return f"{line.words} ({reason_text(line.reason)})"
