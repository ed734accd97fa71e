"""Training on a user's own taxonomy and labels: from none at all to thousands.

What the shipped model knows is carried over (`transfer`); labelled texts move the linear head on
from there, vote as neighbours and, where they are many, teach a ranker of their own. Each step is
kept only where cross-validation on the user's own texts gains by it.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xgboost
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.model_folder import Arrays, Manifest, load_model
from taxocrawl.classifiers.ranker import Ranker, sources_of, spread
from taxocrawl.classifiers.scope import Scope
from taxocrawl.classifiers.tiers import Tiers
from taxocrawl.errors import InputError
from taxocrawl.protocols import Vectors
from taxocrawl.records import Document
from taxocrawl.settings import SHIPPED_MODELS
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training import evaluate, transfer
from taxocrawl.training.dataset import LabelledPage, read_glossary
from taxocrawl.training.fit import Plan, Trainer
from taxocrawl.training.linear_fit import Recipe
from taxocrawl.training.positions import best_nodes
from taxocrawl.training.scope_fit import PER_KIND
from taxocrawl.training.transfer import Base

logger = logging.getLogger(__name__)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Progress = Callable[[str], None]

# Under so many pages a ranker of their own is not tried: it would learn the pages by heart.
OWN_RANKER_PAGES = 150
# Steps of training that a head needs, however few its pages, and pages a step.
LEAST_STEPS = 150
BATCHES = (16, 128)
MANY_PAGES = 2000
# The shares of a model that saw no label are flatter than those of the shipped one.
UNTRAINED_TEMPERATURE = 2.0
READ_AT_ONCE = 128
# Pages at which calibration on them counts half.
CALIBRATION_PAGES = 100
# Texts without a topic, of each of eight kinds, that a model learns to refuse.
LEAST_NOISE = 20

ZERO_SHOT, SHIPPED_RANKER, OWN_RANKER = "no label", "the shipped ranker", "a ranker of its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished training run: what the folder will hold, and what was measured.

    `metrics` are cross-validated on the user's pages, those that start with `zero_shot_` without
    any of their labels; empty where there was no page. `kept` says what ranks.
    """

    arrays: Mapping[str, Arrays]
    booster: xgboost.Booster
    manifest: Manifest
    kept: str

    @property
    def metrics(self) -> Mapping[str, float]:
        """Cross-validated measurements."""
        return self.manifest.metrics


def shipped(encoder: Path | None = None) -> Base:
    """The shipped model as a base; `encoder` reads in place of its own."""
    taxonomy = transfer.background()
    model = load_model(SHIPPED_MODELS / "default", taxonomy)
    name = model.manifest.encoder if encoder is None else encoder.name
    folder = encoder or model.encoder
    return Base(
        model=model,
        taxonomy=taxonomy,
        encoder=StaticEncoder(folder, name=name),
        encoder_folder=folder,
    )


def train(
    base: Base,
    taxonomy: Taxonomy,
    pages: Sequence[LabelledPage] = (),
    *,
    plan: Plan | None = None,
    seed: int = 0,
    progress: Progress = logger.info,
) -> Trained:
    """The best model of the taxonomy that these pages give; without pages the untrained one."""
    if not pages:
        return zero_shot(base, taxonomy)
    trainer = own_trainer(base, taxonomy, pages, plan=plan, seed=seed, progress=progress)
    return finish(measure(trainer, base), base)


def own_trainer(
    base: Base,
    taxonomy: Taxonomy,
    pages: Sequence[LabelledPage],
    *,
    plan: Plan | None,
    seed: int,
    progress: Progress,
) -> Trainer:
    """A trainer that goes on from what the shipped model knows; InputError for one class only."""
    check_classes(pages, taxonomy)
    plan = plan or own_plan(len(pages), len(taxonomy))
    folds = own_folds(pages, plan.n_folds, seed=seed)
    plan = replace(plan, n_folds=int(folds.max()) + 1)
    trainer = Trainer(
        taxonomy,
        base.encoder,
        pages,
        read_glossary(taxonomy),
        {},
        plan,
        seed,
        progress,
        folds=folds,
        start=transfer.first_head(base, taxonomy) if base.same_encoder else None,
    )
    trainer.prototypes = transfer.prototypes_of(base, taxonomy, trainer.vectors)
    return trainer


def own_plan(n_pages: int, n_nodes: int) -> Plan:
    """How to train on so many pages."""
    smallest, largest = BATCHES
    batch = min(largest, max(smallest, n_pages // 8))
    rows = n_pages + 3 * n_nodes
    epochs = max(3, math.ceil(LEAST_STEPS * batch / rows))
    return Plan(
        n_folds=5 if n_pages < MANY_PAGES else 3,
        n_candidates=min(40, n_nodes),
        translations_per_text=0,
        translations_per_page=0,
        linear=Recipe(epochs=epochs, batch=batch),
        importance_pages=0,
        noise_per_kind=min(PER_KIND, max(LEAST_NOISE, n_pages // 8)),
    )


def own_folds(pages: Sequence[LabelledPage], n: int, *, seed: int) -> Ints:
    """Fold of each page: no site in two, and the sites of every node dealt out evenly."""
    sites: dict[str, str] = {}
    for page in pages:
        sites.setdefault(page.domain, page.primary)
    order = np.random.default_rng(seed).permutation(len(sites))
    names = list(sites)
    dealt = sorted((names[i] for i in order), key=lambda site: sites[site])
    fold = {site: i % n for i, site in enumerate(dealt)}
    return np.array([fold[page.domain] for page in pages], dtype=np.int64)


def check_classes(pages: Sequence[LabelledPage], taxonomy: Taxonomy) -> None:
    """InputError where there is nothing to tell apart."""
    classes = Counter(page.primary for page in pages)
    if len(classes) < 2:
        (only,) = classes
        raise InputError(
            f"all {len(pages)} texts have one label, {taxonomy.path(only)!r}; training needs two "
            "categories at least (without labels: leave the file out)"
        )
    if len({page.domain for page in pages}) < 2:
        raise InputError(
            f"all {len(pages)} texts are of one site, {pages[0].domain}; nothing is left to "
            "measure on, as no site may be in two folds: give texts of two sites at least"
        )


def zero_shot(base: Base, taxonomy: Taxonomy) -> Trained:
    """The model that no label has touched: the shipped ranker over what the taxonomy says."""
    dimension = base.encoder.dimension
    head = transfer.first_head(base, taxonomy)
    prototypes = transfer.prototypes_of(base, taxonomy, np.zeros((0, dimension), np.float32))
    arrays: dict[str, Arrays] = {
        "linear": head,
        "prototypes": {
            "vectors": prototypes.vectors.astype(np.float16),
            "nodes": prototypes.nodes.astype(np.int16),
            "kinds": prototypes.kinds.astype(np.int8),
            "page_centre": prototypes.page_centre,
        },
        "neighbours": {
            "vectors": np.zeros((0, dimension), dtype=np.float16),
            "labels": np.zeros((0, 1), dtype=np.int16),
        },
    }
    known = base.model.manifest
    manifest = replace(
        known,
        id=f"{taxonomy.name}-zero-shot-{known.id.rsplit('-', 1)[-1]}",
        taxonomy=taxonomy.name,
        taxonomy_sha256=taxonomy.sha256,
        encoder=base.encoder.name,
        dimension=dimension,
        temperature=known.temperature * UNTRAINED_TEMPERATURE,
        n_candidates=min(known.n_candidates, len(taxonomy)),
        tiers=Tiers(thresholds=(0.5,), sensitive=known.tiers.sensitive),
        scope=Scope(),
        sensitive=tuple(n.id for n in taxonomy if "sensitive" in n.flags),
        data_fingerprint="",
        metrics={},
    )
    return Trained(arrays=arrays, booster=base.model.ranker, manifest=manifest, kept=ZERO_SHOT)


def ranker_of(trained: Trained, base: Base, taxonomy: Taxonomy) -> Ranker:
    """The classifier of a training run, without a folder."""
    return Ranker(
        taxonomy=taxonomy,
        manifest=trained.manifest,
        encoder=base.encoder,
        sources=sources_of(trained.arrays, taxonomy),
        booster=trained.booster,
    )


def best_of(ranker: Ranker, pages: Sequence[LabelledPage]) -> Ints:
    """Position of the node that each page gets, -1 for none."""
    documents = [Document(id=page.page_id, domain="", pages=(page.page,)) for page in pages]
    best = np.full(len(pages), -1, dtype=np.int64)
    for start in range(0, len(pages), READ_AT_ONCE):
        answers = ranker.answers(documents[start : start + READ_AT_ONCE])
        for row, answer in enumerate(answers, start):
            if len(answer.ranked):
                best[row] = answer.ranked[0]
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A trainer's pages ranked by models that did not see them: candidates and features of every
    page, and of the best way to rank its name, the candidates' margins and what it got right.
    """

    trainer: Trainer
    candidates: Ints
    features: Vectors
    name: str
    margins: Vectors
    hits: Mapping[str, Bools]

    @property
    def worth(self) -> tuple[float, float]:
        """What models are compared by."""
        return float(self.hits["node_accepted"].mean()), float(self.hits["tier1_accepted"].mean())


def measure(trainer: Trainer, base: Base) -> Measured:
    """By cross-validation the better of the shipped ranker and one of the pages' own."""
    candidates, features, _ = trainer.cross_fitted()
    flat = features.reshape(-1, features.shape[2])
    shipped_margins = base.model.ranker.inplace_predict(flat, predict_type="margin")
    ways = {SHIPPED_RANKER: shipped_margins.reshape(candidates.shape)}
    if len(trainer.pages) >= OWN_RANKER_PAGES:
        trainer.progress(OWN_RANKER)
        ways[OWN_RANKER] = trainer.cross_margins(candidates, features)
    found = []
    for name, margins in ways.items():
        best = best_nodes(spread(margins, candidates, 1.0, len(trainer.nodes)), trainer.nodes)
        hits = evaluate.hits(best, trainer.truth, trainer.nodes)
        found.append(
            Measured(
                trainer=trainer,
                candidates=candidates,
                features=features,
                name=name,
                margins=margins,
                hits=hits,
            )
        )
    return max(found, key=lambda measured: measured.worth)


def finish(measured: Measured, base: Base) -> Trained:
    """The model of all pages, or the untrained one where the labels gain nothing by it."""
    trainer = measured.trainer
    untrained = zero_shot(base, trainer.taxonomy)
    best = best_of(ranker_of(untrained, base, trainer.taxonomy), trainer.pages)
    before = evaluate.hits(best, trainer.truth, trainer.nodes)
    metrics = _metrics(measured, before)
    if measured.worth[0] < float(before["node_accepted"].mean()):
        trainer.progress("the labels gain nothing: the model without them is kept")
        manifest = replace(untrained.manifest, metrics=_rounded(metrics))
        return replace(untrained, manifest=manifest)
    everything = np.arange(len(trainer.pages))
    booster = base.model.ranker
    if measured.name == OWN_RANKER:
        booster = trainer.rank(measured.candidates, measured.features, everything)
    tiers, temperature, calibrated = trainer.calibrated(measured.margins, measured.candidates)
    metrics["calibration_error"] = calibrated["ece_accepted"]
    tiers, temperature = modest(tiers, temperature, len(trainer.pages))
    trainer.progress("linear head on all texts")
    head = trainer.head_arrays(everything)
    scope = Scope()
    if trainer.plan.noise_per_kind:
        if measured.name != OWN_RANKER:
            trainer.fold_rankers = [booster] * trainer.plan.n_folds
        scope = trainer.scope(measured.features, measured.margins, head, booster)
    manifest = trainer.manifest(booster, head, tiers, temperature, scope, _rounded(metrics))
    return Trained(
        arrays=trainer.arrays(head), booster=booster, manifest=manifest, kept=measured.name
    )


def modest(tiers: Tiers, temperature: float, n_pages: int) -> tuple[Tiers, float]:
    """A calibration that claims no more than so few pages can show.

    Where all of twelve texts are right the likeliest line says that everything always is.
    """
    known = n_pages / (n_pages + CALIBRATION_PAGES)
    shrunk = replace(
        tiers,
        slopes=tuple(1 + known * (slope - 1) for slope in tiers.slopes),
        offsets=tuple(known * offset for offset in tiers.offsets),
    )
    return shrunk, float(np.exp(known * np.log(temperature)))


def _metrics(measured: Measured, before: Mapping[str, Bools]) -> dict[str, float]:
    pages = measured.trainer.pages
    classes = {page.primary for page in pages}
    metrics = {"n_texts": float(len(pages)), "n_nodes": float(len(classes))}
    for name, hit in measured.hits.items():
        metrics[name] = float(hit.mean())
        metrics[f"zero_shot_{name}"] = float(before[name].mean())
    gains = measured.hits["node_accepted"].astype(float) - before["node_accepted"]
    metrics["gain"] = float(gains.mean())
    metrics["gain_error"] = float(gains.std() / np.sqrt(len(gains)))
    return metrics


def _rounded(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in metrics.items()}
