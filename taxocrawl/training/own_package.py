"""The folder of a model that a user trained: it stands alone, encoder and taxonomy in it."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from taxocrawl.classifiers.model_folder import MANIFEST, write_model
from taxocrawl.errors import InputError
from taxocrawl.taxonomies import user_file
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training.own_fit import ZERO_SHOT, Trained
from taxocrawl.training.package import CARD
from taxocrawl.training.transfer import Base

_HEAD = """# Model card: {id}

Gives texts and web pages their nodes in {taxonomy} ({n_nodes} nodes). Made by `taxocrawl train` on
top of the shipped model {base}; encoder `{encoder}`.

Labelled texts: {n_texts}. Ranked by {kept}.
{notes}
## Measured by cross-validation on these texts (no site in two folds)
{metrics}

"primary" is the first label of a text, "accepted" any of its labels; `zero_shot_` the same without
any label seen. `gain` is the difference for the accepted node, with its standard error.
"""


def check_out(out: Path) -> None:
    """InputError where the folder holds something that is no model: it is not overwritten."""
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise InputError(f"{out} is not empty and holds no model; name another folder")


def write_folder(
    out: Path, trained: Trained, base: Base, taxonomy: Taxonomy, *, notes: tuple[str, ...] = ()
) -> None:
    """Write everything; a model that stood there is replaced."""
    check_out(out)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    shutil.copytree(
        base.encoder_folder, out / "encoder", ignore=shutil.ignore_patterns("__pycache__")
    )
    if Path(taxonomy.source).is_file():
        (out / user_file.IN_MODEL).mkdir()
        shutil.copyfile(taxonomy.source, out / user_file.IN_MODEL / f"{taxonomy.name}.csv")
    (out / CARD).write_text(_card(trained, base, taxonomy, notes), encoding="utf-8")
    write_model(out, trained.manifest, trained.arrays, trained.booster)


def _card(trained: Trained, base: Base, taxonomy: Taxonomy, notes: tuple[str, ...]) -> str:
    return _HEAD.format(
        id=trained.manifest.id,
        taxonomy=taxonomy.name,
        n_nodes=len(taxonomy),
        base=base.model.manifest.id,
        encoder=base.encoder.name,
        n_texts=int(trained.metrics.get("n_texts", 0)),
        kept="the shipped ranker" if trained.kept == ZERO_SHOT else trained.kept,
        notes="".join(f"\n{note}\n" for note in notes),
        metrics=_table(trained.metrics) if trained.metrics else "Nothing: no labelled text.",
    )


def _table(metrics: Mapping[str, float]) -> str:
    rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in metrics.items())
    return f"| measure | value |\n|---|---|\n{rows}"
