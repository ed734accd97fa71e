"""A whole training run on a user's own data: from labels to a model folder."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.errors import InputError
from taxocrawl.nearest import near_path
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training import adaptation, own_fit, own_package, search
from taxocrawl.training.fit import Plan
from taxocrawl.training.own_fit import Measured, Trained
from taxocrawl.training.own_labels import OwnLabels
from taxocrawl.training.transfer import Base

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What is tried beside plain training: an encoder folder in place of the shipped one, random
    plans, a file of unlabelled texts to adapt to; each of the last two within its CPU time.
    """

    encoder: Path | None = None
    tries: int = 0
    adapt: Path | None = None
    cpu_minutes: float = 10.0


def run(
    taxonomy: Taxonomy,
    labels: OwnLabels,
    out: Path,
    *,
    extras: Extras,
    seed: int,
    progress: Progress,
) -> Trained:
    """Train on the labels (none: zero-shot) and write the folder; every gain is told."""
    own_package.check_out(out)
    base = own_fit.shipped(extras.encoder)
    if labels.merged:
        progress(f"{labels.merged} rows repeat the text of another and were merged with it")
    if not labels.pages:
        if extras.tries or extras.adapt:
            raise InputError("--search and --adapt are kept only if they gain: give labelled texts")
        trained = own_fit.zero_shot(base, taxonomy)
        own_package.write_folder(out, trained, base, taxonomy)
        return trained
    with tempfile.TemporaryDirectory() as folder:
        trainer = own_fit.own_trainer(
            base, taxonomy, labels.pages, plan=None, seed=seed, progress=progress
        )
        best = own_fit.measure(trainer, base)
        notes = []
        if extras.adapt is not None:
            base, best, note = _adapted(base, best, extras, Path(folder) / "encoder")
            progress(note)
            notes.append(note)
        if extras.tries:
            best, note = _searched(base, best, extras)
            progress(note)
            notes.append(note)
        trained = own_fit.finish(best, base)
        own_package.write_folder(out, trained, base, taxonomy, notes=tuple(notes))
    return trained


def _again(base: Base, like: Measured, plan: Plan) -> Measured:
    """Measured on the same texts by another plan or encoder; its folds are not told."""
    old = like.trainer
    trainer = own_fit.own_trainer(
        base, old.taxonomy, old.pages, plan=plan, seed=old.seed, progress=lambda line: None
    )
    found = own_fit.measure(trainer, base)
    trainer.progress = old.progress
    return found


def _searched(base: Base, best: Measured, extras: Extras) -> tuple[Measured, str]:
    return search.search(
        best,
        lambda plan: _again(base, best, plan),
        tries=extras.tries,
        cpu_seconds=60 * extras.cpu_minutes,
        seed=best.trainer.seed,
        progress=best.trainer.progress,
    )


def _adapted(
    base: Base, best: Measured, extras: Extras, folder: Path
) -> tuple[Base, Measured, str]:
    assert extras.adapt is not None  # noqa: S101 - the caller asked
    texts = read_texts(extras.adapt)
    trainer = best.trainer
    trainer.progress(f"adapting word vectors to {len(texts)} texts")
    table = adaptation.adapted(
        base.encoder, texts, cpu_seconds=60 * extras.cpu_minutes, seed=trainer.seed
    )
    adaptation.save_adapted(base.encoder, base.encoder_folder, table, folder)
    encoder = StaticEncoder(folder, name=base.encoder.name)
    moved = replace(base, encoder=encoder, encoder_folder=folder)
    found = _again(moved, best, trainer.plan)
    gain = search.compare(found, best)
    said = f"adaptation to {len(texts)} texts: gain {gain}"
    if gain.kept:
        return moved, found, f"{said}, kept"
    return base, best, f"{said}, not kept"


def read_texts(path: Path) -> list[str]:
    """One text a line, empty lines left out."""
    if not path.is_file():
        raise InputError(f"there is no file {path}{near_path(path)}")
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error}") from error
    return [line for line in lines if line.strip()]
