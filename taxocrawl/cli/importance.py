"""`taxocrawl importance`: what matters to the model, overall."""

import json
from dataclasses import asdict
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

    folder = loading.load(load_settings(options)).model_folder()
    model_id = model_folder.read_manifest(folder).id
    rows = sorted(model_folder.read_importances(folder), key=lambda row: -row.importance)
    if as_json:
        report = [asdict(row) for row in rows]
        click.echo(json.dumps({"model_id": model_id, "importances": report}))
        return
    table = Table(title=f"permutation importance, {model_id}")
    for heading in ("feature", "kind"):
        table.add_column(heading)
    for heading in ("importance", "+/-", "gain"):
        table.add_column(heading, justify="right")
    for row in rows[:top]:
        name = f"{row.name}: {', '.join(row.members)}" if row.members else row.name
        gain = "" if row.gain is None else f"{row.gain:.1f}"
        table.add_row(Text(name), row.kind, f"{row.importance:.4f}", f"{row.deviation:.4f}", gain)
    Console().print(table)
