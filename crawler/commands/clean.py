"""`broadsheet clean`: one saved page, or text that another tool extracted, to its article."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from cleaners.clean import clean as clean_page
from cleaners.document import Block, Page, Verdict
from cleaners.html.decode import BINARY, decode
from cleaners.rules.loader import load_rules
from cleaners.site_rules.folder import SiteRules, SiteRulesError
from cleaners.site_rules.ftr_format import SiteRule
from cleaners.text_mode.plaintext import judge_text
from cleaners.text_mode.text_lines import blocks_of_text
from cleaners.urls.canonical import host_of
from cleaners.verdicts.assemble import assemble
from crawler.console.option_types import Mistake
from crawler.console.terminal import one_line, say, say_blocks, width
from output.db.text import count_words, escaped

_HEADS = ("#", "verdict", "reason", "rule", "votes", "text")
_DOCUMENT = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body)\b", re.I | re.DOTALL)
_TAG = re.compile(r"</?(?:p|div|br|h[1-6]|a|span|ul|li|article|section|main|table|img|meta|link|script)\b[^<>]*>", re.I)
_TAGS = 3  # so many tags make a fragment HTML; a text may quote one or two
_SAMPLE = 20_000  # characters that are looked at


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of an input. `facts` is what only a page states: type, evidence, metadata."""

    title: str
    blocks: tuple[Block, ...]
    verdicts: tuple[Verdict, ...]
    text: str
    markdown: str
    facts: Mapping[str, object]


def clean(given: Mapping[str, Any]) -> int:
    """Print what the options ask for; 1 if there is no article text."""
    body = _read(given["file"])
    rules = rules_for(given["url"], given["site_rules"])
    result = _of_page(body, given["url"], rules) if _is_html(body, given["form"]) else _of_text(body)
    if given["shape"] == "json":
        click.echo(escaped(json.dumps(_as_json(result, explain=given["explain"]), ensure_ascii=False, indent=2)))
    elif given["explain"]:
        _explain(result)
    else:
        _print_article(result, result.markdown if given["shape"] == "markdown" else result.text, given["shape"])
    return _verdict(result)


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Mistake(f"cannot read {file}: {error.strerror}") from error


def _is_html(body: bytes, form: str | None) -> bool:
    if form:
        return form == "html"
    found = decode(body)
    if found.problem == BINARY:
        raise Mistake("this is neither a page nor text (--html or --text reads it all the same)")
    return bool(_DOCUMENT.match(found.text) or len(_TAG.findall(found.text, 0, _SAMPLE)) >= _TAGS)


def rules_for(url: str, folder: str | None) -> tuple[SiteRule, ...]:
    """What the person's rule files say about the URL's host. Mistake without a host, or a folder to read."""
    if not folder:
        return ()
    if not host_of(url):
        raise Mistake("--site-rules needs --url: rules are looked up by the page's host")
    try:
        return SiteRules(folder).for_host(host_of(url))
    except SiteRulesError as error:
        raise Mistake(str(error)) from error


def _of_page(body: bytes, url: str, rules: Sequence[SiteRule]) -> _Result:
    cleaned = clean_page(Page(url, body), rules)
    facts = {
        "page_type": str(cleaned.verdict.page_type),
        "evidence": list(cleaned.verdict.evidence),
        "metadata": asdict(cleaned.metadata),
    }
    return _Result(cleaned.metadata.title, cleaned.blocks, cleaned.verdicts, cleaned.text, cleaned.markdown, facts)


def _of_text(body: bytes) -> _Result:
    blocks = blocks_of_text(decode(body).text)
    title, verdicts = judge_text(blocks, load_rules())
    return _Result(title, blocks, verdicts, *assemble(blocks, verdicts), facts={})


def _print_article(result: _Result, article: str, shape: str) -> None:
    title = one_line(result.title)
    say(f"# {title}" if shape == "markdown" and title else title)
    say()
    say(article)


def _as_json(result: _Result, *, explain: bool) -> dict[str, object]:
    found = {"title": result.title, "text": result.text, "markdown": result.markdown}
    blocks = [_block(block, verdict) for block, verdict in zip(result.blocks, result.verdicts, strict=True)]
    return {**found, "word_count": count_words(result.text), **result.facts} | ({"blocks": blocks} if explain else {})


def _block(block: Block, verdict: Verdict) -> dict[str, object]:
    return {
        "position": block.position,
        "kind": str(block.kind),
        "kept": verdict.kept,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "votes": [asdict(vote) for vote in verdict.votes],
        "path": block.path,
        "text": block.text,
    }


def _explain(result: _Result) -> None:
    cells = [_cells(block, verdict) for block, verdict in zip(result.blocks, result.verdicts, strict=True)]
    say_blocks(_HEADS, cells, [block.text for block in result.blocks], width())


def _cells(block: Block, verdict: Verdict) -> list[str]:
    votes = " ".join(f"{'+' if vote.keep else '-'}{vote.voter}" for vote in verdict.votes)
    return [str(block.position), "kept" if verdict.kept else "removed", verdict.reason, verdict.rule, votes]


def _verdict(result: _Result) -> int:
    """Say on standard error what keeps a page from being an article."""
    kind = result.facts.get("page_type", "article")
    if kind not in ("article", "teaser"):
        evidence = ", ".join(map(str, result.facts["evidence"]))  # type: ignore[call-overload]
        click.echo(one_line(f"broadsheet: judged as {kind}, not as an article ({evidence})"), err=True)
    if not result.text:
        click.echo("broadsheet: no article text found", err=True)
    return int(not result.text)
