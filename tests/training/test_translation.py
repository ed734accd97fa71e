from taxocrawl.training.dataset import LabelledText
from taxocrawl.training.translation import LANGUAGES, translated

LEXICON = {
    language: {"bread": (f"{language}-bread",), "oven": ("ofen",), "flour": ("mehl", "puder")}
    for language in LANGUAGES
}
TEXT = LabelledText(source="s", title="Bread", text="the Oven, breads and flour", node_ids=("1",))


def test_known_words_are_replaced_and_grammar_falls_away() -> None:
    (found,) = translated([TEXT], LEXICON, per_text=1, seed=0)
    assert found.title.endswith("-bread")
    assert found.node_ids == ("1",)
    assert "the" not in found.text
    assert "ofen" in found.text


def test_the_same_seed_gives_the_same_texts() -> None:
    first, second = (translated([TEXT] * 5, LEXICON, per_text=2, seed=3) for _ in range(2))
    assert first == second


def test_a_text_with_too_few_known_words_is_left_out() -> None:
    text = LabelledText(source="s", title="", text="nothing known here", node_ids=("1",))
    assert translated([text], LEXICON, per_text=2, seed=0) == []
