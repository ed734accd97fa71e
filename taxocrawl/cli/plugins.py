"""`taxocrawl plugins`: what is installed and what it supplies."""

import json
from typing import Any

import click

from taxocrawl.cli.options import load_settings, of_settings


@click.command(name="plugins")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@of_settings("plugins_dir", "strict_plugins")
def command(as_json: bool, **options: Any) -> None:
    """List the plugins, the components they supply, and those that were skipped."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from taxocrawl.plugins import loading
    from taxocrawl.plugins.registry import KINDS

    registry = loading.load(load_settings(options))
    components = [c for kind in KINDS for c in registry.components(kind)]
    if as_json:
        report = {
            "plugins": list(registry.plugins),
            "components": [
                {"kind": c.kind, "name": c.name, "plugin": c.plugin} for c in components
            ],
            "problems": [{"plugin": p.plugin, "message": p.message} for p in registry.problems],
        }
        click.echo(json.dumps(report))
        return
    table = Table("kind", "name", "plugin")
    for component in components:
        table.add_row(component.kind, Text(component.name), Text(component.plugin))
    console = Console()
    console.print(table)
    for problem in registry.problems:
        console.print(Text(f"skipped: {problem.plugin}: {problem.message}"))
