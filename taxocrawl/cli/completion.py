"""`taxocrawl completion`: the script by which a shell completes commands and options."""

import click
from click.shell_completion import get_completion_class

NAME = "taxocrawl"


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash: taxocrawl completion bash > ~/.local/share/bash-completion/completions/taxocrawl
    zsh:  taxocrawl completion zsh > "${fpath[1]}/_taxocrawl"
    fish: taxocrawl completion fish > ~/.config/fish/completions/taxocrawl.fish
    """  # noqa: D301 - click wants the character itself
    from taxocrawl.cli.main import cli

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(found(cli, {}, NAME, f"_{NAME.upper()}_COMPLETE").source(), nl=False)
