"""The shipped encoder, read by sentence-transformers and by us."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from taxocrawl.classifiers.encoders import sentence_transformers as transformers
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.plugins.registry import SHIPPED_MODELS

FOLDER = SHIPPED_MODELS / "default" / "encoder"

# "The football team won the match", or near it. Hindi is not among the languages of the encoder.
TEXTS = {
    "ar": "فاز فريق كرة القدم بالمباراة",
    "bg": "Футболният отбор спечели мача",
    "cs": "Fotbalový tým vyhrál zápas",
    "da": "Fodboldholdet vandt kampen",
    "de": "Die Fußballmannschaft gewann das Spiel",
    "el": "Η ποδοσφαιρική ομάδα κέρδισε τον αγώνα",
    "en": "The football team won the match",
    "es": "El equipo de fútbol ganó el partido",
    "fa": "تیم فوتبال مسابقه را برد",
    "fi": "Jalkapallojoukkue voitti ottelun",
    "fr": "L’équipe de football a gagné le match",
    "he": "קבוצת הכדורגל ניצחה במשחק",
    "hu": "A futballcsapat megnyerte a mérkőzést",
    "id": "Tim sepak bola memenangkan pertandingan",
    "it": "La squadra di calcio ha vinto la partita",
    "ja": "サッカーチームが試合に勝った",
    "ko": "축구 팀이 경기에서 이겼다",
    "nl": "Het voetbalteam won de wedstrijd",
    "no": "Fotballaget vant kampen",
    "pl": "Drużyna piłkarska wygrała mecz",
    "pt": "A equipa de futebol ganhou o jogo",
    "ro": "Echipa de fotbal a câștigat meciul",
    "ru": "Футбольная команда выиграла матч",
    "sv": "Fotbollslaget vann matchen",
    "th": "ทีมฟุตบอลชนะการแข่งขัน",
    "tr": "Futbol takımı maçı kazandı",
    "uk": "Футбольна команда виграла матч",
    "vi": "Đội bóng đá đã thắng trận đấu",
    "zh": "足球队赢得了比赛",
}
AWKWARD = (
    "",
    "  \n",
    "🙂 ok",
    "A" * 3_000,
    "足球" * 500,
    "e\u0301te\u0301",
    "x\u200by",
    "ÇA, C’EST ?!",
)
NEAR = 0.35
"""Least cosine to the English sentence: Hebrew has 0.52, 24 of the others 0.70 and more."""


@pytest.fixture(scope="module")
def ours() -> StaticEncoder:
    return StaticEncoder(FOLDER)


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_is_known_in_its_language(ours: StaticEncoder, language: str) -> None:
    said, other = ours.encode([TEXTS[language], "Compare cheap loans and mortgages"])
    (english,) = ours.encode([TEXTS["en"]])
    assert said @ english > NEAR
    assert said @ english > other @ english


def test_words_get_the_tokens_that_the_tokenizer_gives(ours: StaticEncoder) -> None:
    letters = [chr(code) for code in range(0x3000) if not chr(code).isspace()]
    joining = (
        "e\u0301te\u0301",
        "\u1112\u1161\u11ab",
        "ﾊﾞ",
        "क्षि",
        "x\u00ady",
        "\u200bx",
        "I\u0307",
    )
    mixed = (
        "Don't",
        "x_y",
        "B2B",
        "it’s",
        "ΣΑΣ",
        "ΆΡΗΣ",
        "İSTANBUL",
        "ЁЛКА",
        "½x",
        "ﬁn",
        "…",
        "足球队",
    )
    words = [*letters, *joining, *mixed, *(a + b for a in mixed for b in (*mixed, *joining))]
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    expected = tokenizer.encode_batch_fast(words, add_special_tokens=False)
    for _ in range(2):
        ids, lengths = ours.tokenize_words(words)
        assert lengths.tolist() == [len(encoding.ids) for encoding in expected]
        assert ids.tolist() == [i for encoding in expected for i in encoding.ids]


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_both_runtimes_give_equal_vectors_in_29_languages(ours: StaticEncoder) -> None:
    pytest.importorskip("sentence_transformers")
    texts = [*TEXTS.values(), *AWKWARD]
    theirs = transformers.load(str(FOLDER))
    assert theirs.dimension == ours.dimension
    np.testing.assert_allclose(theirs.encode(texts), ours.encode(texts), atol=1e-4)
