"""Training of the default model: data in, model folder out, the same bytes for the same seed."""

import hashlib
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import xgboost
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.keywords import KeywordIndex
from taxocrawl.classifiers.linear import LinearHead
from taxocrawl.classifiers.model_folder import Arrays, Manifest, write_model
from taxocrawl.classifiers.neighbours import Neighbours
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.prototypes import Prototypes
from taxocrawl.classifiers.ranker import margins_of, sensitive_nodes, spread
from taxocrawl.classifiers.reading import N_FIELDS, Reading, field_texts, read
from taxocrawl.classifiers.scope import Scope, menu_tokens, signals
from taxocrawl.classifiers.sources import Pairs, Sources, page_vectors
from taxocrawl.classifiers.tiers import Tiers
from taxocrawl.explanations.permutation import Importance
from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES
from taxocrawl.taxonomies import formats
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training import calibrate, dataset, evaluate, linear_fit, package, scope_fit
from taxocrawl.training.dataset import LabelledPage, LabelledText
from taxocrawl.training.linear_fit import Recipe, Row
from taxocrawl.training.positions import (
    best_nodes,
    label_array,
    relevance_of,
    same_site_rows,
    select,
    subset,
    truth_of,
)
from taxocrawl.training.translation import Lexicon, read_lexicon, translated

logger = logging.getLogger(__name__)

Ints = NDArray[np.int64]
Progress = Callable[[str], None]

# Held-out pages on which features are shuffled: enough to tell .01 from nothing.
IMPORTANCE_PAGES = 500

_TITLE, _BODY = FIELD_NAMES.index("title"), FIELD_NAMES.index("body")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that was chosen: by cross-validation on the train pages, never on the gate."""

    taxonomy: str = "iab-3.1"
    n_folds: int = 4
    n_candidates: int = 40
    translations_per_text: int = 2
    translations_per_page: int = 2
    linear: Recipe = field(default_factory=Recipe)
    trees: int = 250
    depth: int = 4
    rate: float = 0.08
    importance_pages: int = IMPORTANCE_PAGES
    noise_per_kind: int = scope_fit.PER_KIND


def train_default(
    data: Path,
    out: Path,
    *,
    encoder: Path | None = None,
    seed: int = 0,
    plan: Plan | None = None,
    progress: Progress = logger.info,
) -> Mapping[str, float]:
    """Write a model folder and return its cross-validated measurements.

    Without `encoder`, a folder made before, the encoder is trained first: most of the time.
    """
    started = time.monotonic()
    plan = plan or Plan()
    out.mkdir(parents=True, exist_ok=True)
    if encoder is None:
        # Imports sentence-transformers, which takes longer than a small training run.
        from taxocrawl.training.encoder import build_encoder

        build_encoder(data, out / "encoder", seed=seed, progress=progress)
    else:
        shutil.copytree(encoder, out / "encoder", dirs_exist_ok=True)
    taxonomy = formats.load(plan.taxonomy)
    pages = dataset.read_pages(data, taxonomy, split="train")
    texts = [*dataset.read_glossary(taxonomy), *dataset.read_weak(data, taxonomy)]
    progress(f"{len(pages)} pages, {len(texts)} texts")
    lexicon = read_lexicon(data)
    trainer = Trainer(
        taxonomy, StaticEncoder(out / "encoder"), pages, texts, lexicon, plan, seed, progress
    )
    arrays, booster, manifest = trainer.fit()
    manifest = replace(manifest, data_fingerprint=dataset.fingerprint(data))
    write_model(out, manifest, arrays, booster)
    gains = package.gains(booster)
    package.write_card(out, trainer.importances, gains, dataset.WEAK_SOURCES)
    progress(f"{time.monotonic() - started:.0f} s")
    return manifest.metrics


class Trainer:
    """One training run; the steps share the tokenised texts.

    `folds` (n_pages,) keep each site in one, unless given; `start` holds
    arrays of a linear head that knows these nodes already, from which training goes on.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        encoder: StaticEncoder,
        pages: Sequence[LabelledPage],
        texts: Sequence[LabelledText],
        lexicon: Lexicon,
        plan: Plan,
        seed: int,
        progress: Progress,
        *,
        folds: Ints | None = None,
        start: Mapping[str, NDArray[np.generic]] | None = None,
    ) -> None:
        self.taxonomy, self.encoder, self.pages = taxonomy, encoder, tuple(pages)
        self.plan, self.seed, self.progress = plan, seed, progress
        self.nodes = NodeArrays(taxonomy)
        self.reading = read([field_texts(page.page) for page in pages], encoder)
        self.truth = truth_of(pages, taxonomy)
        self.folds = dataset.folds(pages, plan.n_folds) if folds is None else folds
        self.start = start
        self.text_rows = self._text_rows([*texts, *self._foreign(texts, lexicon)])
        self.page_translations = self._page_translations(lexicon)
        self.keywords = KeywordIndex.of(taxonomy)
        self.vectors = page_vectors(self.reading)
        self.prototypes = Prototypes.of(taxonomy, encoder, self.vectors.mean(axis=0))
        self.labels = label_array(pages, taxonomy)
        counts = np.bincount(self.truth.primary, minlength=len(taxonomy)) + 0.5
        self.log_prior = np.log(counts / counts.sum()).astype(np.float32)
        self.neighbours = Neighbours(self.vectors, self.labels, len(self.nodes))
        self.same_site = same_site_rows(self.pages)
        self.importances: tuple[Importance, ...] = ()
        # Of each fold, what never saw its pages.
        self.fold_sources: list[Sources] = []
        self.fold_rankers: list[xgboost.Booster] = []

    def fit(self) -> tuple[Mapping[str, Arrays], xgboost.Booster, Manifest]:
        """Arrays, ranker and manifest with cross-validated metrics."""
        candidates, features, linear = self.cross_fitted()
        self.progress("ranker")
        margins = self.cross_margins(candidates, features)
        tiers, temperature, metrics = self.calibrated(margins, candidates)
        metrics |= evaluate.recall(candidates, self.truth)
        linear_accuracy = evaluate.accuracies(linear, self.truth, self.nodes)
        metrics |= {f"linear_{name}": value for name, value in linear_accuracy.items()}
        booster = self.rank(candidates, features, np.arange(len(self.pages)))
        self.progress("linear head on all pages")
        head = self.head_arrays(np.arange(len(self.pages)))
        scope = self.scope(features, margins, head, booster)
        manifest = self.manifest(booster, head, tiers, temperature, scope, metrics)
        return self.arrays(head), booster, manifest

    def arrays(self, head: Mapping[str, NDArray[np.generic]]) -> Mapping[str, Arrays]:
        """What the model folder holds beside encoder and ranker."""
        return {
            "linear": {**head, "log_prior": self.log_prior},
            "prototypes": {
                "vectors": self.prototypes.vectors.astype(np.float16),
                "nodes": self.prototypes.nodes.astype(np.int16),
                "kinds": self.prototypes.kinds.astype(np.int8),
                "page_centre": self.prototypes.page_centre,
            },
            "neighbours": {
                "vectors": self.vectors.astype(np.float16),
                "labels": self.labels.astype(np.int16),
            },
        }

    def manifest(
        self,
        booster: xgboost.Booster,
        head: Mapping[str, NDArray[np.generic]],
        tiers: Tiers,
        temperature: float,
        scope: Scope,
        metrics: Mapping[str, float],
    ) -> Manifest:
        """What the model says of itself."""
        return Manifest(
            id=f"{self.taxonomy.name}-{_digest(booster, head, (tiers, temperature, scope))}",
            taxonomy=self.taxonomy.name,
            taxonomy_sha256=self.taxonomy.sha256,
            encoder=self.encoder.name,
            dimension=self.encoder.dimension,
            temperature=temperature,
            n_candidates=self.plan.n_candidates,
            tiers=tiers,
            scope=scope,
            sensitive=tuple(sensitive_nodes(self.taxonomy)),
            metrics={name: round(value, 4) for name, value in metrics.items()},
        )

    def cross_fitted(self) -> tuple[Ints, Vectors, Ints]:
        """Candidates, features and the linear head's best node of every page, none of which saw
        the page's own label: heads of other folds, neighbours of other sites.
        """
        for fold in range(self.plan.n_folds):
            self.progress(f"fold {fold + 1} of {self.plan.n_folds}")
            head = self.head_arrays(np.flatnonzero(self.folds != fold))
            self.fold_sources.append(self.sources(head))
        return self.cross_read(self.reading)

    def cross_read(self, reading: Reading) -> tuple[Ints, Vectors, Ints]:
        """The same of the pages as read there, once the folds' heads are trained."""
        n = len(self.pages)
        candidates = np.zeros((n, self.plan.n_candidates), dtype=np.int64)
        features = np.zeros((n, self.plan.n_candidates, len(FEATURE_NAMES)), dtype=np.float32)
        linear = np.zeros(n, dtype=np.int64)
        for fold in range(self.plan.n_folds):
            for part in self._parts(fold):
                pairs = self._held_out(reading, part, fold)
                candidates[part], features[part] = pairs.candidates, pairs.features
                linear[part] = pairs.evidence.linear.argmax(axis=1)
        return candidates, features, linear

    def _parts(self, fold: int) -> list[Ints]:
        """The fold's pages, few at a time."""
        rows = np.flatnonzero(self.folds == fold)
        return np.array_split(rows, -(-len(rows) // 128)) if len(rows) else []

    def _held_out(self, reading: Reading, rows: Ints, fold: int) -> Pairs:
        """Pairs of these pages, as read there, by what saw neither them nor their sites."""
        return self.fold_sources[fold].pairs(
            subset(reading, rows), self.plan.n_candidates, [self.same_site[row] for row in rows]
        )

    def scope(
        self,
        features: Vectors,
        margins: Vectors,
        head: Mapping[str, NDArray[np.generic]],
        booster: xgboost.Booster,
    ) -> Scope:
        """The line between pages, whole and in parts, and texts without a topic."""
        menu = menu_tokens(self.encoder)
        whole = signals(self.reading, features, margins, menu)
        parts = read(scope_fit.parts([page.page for page in self.pages]), self.encoder)
        of_parts = np.zeros_like(whole)
        for fold in range(self.plan.n_folds):
            for rows in self._parts(fold):
                pairs = self._held_out(parts, rows, fold)
                found = margins_of(self.fold_rankers[fold], pairs.features)
                of_parts[rows] = signals(subset(parts, rows), pairs.features, found, menu)
        without = scope_fit.noise_pages(
            self.taxonomy, seed=self.seed, per_kind=self.plan.noise_per_kind
        )
        nothing = read(without, self.encoder)
        pairs = self.sources(head).pairs(nothing, self.plan.n_candidates)
        noise = signals(nothing, pairs.features, margins_of(booster, pairs.features), menu)
        return scope_fit.fit_scope(whole, of_parts, noise)

    def sources(self, head: Mapping[str, NDArray[np.generic]]) -> Sources:
        """Sources around a head."""
        return Sources(
            nodes=self.nodes,
            linear=LinearHead(head),
            prototypes=self.prototypes,
            neighbours=self.neighbours,
            keywords=self.keywords,
            log_prior=self.log_prior,
        )

    def head_arrays(self, chosen: Ints) -> dict[str, NDArray[np.generic]]:
        """The linear head trained on these pages and all texts."""
        foreign = [row for i in chosen for row in self.page_translations[i]]
        rows = [*self._page_rows(chosen), *foreign, *self.text_rows]
        return linear_fit.fit(
            rows,
            self.encoder.token_vectors,
            self.nodes,
            recipe=self.plan.linear,
            seed=self.seed,
            start=self.start,
        )

    def rank(self, candidates: Ints, features: Vectors, chosen: Ints) -> xgboost.Booster:
        """XGBoost ranker over the chosen pages' pairs."""
        relevance = relevance_of(candidates[chosen], [self.pages[i] for i in chosen], self.taxonomy)
        matrix = xgboost.DMatrix(
            features[chosen].reshape(-1, features.shape[2]),
            label=relevance.reshape(-1),
            qid=np.repeat(np.arange(len(chosen)), candidates.shape[1]),
            nthread=1,
        )
        parameters = {
            "objective": "rank:ndcg",
            "lambdarank_pair_method": "topk",
            "lambdarank_num_pair_per_sample": 20,
            "max_depth": self.plan.depth,
            "eta": self.plan.rate,
            "min_child_weight": 5,
            "subsample": 0.8,
            "colsample_bytree": 0.7,
            "tree_method": "hist",
            "nthread": 1,
            "seed": self.seed,
        }
        return xgboost.train(parameters, matrix, num_boost_round=self.plan.trees)

    def cross_margins(self, candidates: Ints, features: Vectors) -> Vectors:
        """Margins of every pair from rankers that saw neither the page nor its site."""
        margins = np.zeros(candidates.shape, dtype=np.float32)
        rows: Ints = np.zeros(0, dtype=np.int64)
        for fold in range(self.plan.n_folds):
            booster = self.rank(candidates, features, np.flatnonzero(self.folds != fold))
            self.fold_rankers.append(booster)
            rows = np.flatnonzero(self.folds == fold)
            margins[rows] = margins_of(booster, features[rows])
        rows = rows[: self.plan.importance_pages]
        if len(rows):
            self.importances = package.importances(
                booster, candidates[rows], features[rows], select(self.truth, rows), seed=self.seed
            )
        return margins

    def calibrated(
        self, margins: Vectors, candidates: Ints
    ) -> tuple[Tiers, float, dict[str, float]]:
        """Tiers and temperature; the metrics are measured with those of the other folds."""
        temperature = calibrate.temperature(margins, candidates, self.truth, self.nodes)
        shares = spread(margins, candidates, temperature, len(self.nodes))
        confidences = np.zeros_like(shares)
        for fold in range(self.plan.n_folds):
            rows, others = np.flatnonzero(self.folds == fold), np.flatnonzero(self.folds != fold)
            part = calibrate.fit_tiers(shares[others], select(self.truth, others), self.nodes)
            confidences[rows] = part.confidences(shares[rows], self.nodes)
        best = best_nodes(shares, self.nodes)
        metrics = evaluate.accuracies(best, self.truth, self.nodes)
        metrics |= evaluate.tier_one(confidences, self.truth, self.nodes)
        return calibrate.fit_tiers(shares, self.truth, self.nodes), temperature, metrics

    def _page_rows(self, chosen: Ints) -> list[Row]:
        index = self.taxonomy.index
        return [
            Row(
                fields=self.reading.token_ids[i * N_FIELDS : (i + 1) * N_FIELDS],
                targets=(
                    (index[self.pages[i].primary], linear_fit.PRIMARY_WEIGHT),
                    *(
                        (index[node], linear_fit.ALTERNATIVE_WEIGHT)
                        for node in self.pages[i].alternatives
                    ),
                ),
                weight=self.plan.linear.page_weight,
            )
            for i in chosen
        ]

    def _foreign(self, texts: Sequence[LabelledText], lexicon: Lexicon) -> list[LabelledText]:
        """The glossary's English examples in other languages."""
        english = [t for t in texts if t.source == "glossary" and (t.title + t.text).isascii()]
        return translated(
            english, lexicon, per_text=self.plan.translations_per_text, seed=self.seed
        )

    def _page_translations(self, lexicon: Lexicon) -> list[list[Row]]:
        """Rows of each English page in other languages; none for the other pages."""
        texts = [
            LabelledText(
                source=str(i),
                title=page.page.fields.title,
                text=f"{page.page.fields.description} {page.page.fields.body[:600]}",
                node_ids=(page.primary,),
            )
            for i, page in enumerate(self.pages)
            if page.language == "en"
        ]
        found = translated(texts, lexicon, per_text=self.plan.translations_per_page, seed=self.seed)
        result: list[list[Row]] = [[] for _ in self.pages]
        for text, row in zip(found, self._text_rows(found), strict=True):
            page_row = self._page_rows(np.array([int(text.source)]))[0]
            result[int(text.source)].append(
                replace(row, targets=page_row.targets, weight=self.plan.linear.translation_weight)
            )
        return result

    def _text_rows(self, texts: Sequence[LabelledText]) -> list[Row]:
        recipe = self.plan.linear
        index = self.taxonomy.index
        labels = [(t.source, tuple(index[node] for node in t.node_ids)) for t in texts]
        by_class = linear_fit.class_weights(labels, recipe.class_size)
        titles = self.encoder.tokenize([text.title for text in texts])
        bodies = self.encoder.tokenize([text.text for text in texts])
        nothing = np.zeros(0, dtype=np.int64)
        rows = []
        for i, text in enumerate(texts):
            fields = [nothing] * N_FIELDS
            fields[_TITLE], fields[_BODY] = titles[i], bodies[i]
            glossary = text.source == "glossary"
            weight = recipe.glossary_weight if glossary else recipe.weak_weight * by_class[i]
            rows.append(
                Row(
                    fields=tuple(fields),
                    targets=tuple((node, 1.0) for node in labels[i][1]),
                    weight=float(weight * text.weight),
                )
            )
        return rows


def _digest(
    booster: xgboost.Booster, head: Mapping[str, NDArray[np.generic]], numbers: object
) -> str:
    """Twelve letters that change whenever the answers do."""
    digest = hashlib.sha256(booster.save_raw("ubj"))
    for name in sorted(head):
        digest.update(np.ascontiguousarray(head[name]).tobytes())
    digest.update(repr(numbers).encode())
    return digest.hexdigest()[:12]
