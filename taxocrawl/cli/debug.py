"""`taxocrawl debug`: wrong answers, grouped by what drove them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from taxocrawl.cli.options import StorePath, load_settings, of_settings
from taxocrawl.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from taxocrawl.taxonomies.tree import Taxonomy
    from taxocrawl.training.wrong_cases import Debugged, WrongCase, WrongGroup

EXAMPLES = 3
PAIRS = 3
EXPLAINER = "words"


@click.command(name="debug")
@click.argument("labels", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--store",
    type=StorePath(path_type=Path, dir_okay=False, exists=True),
    help="Take what people labelled in this store, and the text it kept.",
)
@click.option("--tier", type=click.IntRange(1), help="Wrong is what is wrong at this tier.")
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Groups shown.")
@click.option("--pages", type=click.IntRange(1), default=1000, show_default=True, help="At most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@of_settings("taxonomies", "classifiers", "model", "encoder", "plugins_dir", "seed")
def command(
    labels: Path | None,
    store: Path | None,
    tier: int | None,
    top: int,
    pages: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Show which words and features drive the wrong answers to labelled pages.

    LABELS is a CSV, JSON Lines or Parquet file with the columns `label` and `text` or `title`.
    Wrong is a first category that no label of the page names.
    """
    from taxocrawl import threads
    from taxocrawl.plugins import loading
    from taxocrawl.training import importance, own_labels, wrong_cases

    if (labels is None) == (store is None):
        raise click.UsageError("give a file of labels, or --store for those of a store")
    threads.one_thread()
    registry = loading.load(load_settings(options))
    settings = registry.settings
    tree = registry.taxonomy(settings.taxonomies[0])
    classifier = registry.classifier(settings.classifiers[0])
    if tree.name not in classifier.taxonomies:
        known = ", ".join(classifier.taxonomies)
        raise SettingsError(f"{settings.classifiers[0]} answers in {known}, not in {tree.name}")
    found = own_labels.read(labels, store, tree)
    chosen = importance.sample(found.pages, pages, seed=settings.seed)
    explainer = registry.explainer(EXPLAINER)
    debugged = wrong_cases.debug(classifier, explainer, chosen, tree, tier=tier)
    if as_json:
        told = {"model_id": classifier.model_id, "taxonomy": tree.name, "tier": tier}
        click.echo(json.dumps({**told, **_as_json(debugged, tree)}, ensure_ascii=False))
    else:
        _print(debugged, tree, top)


def _as_json(debugged: "Debugged", tree: "Taxonomy") -> dict[str, object]:
    def case(wrong: "WrongCase") -> dict[str, object]:
        return {
            "id": wrong.page_id,
            "url": wrong.url,
            "true": wrong.true,
            "predicted": wrong.predicted,
            "confidence": round(wrong.confidence, 4),
            "asserted": wrong.sure,
            "words": list(wrong.words),
            "features": list(wrong.features),
        }

    def group(of: "WrongGroup") -> dict[str, object]:
        return {
            "by": of.kind,
            "driver": of.driver,
            "n": len(of.cases),
            "pairs": [
                {"true": tree.path(true), "predicted": tree.path(predicted), "n": n}
                for true, predicted, n in of.pairs
            ],
            "words": list(of.words),
            "features": list(of.features),
            "examples": [case(wrong) for wrong in of.cases[:EXAMPLES]],
        }

    return {
        "pages": debugged.n_pages,
        "unanswered": debugged.n_unanswered,
        "wrong": len(debugged.cases),
        "asserted_and_wrong": sum(wrong.sure for wrong in debugged.cases),
        "groups": [group(of) for of in (*debugged.by_word, *debugged.by_feature)],
        "cases": [case(wrong) for wrong in debugged.cases],
    }


def _print(debugged: "Debugged", tree: "Taxonomy", top: int) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    sure = sum(case.sure for case in debugged.cases)
    share = len(debugged.cases) / max(1, debugged.n_pages)
    console.print(
        f"{debugged.n_pages} labelled pages, {len(debugged.cases)} wrong ({share:.0%}), "
        f"{sure} of them asserted; {debugged.n_unanswered} unanswered"
    )
    _print_groups(console, "Words that drove several", debugged.by_word[:top], tree)
    _print_groups(console, "Features that preferred the wrong one", debugged.by_feature[:top], tree)


def _print_groups(
    console: "Console", title: str, groups: "Sequence[WrongGroup]", tree: "Taxonomy"
) -> None:
    from rich.text import Text

    from taxocrawl.explanations.plain_names import PLAIN_NAMES
    from taxocrawl.explanations.render import AGAINST, QUIET, visible

    if groups:
        console.print()
        console.print(Text(title, style="bold"))
    for group in groups:
        driver = PLAIN_NAMES.get(group.driver, group.driver)
        more = ", ".join(PLAIN_NAMES.get(n, n) for n in (*group.words, *group.features))
        head = Text(f"{len(group.cases):>4}  ") + Text(visible(driver), style=AGAINST)
        rest = Text(visible(f"  with {more}") if more else "", style=QUIET)
        console.print(head + rest, soft_wrap=True)
        for true, predicted, n in group.pairs[:PAIRS]:
            said = f"{n:>10}  {tree.path(true)} -> {tree.path(predicted)}"
            console.print(Text(visible(said)), soft_wrap=True)
        for case in group.cases[:EXAMPLES]:
            said = f"            {case.url or case.page_id} ({case.confidence:.2f})"
            console.print(Text(visible(said), style=QUIET), soft_wrap=True)
