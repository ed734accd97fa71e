"""What every classifier that scores gets for free: words left out, LIME and Anchors."""

import pytest

from taxocrawl import pipeline
from taxocrawl.extraction import documents
from taxocrawl.plugins import loading
from taxocrawl.settings import Settings

TEXT = "The football league: a goal, a striker and the goalkeeper of the football club"
FREE = ("words", "lime", "anchors")


def explained(text, *methods, classifier="keywords"):
    settings = Settings(classifiers=(classifier,), explain=methods)
    registry = loading.load(settings)
    page = documents.from_text("page", text=text)
    [outcome] = pipeline.categorize([page], registry, settings)
    return outcome


def test_a_classifier_without_features_of_its_own_is_explained_by_words():
    outcome = explained(TEXT, *FREE, "shap")
    assert outcome.plugin_failures == ()
    by_method = {e.method: e for e in outcome.explanations}
    assert set(by_method) == set(FREE)  # SHAP needs named features
    for method in ("words", "lime"):
        names = " ".join(a.name for a in by_method[method].attributions[:4])
        assert "football" in names, method
    assert all(e.classifier == "keywords" for e in outcome.explanations)


@pytest.mark.parametrize(
    "text",
    ["football", "足球联赛今天开始", "ฟุตบอลลีกวันนี้", "football " * 20_000],
    ids=["one word", "Chinese", "Thai", "many words"],
)
def test_any_text_gets_a_sensible_answer(text):
    outcome = explained(text, *FREE)
    assert outcome.plugin_failures == ()
    for explanation in outcome.explanations:
        assert 0 <= explanation.score <= 1
        assert all(len(a.name) <= 320 for a in explanation.attributions)
