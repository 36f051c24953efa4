"""The command line of `broadsheet`: its verbs by name. A verb's file in `commands` is loaded when the verb is named.

Exit codes:

- 0: all well; 1: nothing found, or something failed; 2: the command makes no sense as it stands
- 75: another crawl owns the archive
- 130: stopped with Ctrl-C; 143: with SIGTERM; 141: the reader of our output went away
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from .. import __version__
from .command_line import UnloadedVerb, VerbGroup, run_command

_CONTEXT = {"max_content_width": 100}
# Places of verbs are text, so that `--help` imports no verb.
_FOLDER = "broadsheet.crawler.commands"
_VERBS = (
    ("crawl", "Crawl a site into an archive.", "crawl:crawl"),
    ("update", "Look again: what is new, what has changed.", "update:update"),
    ("import", "Import WARC, ARC and WACZ files, without a network.", "import_archives:import_"),
    ("demo", "Crawl the bundled sample site.", "demo:demo"),
    ("search", "Find articles in an archive.", "search:search"),
    ("show", "Print an article.", "show:show"),
    ("changes", "List the edits to articles.", "changes:changes"),
    ("diff", "Show what changed in an article.", "changes:diff"),
    ("report", "Show what is missing, and what needs attention.", "report:report"),
    ("browse", "Open the reading room: read, judge, mend in a browser.", "browse:browse"),
    ("explain", "Show why a page's blocks are kept or removed.", "explain:explain"),
    ("remove", "Take a wrongly kept block out.", "restore:remove"),
    ("restore", "Put a removed block back.", "restore:restore"),
    ("correct", "Correct an article's title, authors, day, tags, language.", "correct:correct"),
    ("reclean", "Clean an archive again from its raw responses.", "reclean:reclean"),
    ("verify", "Check that an archive is whole.", "verify:verify"),
    ("backup", "Copy an archive, also while it is crawled.", "backup:backup"),
    ("forget", "Take an article down, for good.", "forget:forget"),
    ("export", "Write the articles, or the raw responses, to other files.", "export:export"),
    ("merge", "Merge archives into one.", "merge:merge"),
    ("clean", "Print the articles of saved pages.", "clean:clean"),
    ("datasette", "Query an archive in Datasette.", "datasette:datasette"),
    ("doctor", "Check that this machine can run a crawl.", "doctor:doctor"),
)
_SECTIONS = {
    "Your own site": "crawl report demo doctor", "Find and read": "search show browse",
    "Correct and restore": "explain restore remove correct rules reclean", "Watch a site": "update changes diff",
    "Back up, move, hand on": "backup verify merge forget", "Export and share": "export datasette",
    "Many sites": "fleet", "Many machines and WARC files": "import clean",
}  # fmt: skip
"""The order in which `--help` lists the verbs, and the titles above them: those of the pages in docs/."""

_RULES_VERBS = (
    ("check", "List what is wrong with rule files.", "rules:check_rules"),
    ("test", "Try a rule file on a page.", "rules:test_rules"),
)
_FLEET_VERBS = (
    ("forget", "Take an article down in all archives.", "fleet_forget:fleet_forget"),
    ("init", "Write a list of sites.", "fleet:init_sites"),
    ("report", "Sum up every archive.", "fleet_read:fleet_report"),
    ("run", "Crawl and update the sites that are due.", "fleet:run_fleet"),
    ("search", "Find articles in all archives.", "fleet_read:fleet_search"),
    ("status", "Show the state of every site.", "fleet_read:fleet_status"),
    ("verify", "Check that every archive is whole.", "fleet_read:fleet_verify"),
)
"""Each verb's name, its short help, and its place in the folder of verbs."""


@click.group(cls=VerbGroup, context_settings=_CONTEXT, invoke_without_command=True, sections=_SECTIONS)
@click.version_option(__version__, prog_name="broadsheet", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Crawl an article site into one SQLite file: the articles, and what became of everything else.

    Try it: broadsheet demo. Your own site: broadsheet crawl https://… --db site.db
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.group(cls=VerbGroup, name="rules", short_help="Check and try out site rule files.")
def rules() -> None:
    """Check and try out files of site rules, in the format of ftr-site-config."""


@cli.group(cls=VerbGroup, short_help="Crawl many sites by one list.")
def fleet() -> None:
    """Crawl and update many sites by one list, sites.toml: each into an archive of its own, side by side."""


for _group, _verbs in ((cli, _VERBS), (rules, _RULES_VERBS), (fleet, _FLEET_VERBS)):
    for _name, _short_help, _place in _verbs:
        _group.add_command(UnloadedVerb(_name, _short_help, f"{_FOLDER}.{_place}"))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; errors are one line on standard error."""
    return run_command(cli, arguments)


def main() -> None:
    """Run the command line of this process and exit: the entry point `broadsheet`."""
    sys.exit(run())
