"""Words of every script."""

import itertools
import time

import pytest

from taxocrawl.words import count, spans, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("  ,.;--!! ", [], id="punctuation"),
        pytest.param("Don't stop, it's 2024!", ["don't", "stop", "it's", "2024"], id="english"),
        pytest.param("l’été à Noël", ["l'été", "à", "noël"], id="typographic-apostrophe"),
        pytest.param("snake_case kebab-case", ["snake", "case", "kebab", "case"], id="joined"),
        pytest.param("STRASSE Straße", ["strasse", "strasse"], id="casefold"),
        pytest.param("ＡＢＣ１２ ﬁne", ["abc12", "fine"], id="compatibility-forms"),
        pytest.param("हिन्दी में समाचार", ["हिन्दी", "में", "समाचार"], id="hindi-marks"),
        pytest.param("کتاب‌ها را", ["کتابها", "را"], id="persian-joiner"),
        pytest.param("co\u00adopera\u00adtion", ["cooperation"], id="soft-hyphen"),
        pytest.param("中文网站新闻报道", ["中文", "网站", "新闻", "报道"], id="chinese"),
        pytest.param("東京のラーメン屋", ["東京", "の", "ラーメン", "屋"], id="japanese"),
        pytest.param("한국어 뉴스", ["한국어", "뉴스"], id="korean"),
        pytest.param("iPhone手机壳", ["iphone", "手机", "壳"], id="latin-beside-han"),
        pytest.param("تعلّم العربية", ["تعلّم", "العربية"], id="arabic-vowels"),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two three", 3),
        ("中文网站新闻报道", 4),
        ("日本語のウェブサイト", 5),
        ("ข่าวกีฬาวันนี้", 7),
        ("한국어 뉴스", 2),
        ("iPhone 手机", 2),
        ("", 0),
        ("\ud800 \x00 \ufffd", 0),
    ],
    ids=["english", "chinese", "japanese", "thai", "korean", "mixed", "empty", "hostile"],
)
def test_count_takes_two_characters_of_a_script_without_spaces_as_one_word(text, expected):
    assert count(text) == expected


def test_thai_units_never_part_a_sign_from_its_letter():
    for start, _ in spans("ข่าวกีฬาฟุตบอลวันนี้เสื้อผ้าแฟชั่น"):
        assert "ข่าวกีฬาฟุตบอลวันนี้เสื้อผ้าแฟชั่น"[start] not in "ิีึืุู่้๊๋็ัะา"


@pytest.mark.parametrize(
    "text", ["It's ok", "東京のラーメン屋 and 中文", "ข่าวกีฬา", "हिन्दी में", "a\u200cb é"]
)
def test_spans_are_the_words_and_never_overlap(text):
    found = spans(text)
    assert len(found) == len(words(text))
    assert all(a < b for a, b in found)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(found))


@pytest.mark.parametrize("unit", ["a'", "\u0301", "中", "ก", "\u17d2", "é\u200d", "'", "เ"])
def test_time_is_linear_on_hostile_runs(unit):
    text = unit * 200_000 + "é"
    started = time.process_time()
    spans(text)
    count(text)
    assert time.process_time() - started < 3
