"""The form of a site: shop, news, forum, whatever it is about.

Gradient-boosted trees over features of the home page's shape, beside linear models of its words.
Independent of the topic's classifier, so the same page has the same form whoever classifies it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import xgboost

from taxocrawl.classifiers import form_features
from taxocrawl.classifiers.linear import log_softmax
from taxocrawl.classifiers.reading import field_texts, read
from taxocrawl.classifiers.token_bags import TokenBags
from taxocrawl.protocols import Encoder, Vectors
from taxocrawl.records import Document, Form

FORMS: Final = (
    *("article", "blog", "corporate", "education", "event", "forum", "government", "listing"),
    *("media", "news", "nonprofit", "personal", "product", "reference", "shop", "social", "tool"),
)
"""The words, in the order of the model's classes."""

VECTOR_IDS: Final[Mapping[str, str]] = {
    "blog": "1217",  # Content Source > User Generated
    "education": "1013",  # Informational > Educational Content
    "forum": "1003",  # Content Environment > Forum/Community
    "listing": "1006",  # Content Environment > Search Engine/Listings
    "media": "1014",  # Content Purpose > Entertainment Content
    "news": "1020",  # Informational > News
    "product": "1019",  # Content Purpose > Commerce
    "reference": "1011",  # Informational > Academic/Research Content
    "shop": "1005",  # Content Environment > Marketplace/eCommerce
    "social": "1007",  # Content Environment > Social
    "tool": "1008",  # Content Environment > Utility/Online Tool
}
"""IAB descriptive vectors of the forms that have one that fits; the others have none."""

# Below it the first form is hardly likelier than the second.
LEAST_CONFIDENCE: Final = 0.2


class FormModel:
    """Documents to forms; see `aspects.FormReader`."""

    def __init__(
        self,
        *,
        encoder: Encoder,
        bags: TokenBags,
        booster: xgboost.Booster,
        counts: Sequence[str],
        temperature: float,
    ) -> None:
        self._encoder, self._bags, self._booster = encoder, bags, booster
        self._counts, self._temperature = tuple(counts), temperature

    def read(self, documents: Sequence[Document]) -> list[Form | None]:
        """The likeliest form of each; None where none is sure, or nothing says what site it is of.

        A text without an address is a piece of some site; guessing which misled more than it told.
        """
        if not documents:
            return []
        reading = read([field_texts(document.pages[0]) for document in documents], self._encoder)
        shares = self.shares(
            self._bags.log_shares(reading), form_features.matrix(documents, self._counts)
        )
        known = np.asarray(reading.present.any(axis=1))
        return [
            _form(row) if known[i] and (documents[i].pages[0].url or documents[i].url) else None
            for i, row in enumerate(shares)
        ]

    def shares(self, words: Vectors, features: Vectors) -> Vectors:
        """Probability of each form, (n, n_forms), from those by words and from the shape."""
        table = np.concatenate([words, features], axis=1)
        margins = self._booster.inplace_predict(table, predict_type="margin").reshape(
            len(words), len(FORMS)
        )
        result: Vectors = np.exp(log_softmax((margins / self._temperature).astype(np.float32)))
        return result


def _form(shares: Vectors) -> Form | None:
    best = int(shares.argmax())
    confidence = float(shares[best])
    if confidence < LEAST_CONFIDENCE:
        return None
    word = FORMS[best]
    return Form(word=word, confidence=confidence, vector_id=VECTOR_IDS.get(word, ""))
