"""`taxocrawl plugins`: what is installed, what it supplies, and whether that keeps the rules."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from taxocrawl.cli.options import load_settings, of_settings

if TYPE_CHECKING:
    from taxocrawl.plugin_checks import Verdict
    from taxocrawl.plugins.registry import Plugin, Registry


@click.group(name="plugins", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@of_settings("plugins_dir", "block_plugins", "strict_plugins")
@click.pass_context
def command(context: click.Context, /, as_json: bool, **options: Any) -> None:
    """List the plugins in their order: versions, what they supply, what is wrong with them."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from taxocrawl.plugins import loading

    registry = loading.load(load_settings(options))
    rows = [_row(plugin, registry) for plugin in registry.plugins]
    if as_json:
        click.echo(json.dumps({"plugins": rows}))
        return
    table = Table("", "plugin", "version", "supplies", "problem")
    for row in rows:
        parts = [f"{kind}: {', '.join(names)}" for kind, names in row["supplies"].items()]
        supplies = "\n".join(parts)
        problem = "\n".join(["blocked"] * row["blocked"] + row["problems"])
        texts = (str(row["order"]), row["name"], row["version"], supplies, problem)
        table.add_row(*map(Text, texts))
    Console().print(table)


@command.command()
@click.argument("plugin", default="", metavar="[NAME]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--deadline", type=float, default=None, help="Seconds for one component.")
@of_settings("plugins_dir", "block_plugins")
@click.pass_context
def check(
    context: click.Context, /, plugin: str, as_json: bool, deadline: float | None, **options: Any
) -> None:
    """Put what a plugin supplies, or what all but the built-in one supply, to the rules.

    Each component is loaded and answers friendly and hostile texts, twice, in a process that can
    be killed. Exit code 1 where one breaks a rule.
    """
    from taxocrawl import plugin_checks

    given = {name: value for name, value in options.items() if value}
    settings = load_settings({**(context.parent.params if context.parent else {}), **given})
    verdicts = []
    for verdict in plugin_checks.check(
        settings, plugin, deadline_s=deadline or plugin_checks.DEADLINE_S
    ):
        verdicts.append(verdict)
        if not as_json:
            click.echo(_line(verdict))
    if as_json:
        click.echo(json.dumps({"checks": [asdict(verdict) for verdict in verdicts]}))
    elif not verdicts:
        click.echo("no plugin beside the built-in one; `taxocrawl plugins check builtin` checks it")
    sys.exit(any(verdict.problem for verdict in verdicts))


def _row(plugin: "Plugin", registry: "Registry") -> dict[str, Any]:
    from taxocrawl.plugins.registry import KINDS

    names = {
        kind: [c.name for c in registry.components(kind) if c.plugin == plugin.name]
        for kind in KINDS
    }
    return {
        **asdict(plugin),
        "order": registry.plugins.index(plugin) + 1,
        "supplies": {kind: of_kind for kind, of_kind in names.items() if of_kind},
        "problems": [p.message for p in registry.problems if p.plugin == plugin.name],
    }


def _line(verdict: "Verdict") -> str:
    what = f"{verdict.plugin} {verdict.kind} {verdict.name}".rstrip()
    if verdict.problem:
        return f"broken  {what}: {verdict.problem}"
    return f"ok      {what}: {verdict.milliseconds:g} ms each"
