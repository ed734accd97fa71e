from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.records import Prediction


class Shouting:
    """Files sites that shout under Pop Culture (node 432 of IAB Content 3.1)."""

    taxonomies = ("iab-3.1",)
    model_id = "shouting-1"

    def classify(self, documents):
        return [self.one(document.text) for document in documents]

    def one(self, text):
        share = text.count("!") / max(1, len(text.split()))
        if share < 0.05:
            return ()
        return (
            Prediction(
                taxonomy="iab-3.1",
                node_id="432",
                tier=1,
                confidence=min(1.0, 5 * share),
                rank=1,
                asserted=True,
                classifier="shouting",
                model_id=self.model_id,
            ),
        )


@hookimpl
def register_classifiers():
    return {"shouting": lambda resources: Shouting()}
