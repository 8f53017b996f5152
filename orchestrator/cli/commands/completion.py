"""`orc completion`: the script that teaches a shell to complete."""

import click
from click.shell_completion import get_completion_class

from orchestrator.cli.verb import verb

HINTS = {
    "bash": 'to install: orc completion bash > ~/.local/share/bash-completion/completions/orc   (or in ~/.bashrc: eval "$(orc completion bash)")',
    "zsh": "to install: orc completion zsh > ~/.zfunc/_orc, with fpath+=~/.zfunc before compinit in ~/.zshrc",
    "fish": "to install: orc completion fish > ~/.config/fish/completions/orc.fish",
}


@verb(
    "completion",
    examples=['eval "$(orc completion bash)"', "orc completion fish > ~/.config/fish/completions/orc.fish"],
)
@click.argument("shell", metavar="SHELL", type=click.Choice(list(HINTS)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of SHELL: bash, zsh or fish. Refs and names are asked from a running daemon; none is ever started for it."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    script = kind(context.find_root().command, {}, "orc", "_ORC_COMPLETE")
    click.echo(f"# {HINTS[shell]}")
    click.echo(script.source_template % script.source_vars())
