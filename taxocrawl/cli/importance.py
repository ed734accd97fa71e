"""`taxocrawl importance`: what matters to the model, overall."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from taxocrawl.cli.options import StorePath, load_settings, of_settings
from taxocrawl.errors import InputError, SettingsError

if TYPE_CHECKING:
    from taxocrawl.explanations.pictures import Picture
    from taxocrawl.plugins.registry import Registry
    from taxocrawl.store.importances import StoredImportance
    from taxocrawl.store.swarm import SiteFeatures
    from taxocrawl.training.dataset import LabelledPage

GROUP_SHOWN = 3  # of the features that are shuffled together
PICTURES = ("beeswarm", "force", "bars")
_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """Importances of one taxonomy, and what they were measured on."""

    model_id: str
    taxonomy: str
    rows: "tuple[StoredImportance, ...]"


@click.command(name="importance")
@click.option("--labels", type=_FILE, help="Measure on these labelled texts: CSV, JSONL, Parquet.")
@click.option(
    "--store",
    type=StorePath(path_type=Path, dir_okay=False, exists=True),
    help="Measure on what people labelled in this store (or on --labels) and keep the result in "
    "its table `importances`.",
)
@click.option("--summary", is_flag=True, help="Features over all sites of the store, by SHAP.")
@click.option("--below", default="", metavar="PATH", help="Only answers of this category or below.")
@click.option("--tier", type=click.IntRange(1), help="Accuracy at this tier, not of the node.")
@click.option("--repeats", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option("--pages", type=click.IntRange(2), default=1000, show_default=True, help="At most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows shown.")
@click.option("--plot", type=_FILE, help="Draw into FILE.svg or FILE.png.")
@click.option(
    "--picture", type=click.Choice(PICTURES), help="What --plot draws of a --summary: beeswarm."
)
@of_settings("taxonomies", "classifiers", "model", "encoder", "plugins_dir", "seed")
def command(
    labels: Path | None,
    store: Path | None,
    summary: bool,
    below: str,
    tier: int | None,
    repeats: int,
    pages: int,
    as_json: bool,
    top: int,
    plot: Path | None,
    picture: str | None,
    **options: Any,
) -> None:
    """Show what the classifier cannot do without: its features and the fields of pages.

    Importance is the fall of accuracy on pages it has not learned from when the values of one
    feature, or the texts of one field, are shuffled among them. Gain is what the trees saved by a
    feature while learning; it flatters features of many values. Without --labels and --store it is
    what was measured when the model was trained.
    """
    from taxocrawl.plugins import loading

    registry = loading.load(load_settings(options))
    if summary:
        _summary(store, below, top, as_json, plot, picture or "beeswarm")
        return
    measured = (
        _measure(registry, labels, store, repeats, pages) if labels or store else _shipped(registry)
    )
    if store:
        _keep(store, measured)
    _show(measured, tier, top, as_json, plot)


def _shipped(registry: "Registry") -> _Measured:
    from taxocrawl.classifiers import model_folder
    from taxocrawl.store.importances import StoredImportance

    folder = registry.model_folder()
    manifest = model_folder.read_manifest(folder)
    rows = tuple(
        StoredImportance(
            name=row.name,
            kind=row.kind,
            importance=row.importance,
            deviation=row.deviation,
            members=row.members,
            gain=row.gain,
        )
        for row in model_folder.read_importances(folder)
    )
    return _Measured(model_id=manifest.id, taxonomy=manifest.taxonomy, rows=rows)


def _measure(
    registry: "Registry", labels: Path | None, store: Path | None, repeats: int, most: int
) -> _Measured:
    from taxocrawl import threads
    from taxocrawl.store.importances import StoredImportance
    from taxocrawl.training import importance, own_labels

    threads.one_thread()
    settings = registry.settings
    classifier = registry.classifier(settings.classifiers[0])
    tree = registry.taxonomy(settings.taxonomies[0])
    if tree.name not in classifier.taxonomies:
        known = ", ".join(classifier.taxonomies)
        raise SettingsError(f"{settings.classifiers[0]} answers in {known}, not in {tree.name}")
    found = own_labels.read(labels, store, tree)
    chosen = importance.sample(found.pages, most, seed=settings.seed)
    _check_enough(chosen)
    by_tier = importance.of_fields(classifier, chosen, tree, repeats=repeats, seed=settings.seed)
    gains: dict[str, float] = {}
    if settings.classifiers[0] == "ranker":
        features, gains = importance.of_features(
            registry.model_folder(), chosen, tree, repeats=repeats, seed=settings.seed
        )
        by_tier += features
    rows = tuple(
        StoredImportance(
            name=row.name,
            kind=row.kind,
            importance=row.mean,
            deviation=row.spread,
            members=row.members,
            tier=of_tier.tier,
            gain=gains.get(row.name) if row.kind == "feature" else None,
            metric=importance.METRIC
            if of_tier.tier is None
            else f"the same at tier {of_tier.tier}",
            n_pages=of_tier.n_pages,
        )
        for of_tier in by_tier
        for row in of_tier.importances
    )
    return _Measured(model_id=classifier.model_id, taxonomy=tree.name, rows=rows)


def _check_enough(pages: "Sequence[LabelledPage]") -> None:
    if len(pages) < 2:
        raise InputError("one labelled page has nothing to be shuffled with; give more")
    if len(pages) < 100:
        said = f"measured on {len(pages)} pages: one page more or less is {1 / len(pages):.3f}"
        click.echo(said, err=True)


def _keep(store: Path, measured: _Measured) -> None:
    from taxocrawl.store.importances import replace_importances

    replace_importances(
        store,
        model_id=measured.model_id,
        taxonomy=measured.taxonomy,
        importances=measured.rows,
    )


def _show(
    measured: _Measured, tier: int | None, top: int, as_json: bool, plot: Path | None
) -> None:
    from taxocrawl.explanations import charts
    from taxocrawl.explanations.pictures import write
    from taxocrawl.explanations.render import visible

    rows = sorted((r for r in measured.rows if r.tier == tier), key=lambda r: -r.importance)
    if not rows:
        raise InputError(f"nothing was measured at tier {tier}; it takes --labels or --store")
    title = f"permutation importance, {measured.model_id}, {measured.taxonomy}"
    if plot:
        drawn = [
            charts.Bar(name=_name(r.name, r.members), value=r.importance, spread=r.deviation)
            for r in rows
        ]
        where = "of the node" if tier is None else f"at tier {tier}"
        write(charts.bars(drawn[:top], title, unit=f"fall of accuracy {where}"), plot)
        click.echo(f"wrote {plot}", err=True)
    if as_json:
        told = {"model_id": measured.model_id, "taxonomy": measured.taxonomy}
        click.echo(json.dumps({**told, "importances": [asdict(row) for row in measured.rows]}))
    elif not plot:
        _print(visible(title), rows[:top])


def _print(title: str, rows: "Sequence[StoredImportance]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from taxocrawl.explanations.render import bar, visible

    console = Console()
    table = Table(title=title)
    for heading in ("feature or field", "kind"):
        table.add_column(heading)
    if console.width >= 80:
        table.add_column("", width=16, no_wrap=True)
    for heading in ("importance", "+/-", "gain"):
        table.add_column(heading, justify="right")
    most = max((row.importance for row in rows), default=0.0) or 1.0
    for row in rows:
        name = visible(_name(row.name, row.members))
        gain = "" if row.gain is None else f"{row.gain:.1f}"
        spread = "" if row.deviation is None else f"{row.deviation:.4f}"
        drawn = [bar(row.importance / most, 16, console.encoding)] if console.width >= 80 else []
        table.add_row(Text(name), row.kind, *drawn, f"{row.importance:.4f}", spread, gain)
    console.print(table)


def _name(name: str, members: Sequence[str] = ()) -> str:
    from taxocrawl.explanations.plain_names import PLAIN_NAMES

    if members:
        more = f"; and {len(members) - GROUP_SHOWN} more" if len(members) > GROUP_SHOWN else ""
        return "; ".join(_name(member) for member in members[:GROUP_SHOWN]) + more
    return PLAIN_NAMES.get(name, name.replace("_", " "))


def _summary(
    store: Path | None, below: str, top: int, as_json: bool, plot: Path | None, picture: str
) -> None:
    from taxocrawl.store.swarm import site_features

    if store is None:
        raise SettingsError("--summary is of a store: name it by --store FILE")
    sites = site_features(store, below=below)
    if not sites:
        where = f" at or below {below!r}" if below else ""
        raise InputError(
            f"{store} holds no explanation by features{where}; crawl with explain = shap"
        )
    by_feature = _by_feature(sites)
    if plot:
        from taxocrawl.explanations.pictures import write

        write(_drawn(picture, sites, by_feature[:top], below or store.name), plot)
        click.echo(f"wrote {plot}", err=True)
    rows = [
        {"name": name, "mean": sum(abs(w) for w, _ in points) / len(sites), "n": len(points)}
        for name, points in by_feature
    ]
    if as_json:
        click.echo(json.dumps({"answers": len(sites), "features": rows}))
    elif not plot:
        _print_summary(len(sites), rows[:top])


Points = list[tuple[float, float | None]]


def _by_feature(sites: "Sequence[SiteFeatures]") -> list[tuple[str, Points]]:
    """Features by falling sum of sizes, each with its (weight, value) in every answer."""
    from taxocrawl.explanations.shapley import REST

    found: dict[str, Points] = {}
    for site in sites:
        for a in site.explanation.attributions:
            if a.name != REST:
                found.setdefault(a.name, []).append((a.weight, a.value))
    return sorted(found.items(), key=lambda item: -sum(abs(w) for w, _ in item[1]))


def _drawn(
    picture: str,
    sites: "Sequence[SiteFeatures]",
    by_feature: list[tuple[str, Points]],
    of: str,
) -> "Picture":
    from taxocrawl.explanations import charts

    title = f"{of}: {len(sites)} answers, by SHAP"
    if picture == "force":
        return charts.forces([site.explanation for site in sites], title)
    if picture == "bars":
        bars = [
            charts.Bar(name=_name(name), value=sum(abs(w) for w, _ in points) / len(sites))
            for name, points in by_feature
        ]
        return charts.bars(bars, title, unit="mean size of what it adds to the margin")
    swarms = [charts.Swarm(name=_name(name), points=tuple(p)) for name, p in by_feature]
    return charts.beeswarm(swarms, title)


def _print_summary(n_answers: int, rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from taxocrawl.explanations.render import bar, visible

    console = Console()
    table = Table(title=f"features over {n_answers} answers, by SHAP")
    table.add_column("feature")
    table.add_column("", width=16, no_wrap=True)
    table.add_column("mean size", justify="right")
    table.add_column("answers", justify="right")
    most = rows[0]["mean"] or 1.0
    for row in rows:
        drawn = bar(row["mean"] / most, 16, console.encoding)
        table.add_row(Text(visible(_name(row["name"]))), drawn, f"{row['mean']:.4f}", str(row["n"]))
    console.print(table)
