"""`broadsheet completion`: the script by which a shell completes verbs and options."""

from __future__ import annotations

import click

from .verb_options import verb


@verb
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print what a shell has to read so that the Tab key completes verbs and options.

    bash: add to ~/.bashrc the line eval "$(broadsheet completion bash)". zsh: the same in ~/.zshrc, with zsh.
    fish: broadsheet completion fish > ~/.config/fish/completions/broadsheet.fish
    """
    from click.shell_completion import get_completion_class

    script_class = get_completion_class(shell)
    assert script_class is not None
    program = click.get_current_context().find_root().command
    click.echo(script_class(program, {}, "broadsheet", "_BROADSHEET_COMPLETE").source())
    return 0
