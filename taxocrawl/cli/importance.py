"""`taxocrawl importance`: what matters to the model, overall."""

import json
from typing import Any

import click

from taxocrawl.cli.options import load_settings, of_settings


@click.command(name="importance")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows shown.")
@of_settings("model")
def command(as_json: bool, top: int, **options: Any) -> None:
    """Show the permutation importance of the model's features, measured when it was trained.

    Importance is the fall of accuracy on held-out pages when a feature's values are shuffled. Gain
    is what the trees saved by it while learning; it flatters features of many values.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from taxocrawl.classifiers import model_folder
    from taxocrawl.plugins import loading

    registry = loading.load(load_settings(options))
    manifest = model_folder.read_manifest(registry.model_folder())
    rows = sorted(manifest.importances, key=lambda row: -row.importance)
    if as_json:
        report = [
            {
                "name": row.name,
                "importance": row.importance,
                "deviation": row.deviation,
                "gain": row.gain,
            }
            for row in rows
        ]
        click.echo(json.dumps({"model_id": manifest.id, "importances": report}))
        return
    table = Table(title=f"permutation importance, {manifest.id}")
    table.add_column("feature")
    for heading in ("importance", "+/-", "gain"):
        table.add_column(heading, justify="right")
    for row in rows[:top]:
        table.add_row(
            Text(row.name), f"{row.importance:.4f}", f"{row.deviation:.4f}", f"{row.gain:.1f}"
        )
    Console().print(table)
