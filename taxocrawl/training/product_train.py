"""The product model from the shared data to its folder, the same bytes for the same seed."""

import hashlib
import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.linear import LinearHead
from taxocrawl.classifiers.node_arrays import NO_PARENT, NodeArrays
from taxocrawl.classifiers.product_model import ProductManifest, encoder_sums, write_products
from taxocrawl.classifiers.product_names import NearestNames, ShortTexts, node_shares, plain_title
from taxocrawl.classifiers.products import TAXONOMY
from taxocrawl.classifiers.reading import N_FIELDS, Reading, read
from taxocrawl.classifiers.selling import Gate, gate_vectors
from taxocrawl.classifiers.tiers import Tiers
from taxocrawl.protocols import Vectors
from taxocrawl.taxonomies import formats
from taxocrawl.training import calibrate, dataset, product_card
from taxocrawl.training.product_fit import (
    Arrays,
    Example,
    HeadTraining,
    ProductRecipe,
    TextSampler,
    in_title,
)
from taxocrawl.training.product_gate import cross_fitted_gate, fit_gate
from taxocrawl.training.product_pages import (
    ProductPage,
    nodes_of,
    page_signals,
    read_all,
    read_product_pages,
)
from taxocrawl.training.product_texts import (
    TITLE_SOURCES,
    ProductText,
    read_texts,
    read_titles,
    short_texts,
    trusted,
)

Ints = NDArray[np.int64]
Progress = Callable[[str], None]

# Precision asked of all that is asserted in a tier of what sells.
PRECISION = (0.85, 0.8, 0.75, 0.75)
# Share of the pages that sell nothing of which a node may be asserted all the same. Cross-fitted,
# .005 asserts twice as many of those that sell as asking precision .9 of all pages together did.
MOST_OF_OTHERS = 0.005
N_TIERS = len(PRECISION)
# Fewer labels of a depth say nothing of it; the tier above then serves.
LEAST_LABELS = 60
N_FOLDS = 2
FILES = (
    "pages/labels.parquet",
    "pages/pages.parquet",
    "products/label_map.tsv",
    *(f"products/{source}.parquet" for source in TITLE_SOURCES),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A head on everything, and what heads that saw neither page nor title say of each.

    `page_shares` (n_pages, n_nodes), `title_shares` (n_titles, n_nodes) of `titles`.
    """

    head: Arrays
    names: ShortTexts
    page_shares: Vectors
    titles: tuple[ProductText, ...]
    title_shares: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductData:
    """What a training run reads: `texts` of the taxonomy and `titles` of shops, labelled pages."""

    texts: tuple[ProductText, ...]
    titles: tuple[ProductText, ...] = ()
    pages: tuple[ProductPage, ...] = ()
    recipe: ProductRecipe = field(default_factory=ProductRecipe)


def train_products(
    data: Path, out: Path, *, encoder_model: Path, seed: int = 0, progress: Progress
) -> Mapping[str, float]:
    """Write the product model that reads with the encoder of `encoder_model`; its measurements."""
    started = time.monotonic()
    taxonomy = formats.load(TAXONOMY)
    nodes = NodeArrays(taxonomy)
    encoder = StaticEncoder(encoder_model / "encoder")
    pages = read_product_pages(data, taxonomy, split="train")
    progress(f"{len(pages)} pages, {sum(page.node is not None for page in pages)} of them sell")
    inputs = ProductData(
        texts=tuple(read_texts(taxonomy)),
        titles=tuple(t for s in TITLE_SOURCES for t in trusted(read_titles(data, taxonomy, s))),
        pages=tuple(pages),
    )
    fitted = fit(inputs, encoder, nodes, seed=seed, progress=progress)
    reading = read_all(pages, encoder)
    truth = nodes_of(pages)
    table = page_signals(pages, fitted.page_shares, nodes)
    vectors = gate_vectors(reading)
    sells = cross_fitted_gate(table, vectors, truth >= 0, page_folds(pages))
    gate = fit_gate(table, vectors, truth >= 0)
    tiers = fit_tiers(fitted.page_shares, truth, sells, nodes)
    title_truth = np.array([title.node for title in fitted.titles], dtype=np.int64)
    title_tiers = fit_tiers(fitted.title_shares, title_truth, None, nodes)
    metrics = {
        **page_metrics(fitted.page_shares, truth, sells, tiers, nodes),
        **{f"title_{k}": v for k, v in depths(fitted.title_shares, title_truth, nodes).items()},
    }
    manifest = ProductManifest(
        id=f"{taxonomy.name}-{_digest(fitted, gate)}",
        taxonomy=taxonomy.name,
        taxonomy_sha256=taxonomy.sha256,
        encoder=encoder_model.name,
        encoder_sha256=encoder_sums(encoder_model),
        dimension=encoder.dimension,
        tiers=tiers,
        title_tiers=title_tiers,
        data_fingerprint=dataset.fingerprint(data, FILES),
        metrics={name: round(value, 4) for name, value in metrics.items()},
    )
    write_products(out, manifest, head=fitted.head, names=fitted.names, gate=gate)
    product_card.write(out, manifest)
    progress(f"{time.monotonic() - started:.0f} s")
    return manifest.metrics


def fit(
    inputs: ProductData,
    encoder: StaticEncoder,
    nodes: NodeArrays,
    *,
    seed: int,
    progress: Progress,
    folds: bool = True,
) -> Fitted:
    """The head: all texts first, then pages and our own titles, which few passes suffice for.

    So the heads of the folds differ only in their last passes. Without `folds` nothing is said of
    pages and titles.
    """
    recipe = inputs.recipe
    own = tuple(text for text in inputs.texts if text.source == "title")
    others = [text for text in inputs.texts if text.source != "title"]
    texts = [*others, *inputs.titles]
    ids = encoder.tokenize([t.text for t in texts])
    sampler = TextSampler(texts, ids, nodes, recipe)
    short = short_texts(texts, ids)
    names = NearestNames(short, encoder.token_vectors, len(nodes))
    progress(f"head: {len(texts)} texts")
    training = HeadTraining(encoder.token_vectors, nodes, recipe, sampler.pool, seed)
    training.learn(sampler.one_pass, epochs=recipe.epochs, rate=1.0, seed=seed)
    reading = read_all(inputs.pages, encoder)
    own_ids = encoder.tokenize([text.text for text in own])
    page_fold = page_folds(inputs.pages)
    title_fold = np.arange(len(own)) % N_FOLDS
    page_shares = np.zeros((len(inputs.pages), len(nodes)), dtype=np.float32)
    title_shares = np.zeros((len(own), len(nodes)), dtype=np.float32)

    def finished(pages: Ints, titles: Ints) -> Arrays:
        late = [
            *_page_examples(inputs.pages, reading, pages, recipe),
            *(_own_title(own[i], own_ids[i]) for i in titles if len(own_ids[i])),
        ]
        other = training.continued()
        other.learn(
            lambda rng: [*sampler.one_pass(rng), *late * recipe.page_copies],
            epochs=recipe.late_epochs,
            rate=recipe.late_rate,
            seed=seed + 1,
        )
        return other.arrays()

    for fold in range(N_FOLDS if folds else 0):
        progress(f"fold {fold + 1} of {N_FOLDS}")
        head = LinearHead(
            finished(np.flatnonzero(page_fold != fold), np.flatnonzero(title_fold != fold))
        )
        for rows in _parts(np.flatnonzero(page_fold == fold)):
            page_shares[rows] = node_shares(head, names, subset(reading, rows))
        held = np.flatnonzero(title_fold == fold)
        title_shares[held] = title_shares_of(head, names, [own[i].text for i in held], encoder)
    progress("head on all")
    head_arrays = finished(np.arange(len(inputs.pages)), np.arange(len(own)))
    return Fitted(
        head=head_arrays,
        names=short,
        page_shares=page_shares,
        titles=own,
        title_shares=title_shares,
    )


def title_shares_of(
    head: LinearHead, names: NearestNames, titles: Sequence[str], encoder: StaticEncoder
) -> Vectors:
    """Share of each node of bare titles, (n_titles, n_nodes)."""
    parts = []
    for rows in _parts(np.arange(len(titles))):
        texts = [(plain_title(titles[i]), *[""] * (N_FIELDS - 1)) for i in rows]
        parts.append(node_shares(head, names, read(texts, encoder)))
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def subset(reading: Reading, rows: Ints) -> Reading:
    """The reading of some pages."""
    return Reading(
        texts=tuple(reading.texts[i] for i in rows),
        vectors=reading.vectors[rows],
        token_ids=tuple(reading.token_ids[i * N_FIELDS + f] for i in rows for f in range(N_FIELDS)),
    )


def page_folds(pages: Sequence[ProductPage]) -> Ints:
    """Fold of each page, by its domain: no site is in two."""
    return np.array([zlib.crc32(page.domain.encode()) % N_FOLDS for page in pages], dtype=np.int64)


def lineages(nodes: NodeArrays, depth: int = N_TIERS) -> Ints:
    """(n_nodes + 1, depth): each node's ancestor or self in each tier, -1 for none; the last row is
    that of no node.
    """
    result = np.full((len(nodes) + 1, depth), -1, dtype=np.int64)
    for i in range(len(nodes)):
        parent = int(nodes.parent[i])
        if parent != NO_PARENT:
            result[i] = result[parent]
        if nodes.tier[i] <= depth:
            result[i, nodes.tier[i] - 1] = i
    return result


def fit_tiers(shares: Vectors, truth: Ints, sells: Vectors | None, nodes: NodeArrays) -> Tiers:
    """Calibration by tier and thresholds on what sells, these not below what MOST_OF_OTHERS asks.

    Titles (`sells` is None) count in the tiers that their labels reach: what is sold goes deeper
    than the label of a shop's shelf. A page's label is as deep as the page, so deeper is wrong.
    """
    lineage = lineages(nodes)
    sums = np.clip(nodes.subtree_sums(shares), 1e-6, 1 - 1e-6)
    slopes: list[float] = []
    offsets: list[float] = []
    counted: list[NDArray[np.bool_]] = []
    for tier in range(1, N_TIERS + 1):
        rows = (truth >= 0) & (nodes.tier[truth] >= (tier if sells is None else 1))
        enough = (truth >= 0) & (nodes.tier[truth] >= tier)
        if enough.sum() < LEAST_LABELS and slopes:
            slopes.append(slopes[-1])
            offsets.append(offsets[-1])
            counted.append(np.zeros(len(truth), dtype=np.bool_))
            continue
        of_tier = np.flatnonzero(nodes.tier == tier)
        best = of_tier[sums[rows][:, of_tier].argmax(axis=1)]
        x = sums[rows, best]
        slope, offset = calibrate.platt(np.log(x / (1 - x)), lineage[truth[rows], tier - 1] == best)
        slopes.append(slope)
        offsets.append(offset)
        counted.append(rows)
    tiers = Tiers(slopes=tuple(slopes), offsets=tuple(offsets))
    confidences = tiers.confidences(shares, nodes)
    if sells is not None:
        confidences = confidences * sells[:, None]
    thresholds: list[float] = []
    for tier, rows in enumerate(counted, start=1):
        if not rows.any():
            thresholds.append(thresholds[-1])
            continue
        of_tier = np.flatnonzero(nodes.tier == tier)
        of_rows = confidences[np.ix_(rows, of_tier)]
        right = lineage[truth[rows], tier - 1][:, None] == of_tier[None]
        pairs = of_rows >= calibrate.LEAST_THRESHOLD
        found = calibrate.threshold(of_rows[pairs], right[pairs], PRECISION[tier - 1])
        others = confidences[np.ix_(truth < 0, of_tier)].max(axis=1, initial=0)
        thresholds.append(max(found, _least_above(others, MOST_OF_OTHERS)))
    return Tiers(slopes=tuple(slopes), offsets=tuple(offsets), thresholds=tuple(thresholds))


def _least_above(values: Vectors, share: float) -> float:
    """The least bar that at most that share of the values reaches; 0 where there are none."""
    allowed = int(share * len(values))
    return float(np.nextafter(np.sort(values)[::-1][allowed], 1)) if len(values) else 0.0


def depths(shares: Vectors, truth: Ints, nodes: NodeArrays, n: int = 2) -> dict[str, float]:
    """Share of the labels that reach a depth whose node there is found, from the root down."""
    lineage, found = lineages(nodes), best_path(shares, nodes, n)
    result = {}
    for tier in range(1, n + 1):
        rows = (truth >= 0) & (nodes.tier[truth] >= tier)
        hits = found[rows, tier - 1] == lineage[truth[rows], tier - 1]
        result[f"depth{tier}"] = float(hits.mean()) if rows.any() else float("nan")
    return result


def best_path(shares: Vectors, nodes: NodeArrays, n: int) -> Ints:
    """(n_rows, n): the likeliest root and below it, tier by tier, the likeliest child; -1: none."""
    sums = nodes.subtree_sums(shares)
    result = np.full((len(shares), n), -1, dtype=np.int64)
    above = np.full(len(shares), NO_PARENT)
    for tier in range(1, n + 1):
        of_tier = np.flatnonzero(nodes.tier == tier)
        fits = nodes.parent[of_tier][None] == above[:, None]
        best = of_tier[np.where(fits, sums[:, of_tier], -1).argmax(axis=1)]
        result[:, tier - 1] = np.where(fits.any(axis=1), best, -1)
        above = np.where(fits.any(axis=1), best, -2)
    return result


def page_metrics(
    shares: Vectors, truth: Ints, sells: Vectors, tiers: Tiers, nodes: NodeArrays
) -> dict[str, float]:
    """How well pages are told, by heads and gates that had not seen their sites."""
    roots = np.flatnonzero(nodes.tier == 1)
    confidences = tiers.confidences(shares, nodes)[:, roots] * sells[:, None]
    asserted = confidences >= tiers.thresholds[0]
    best = roots[confidences.argmax(axis=1)]
    selling = truth >= 0
    right = best[selling] == nodes.root[truth[selling]]
    return {
        **{f"page_{k}": v for k, v in depths(shares, truth, nodes).items()},
        "page_asserted_of_selling": float(asserted[selling].any(axis=1).mean()),
        "page_right_of_asserted": float(right[asserted[selling].any(axis=1)].mean()),
        "page_asserted_of_others": float(asserted[~selling].any(axis=1).mean()),
    }


def _page_examples(
    pages: Sequence[ProductPage], reading: Reading, rows: Collection[int], recipe: ProductRecipe
) -> list[Example]:
    return [
        Example(
            fields=reading.token_ids[i * N_FIELDS : (i + 1) * N_FIELDS],
            node=node,
            weight=recipe.page_weight,
        )
        for i in rows
        if (node := pages[i].node) is not None
        and any(len(ids) for ids in reading.token_ids[i * N_FIELDS : (i + 1) * N_FIELDS])
    ]


def _own_title(text: ProductText, ids: Ints) -> Example:
    return Example(fields=in_title(ids), node=text.node, weight=0.3)


def _parts(rows: Ints, size: int = 256) -> list[Ints]:
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def _digest(fitted: Fitted, gate: Gate) -> str:
    """Twelve letters that change whenever the answers do."""
    digest = hashlib.sha256(gate.weights.tobytes())
    arrays = {**fitted.head, **fitted.names.arrays()}
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()[:12]
