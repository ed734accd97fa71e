"""The command `taxocrawl`: groups the commands and turns errors into exit codes.

0 done (failed sites are rows), 1 the run failed, 2 usage, 3 every site failed, 130 interrupted,
141 closed pipe.
"""

import functools
import logging
import signal
import sys
from importlib import import_module

import click

from taxocrawl import __version__
from taxocrawl.errors import InputError, SettingsError, TaxocrawlError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_ALL_FAILED = 3
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_CLOSED_PIPE = 128 + signal.SIGPIPE

COMMANDS = {
    "changes": "Show what changed between two runs.",
    "classify": "Classify URLs, files, folders, texts or JSON Lines; one JSON line each.",
    "completion": "Print the script by which a shell completes commands and options.",
    "crawl": "Crawl a list of domains into a store: what each site is about, and why.",
    "debug": "Group wrong answers to labelled pages by the words and features that drove them.",
    "doctor": "Say what is wrong with this installation, if anything.",
    "errors": "List the sites that gave no answer, and why.",
    "evaluate": "Measure a classifier on labelled texts.",
    "export": "Write a store as JSON Lines, CSV, Parquet, OpenRTB or a block-list.",
    "importance": "Print which features and fields matter to the ranker, overall.",
    "label": "Say what a site is about; a person's word wins at once.",
    "labels": "Export and import labels; see how far two people agree.",
    "migrate": "Bring a store of an older taxocrawl up to date.",
    "model": "List models, show their cards, verify their files.",
    "plugin": "Write a new plugin: a package that works, with tests that pass.",
    "plugins": "List the plugins and what they supply; check that they keep the rules.",
    "reclassify": "Classify the kept text of a store once more; nothing is fetched.",
    "review": "Walk through the doubtful sites and say what they are about.",
    "runs": "List the runs of a store.",
    "sql": "Ask the store in SQL.",
    "taxonomy": "List, show, search, map and check taxonomies.",
    "train": "Train a classifier on your own labels, for any taxonomy.",
    "why": "Explain why a site got its categories.",
}
"""Name and help of every command; its module in this room is imported only when it runs."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used, not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in alphabetical order, those of plugins among them."""
        _add_plugin_commands()
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            _add_plugin_commands()
            return super().get_command(ctx, cmd_name)
        module = import_module(f"taxocrawl.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, from `COMMANDS`, so that `--help` imports none of them."""
        _add_plugin_commands()
        own = {name: command.get_short_help_str() for name, command in self.commands.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted({**COMMANDS, **own}.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, but a mistyped command names the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not near or "Did you mean" in error.message:
                raise
            message = f"{error.message} Did you mean {near[0]!r}?"
            raise click.UsageError(message, ctx) from None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="taxocrawl")
@click.option("-v", "--verbose", count=True, help="More talk on standard error; twice for all.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors on standard error.")
def cli(verbose: int, quiet: bool) -> None:
    """Say what websites are about, and why.

    A list of domains goes in; one DuckDB file comes out, with the categories of every site, the
    words and features that decided them, and exactly one outcome for every line.
    """
    level = (
        logging.ERROR if quiet else [logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)]
    )
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True
    )


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = EXIT_INTERRUPTED
    except SystemExit as error:
        # click turns a closed pipe into exit code 1, and silences stdout by a wrapper, whose class
        # has a private name since click 8.5.
        closed = type(sys.stdout).__name__.endswith("PacifyFlushWrapper")
        code = EXIT_CLOSED_PIPE if closed else error.code
    except (SettingsError, InputError) as error:
        click.echo(f"taxocrawl: {error}", err=True)
        code = EXIT_USAGE
    except TaxocrawlError as error:
        click.echo(f"taxocrawl: {error}", err=True)
        code = EXIT_FAILED
    sys.exit(code if isinstance(code, int) else 0)


@functools.cache
def _add_plugin_commands() -> None:
    """Only where a plugin may be and its command may be meant: finding none costs little, importing
    one may cost much, and one that ends the program must not end `taxocrawl plugins check`.
    """
    from importlib.metadata import entry_points

    from taxocrawl.cli.options import load_settings

    settings = load_settings({})
    if not settings.plugins_dir and not entry_points(group="taxocrawl"):
        return
    from taxocrawl.plugins import loading

    for problem in loading.add_commands(cli, settings, own=COMMANDS):
        click.echo(f"taxocrawl: plugin {problem.plugin}: {problem.message}", err=True)
