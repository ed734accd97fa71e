"""`taxocrawl evaluate`: how good classifiers are on labelled texts."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from taxocrawl.cli.options import StorePath, load_settings, of_settings
from taxocrawl.cli.tables import print_rows

if TYPE_CHECKING:
    from taxocrawl.training.evaluation import Measure, Report

_FILE = click.Path(path_type=Path, dir_okay=False)
_SHOWN = 10


@click.command(name="evaluate")
@click.argument("labels", type=_FILE, required=False)
@click.option(
    "--store",
    type=StorePath(path_type=Path, dir_okay=False, exists=True),
    help="Measure on what people labelled in this store.",
)
@click.option("--costs", "costs_file", type=_FILE, help="CSV of true, predicted, cost.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each classifier.")
@of_settings("taxonomies", "classifiers", "model", "encoder", "min_confidence", "plugins_dir")
def command(
    labels: Path | None, store: Path | None, costs_file: Path | None, as_json: bool, **options: Any
) -> None:
    """Measure classifiers on labelled texts that they were not trained on.

    LABELS is a file as for `train`. Printed are accuracy by tier and of the node, macro-F1,
    hierarchical F1 and distance in the tree, calibration error, accuracy against coverage, the
    most frequent confusions and, with --costs, the mean cost; means with 95 % intervals.
    """
    if (labels is None) == (store is None):
        raise click.UsageError("give a file of labels, or --store")
    from taxocrawl.errors import SettingsError
    from taxocrawl.plugins import loading
    from taxocrawl.training import costs, evaluation, own_labels

    settings = load_settings(options)
    if len(settings.taxonomies) > 1:
        raise SettingsError("evaluate measures in one taxonomy; give --taxonomy once")
    registry = loading.load(settings)
    tree = registry.taxonomy(settings.taxonomies[0])
    found = own_labels.read(labels, store, tree)
    prices = costs.read_costs(costs_file, tree) if costs_file else None
    reports = [
        evaluation.report(
            name, found.pages, tree, registry=registry, settings=settings, costs=prices
        )
        for name in settings.classifiers
    ]
    if as_json:
        for one in reports:
            click.echo(json.dumps(asdict(one), ensure_ascii=False))
        return
    _print(reports)


def _print(reports: "Sequence[Report]") -> None:
    first = reports[0]
    click.echo(f"{first.n_texts} texts, {first.taxonomy}")
    rows = [
        [measures[0].name, *(_shown(measure) for measure in measures)]
        for measures in zip(*(one.measures for one in reports), strict=True)
    ]
    print_rows(["measure", *(one.classifier for one in reports)], rows)
    click.echo("accuracy at tier 1 of the surest share of texts")
    shares = [
        [f"{curve[0][0]:.0%}", *(f"{accuracy:.3f}" for _, accuracy in curve)]
        for curve in zip(*(one.coverage for one in reports), strict=True)
    ]
    print_rows(["texts", *(one.classifier for one in reports)], shares)
    for one in reports:
        if one.confusions:
            click.echo(f"most frequent confusions of {one.classifier}")
            print_rows(
                ["times", "label", "answer"],
                [[c.n, c.true, c.predicted or "(none)"] for c in one.confusions[:_SHOWN]],
            )


def _shown(measure: "Measure") -> str:
    if measure.low is None:
        return f"{measure.value:.3f}"
    return f"{measure.value:.3f} ({measure.low:.3f} to {measure.high:.3f})"
