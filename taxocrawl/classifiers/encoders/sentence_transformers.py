"""Any sentence-transformers model as encoder, with the extra `taxocrawl[transformers]`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from taxocrawl.classifiers.reading import well_formed
from taxocrawl.errors import ModelError
from taxocrawl.protocols import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class TransformerEncoder:
    """A sentence-transformers model on the CPU; texts are cut at the model's own length."""

    def __init__(self, model: "SentenceTransformer", *, name: str) -> None:
        self.name = name
        self._model = model
        self._dimension = model.get_embedding_dimension() or len(model.encode("a"))

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, (n_texts, dimension) float32; zeros for a text without words."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        # An empty text is a vector like any other to a transformer, and NaN to a static model.
        spoken = [i for i, text in enumerate(texts) if text.strip()]
        if spoken:
            vectors[spoken] = self._model.encode(
                [well_formed(texts[i]) for i in spoken],
                normalize_embeddings=True,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return np.nan_to_num(vectors, copy=False)


def load(name_or_path: str) -> TransformerEncoder:
    """The model of that name (as on the Hugging Face Hub) or in that folder."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ModelError(
            f"encoder {name_or_path!r} needs sentence-transformers; "
            "pip install 'taxocrawl[transformers]'"
        ) from error
    try:
        model = SentenceTransformer(name_or_path, device="cpu")
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise ModelError(f"encoder {name_or_path!r} cannot be loaded: {error}") from error
    return TransformerEncoder(model.eval(), name=name_or_path)
