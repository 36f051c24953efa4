"""Rules of options: which options of a verb exclude each other, and which need another one.

A rule is a line. In `--all | --every ARTICLE...` at most one of the parts may be given, whose words go together; in
`--yes needs --same-layout` the second word, or one of several, must be given too. `--format=csv` is an option that has
this value; a name in capitals is an argument, or a variable of the environment that does as well. What the environment
sets excludes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import click

_CRAWLING = (
    "--no-warc | --keep-credentials",
    "--browser=never | --browser-no-sandbox",
    "--header-host needs --header BROADSHEET_HEADERS",
    "--keep-credentials needs --header --cookies BROADSHEET_HEADERS",
    "--room needs --notify",
)
_RULING = ("--article | --host | --everywhere", "--undo | --note")
_FEEDS = "--format=atom --format=json-feed"
RULES: Mapping[str, Sequence[str]] = {
    "backup": ("--restore | --copies",),
    "browse": (
        "--demo | DB|FOLDER",
        "--manage | --demo --read-only",
        "--name needs --host",
        "--token needs --manage",
        "--allow-private needs --manage",
    ),
    "clean": (
        "--output | --text | --html",
        "--output --text | --url",
        "--text | --site-rules",
        "--output | --explain --format",
        "--explain | --format=markdown",
        "--site-rules needs --url --output",
        "--base needs --paths-from",
        "--scheduler | --limit",
        *(
            f"--{name} needs --output"
            for name in ("scheduler", "paths-from", "host", "include", "sample", "since", "language", "limit", "only")
        ),
    ),
    "correct": (
        "--undo | --export-rules | --json | --title --author --published --tag --language --not-article --article "
        "--same-layout --yes --note ARTICLE...",
        "--not-article | --article | --title --author --published --tag --language",
        "--same-layout | --title --published",
        "--yes needs --same-layout",
        "--same-layout needs ARTICLE...",
        "--note needs ARTICLE...",
    ),
    "crawl": _CRAWLING,
    "datasette": ("--print | OPTION...",),
    "demo": ("--serve | --keep",),
    "diff": ("--at | --from",),
    "doctor": ("--allow-private needs URL",),
    "explain": ("--full | --json",),
    "export": (
        "--bom needs --format=csv",
        f"--edits needs {_FEEDS}",
        f"--kind needs {_FEEDS}",
        f"--limit needs {_FEEDS}",
        f"--room needs {_FEEDS}",
        "--keep-credentials needs --format=wacz",
        "DB... needs --format=parquet",
        f"--one-per-cluster | --format=wacz {_FEEDS}",
        "--format=wacz | --query --for --host --since --until --language --section",
        "--edits --kind | --query --for --since --until --language --section",
    ),
    "fleet forget": ("--work needs --store",),
    "fleet run": (
        "--scheduler needs --store",
        "--work needs --store",
        "--take-over needs --store",
        "--parallel | --scheduler",
        "--dry-run | --wait --quiet",
    ),
    "import": (
        "--own | WARC|ARC|WACZ... --host --include --exclude --since --language --site-rules "
        "--obey-directives --lenient --keep",
    ),
    "reclean": (
        "--undo | --back-to | --all --site-rules --no-site-rules --dry-run --examples",
        "--site-rules | --no-site-rules",
        "--dry-run | --quiet",
        "--examples needs --dry-run",
    ),
    "remove": _RULING,
    "restore": _RULING,
    "rules test": ("PAGE | --allow-private --contact", "--url needs PAGE"),
    "search": ("--sort=relevance needs QUERY...",),
    "show": ("--markdown | --json",),
    "update": (
        *_CRAWLING,
        "--all | --every | --pictures | ARTICLE...",
        "--pictures | --max-pages --no-warc --keep",
    ),
}
"""By the words that name a verb."""
_BRACKETS = re.compile(r"[\[\] -]")


def check_together(context: click.Context, parsed: Iterable[click.Parameter]) -> None:
    """Raise UsageError if what a command line gives, `parsed`, breaks a rule of its verb."""
    rules = RULES.get(context.command_path.removeprefix("broadsheet "))
    if not rules:
        return
    names = {parameter: word_of(parameter, context) for parameter in context.command.params}
    values = {f"{name}={context.params.get(str(parameter.name))}" for parameter, name in names.items()}
    given = values | {names[parameter] for parameter in parsed if _is_given(parameter, context)}
    in_environment = {name for parameter, name in names.items() if parameter.value_from_envvar(context) is not None}
    for rule in rules:
        if problem := _broken(rule, given, {*given, *in_environment, *os.environ}):
            raise click.UsageError(problem, context)


def word_of(parameter: click.Parameter, context: click.Context) -> str:
    """Return the word of rules for a parameter: `--format`, `ARTICLE...`."""
    is_option = isinstance(parameter, click.Option)
    return max(parameter.opts, key=len) if is_option else _BRACKETS.sub("", parameter.make_metavar(context))


def _is_given(parameter: click.Parameter, context: click.Context) -> bool:
    return isinstance(parameter, click.Option) or bool(context.params.get(str(parameter.name)))


def _broken(rule: str, given: Collection[str], known: Collection[str]) -> str:
    """Describe how a rule is broken; empty if it is not."""
    name, needs, others = rule.partition(" needs ")
    if needs:
        is_broken = name in given and not any(word in known for word in others.split())
        return f"{_shown(name)} needs {' or '.join(map(_shown, others.split()))}" if is_broken else ""
    parts = [[word for word in part.split() if word in given] for part in rule.split(" | ")]
    first, second, *_ = [*(_shown(words[0]) for words in parts if words), "", ""]
    return f"give {first} or {second}, not both" if second else ""


def _shown(word: str) -> str:
    return word.removesuffix("...").replace("=", " ")
