"""An explainer for any classifier: how soon is a page's answer clear to a reader?

It scores the page cut off after 1, 2, 4, 8 ... words. Each attribution is what the words up to
there added to the confidence, so that with `base_value` they sum to `score`.
"""

from taxocrawl.explanations.masking import WordMask
from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.protocols import Scorer
from taxocrawl.records import Attribution, Explanation

METHOD = "first_words"
WORDS_NAMED = 6


class FirstWords:
    def explain(self, document, predictions, classifier):
        if not isinstance(classifier, Scorer):
            return []
        mask = WordMask(document)
        total = len(mask.words)
        ends = [0, *(2**step for step in range(20) if 2**step < total), total]
        variants = [mask.without(range(end, total)) for end in ends]
        return [
            self._explanation(prediction, mask.words, ends, classifier, variants)
            for prediction in predictions
            if prediction.asserted
        ]

    def _explanation(self, prediction, words, ends, classifier, variants):
        scores = classifier.score(variants, prediction.taxonomy, prediction.node_id).tolist()
        steps = zip(ends, ends[1:], scores, scores[1:], strict=False)
        return Explanation(
            taxonomy=prediction.taxonomy,
            node_id=prediction.node_id,
            classifier=prediction.classifier,
            method=METHOD,
            attributions=tuple(
                Attribution(
                    kind="phrase",
                    name=" ".join(words[start:end][-WORDS_NAMED:]),
                    weight=after - before,
                    value=float(end),
                )
                for start, end, before, after in steps
            ),
            score=scores[-1],
            base_value=scores[0],
        )


@hookimpl
def register_explainers():
    return {METHOD: lambda resources: FirstWords()}
