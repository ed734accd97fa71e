"""`taxocrawl train`: from labelled data to a model folder."""

import json
from collections.abc import Mapping
from pathlib import Path

import click

from taxocrawl.cli.options import StorePath, complete_taxonomy, load_settings

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(name="train")
@click.argument("labels", type=_FILE, required=False)
@click.option(
    "--taxonomy", shell_complete=complete_taxonomy, help="Taxonomy of the labels: a name or a file."
)
@click.option("--out", type=_FOLDER, required=True, help="The model folder that is written.")
@click.option(
    "--store",
    type=StorePath(path_type=Path, dir_okay=False, exists=True),
    help="Train on what people labelled in this store.",
)
@click.option("--encoder", type=_FOLDER, help="Folder of another static encoder.")
@click.option(
    "--search", "tries", type=click.IntRange(0), default=0, help="Try so many random settings."
)
@click.option("--adapt", type=_FILE, help="Adapt word vectors to unlabelled texts, one a line.")
@click.option(
    "--cpu-minutes",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    help="CPU time of --search and of --adapt, each.",
)
@click.option(
    "--data",
    type=_FOLDER,
    envvar="TAXOCRAWL_DATA",
    default=Path("../shared/data"),
    show_default=True,
    help="Folder of the data that the default model is trained on, where nothing else is named.",
)
@click.option(
    "--what",
    type=click.Choice(["default", "products", "forms"]),
    default="default",
    show_default=True,
    help="Which of the shipped models is trained from --data.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as JSON.")
def command(
    labels: Path | None,
    taxonomy: str | None,
    out: Path,
    store: Path | None,
    encoder: Path | None,
    tries: int,
    adapt: Path | None,
    cpu_minutes: float,
    data: Path,
    what: str,
    seed: int,
    as_json: bool,
) -> None:
    """Train a classifier on your own labels, for any taxonomy.

    LABELS is a CSV, JSON Lines or Parquet file with a column `label` (id, name or path of a node;
    several separated by `|`) and any of text, title, description, headings, url, domain. Without
    labels the model knows what the taxonomy says. Measured by cross-validation; needs the extra
    `train`. Without LABELS, --store and --taxonomy the default model is trained from --data.
    """
    own = labels is not None or store is not None or taxonomy is not None
    if own and taxonomy is None:
        raise click.UsageError("--taxonomy is missing: what are the labels of?")
    if labels is not None and store is not None:
        raise click.UsageError("give a file of labels or --store, not both")
    if not own:
        if tries or adapt or encoder:
            raise click.UsageError("--search, --adapt and --encoder need --taxonomy and labels")
        _shipped(what, data, out, seed, as_json)
        return
    from taxocrawl.plugins import loading
    from taxocrawl.training.extra import needs

    needs("torch", "taxocrawl train")
    from taxocrawl.training import own_labels, own_run

    tree = loading.load(load_settings({})).taxonomy(str(taxonomy))
    found = own_labels.OwnLabels(pages=())
    if labels is not None:
        found = own_labels.read_file(labels, tree)
    elif store is not None:
        found = own_labels.read_store(store, tree)
    extras = own_run.Extras(encoder=encoder, tries=tries, adapt=adapt, cpu_minutes=cpu_minutes)
    trained = own_run.run(tree, found, out, extras=extras, seed=seed, progress=_say)
    if as_json:
        click.echo(json.dumps({"kept": trained.kept, **trained.metrics}))
    elif trained.metrics:
        _print_gain(trained.metrics, trained.kept)
    else:
        click.echo("no labelled text: nothing to measure on")
    click.echo(f"{out} is ready: taxocrawl classify --model {out} ...", err=True)


def _shipped(what: str, data: Path, out: Path, seed: int, as_json: bool) -> None:
    metrics: Mapping[str, float]
    if what == "products":
        from taxocrawl.plugins import loading
        from taxocrawl.training.product_train import train_products

        home = loading.load(load_settings({})).model_folder()
        metrics = train_products(data, out, encoder_model=home, seed=seed, progress=_say)
    elif what == "forms":
        from taxocrawl.plugins import loading
        from taxocrawl.training.forms_train import train_forms

        home = loading.load(load_settings({})).model_folder()
        metrics = train_forms(data, out, model=home, seed=seed, progress=_say)
    else:
        from taxocrawl.training.fit import train_default

        metrics = train_default(data, out, seed=seed, progress=_say)
    if as_json:
        click.echo(json.dumps(dict(metrics)))
        return
    for name, value in metrics.items():
        click.echo(f"{name:32} {value:.4f}")
    option = "--forms-model" if what == "forms" else "--model"
    click.echo(f"{out} is ready: taxocrawl crawl {option} {out} ...", err=True)


def _print_gain(metrics: Mapping[str, float], kept: str) -> None:
    n_texts, n_nodes = int(metrics["n_texts"]), int(metrics["n_nodes"])
    click.echo(f"{n_texts} texts of {n_nodes} nodes, cross-validated   node   tier 1")
    for title, prefix in (("no label seen", "zero_shot_"), ("trained", "")):
        node, root = metrics[f"{prefix}node_accepted"], metrics[f"{prefix}tier1_accepted"]
        click.echo(f"  {title:38} {node:6.3f}   {root:6.3f}")
    gain = f"{metrics['gain']:+.3f} ± {metrics['gain_error']:.3f}"
    click.echo(f"  gain {gain:>38}")
    click.echo(f"kept: {kept}")


def _say(line: str) -> None:
    click.echo(line, err=True)
