"""Language of short texts, of pages and of mixtures."""

import pytest

from taxocrawl.extraction.language import detect, detect_page

TEXTS = {
    "en": "We repair wooden boats in the old harbour.",
    "de": "Wir reparieren Holzboote im alten Hafen.",
    "fr": "Nous réparons des bateaux en bois dans le vieux port.",
    "es": "Reparamos barcos de madera en el puerto viejo.",
    "it": "Ripariamo barche di legno nel vecchio porto.",
    "pt": "Consertamos barcos de madeira no porto velho.",
    "nl": "Wij repareren houten boten in de oude haven.",
    "pl": "Naprawiamy drewniane łodzie w starym porcie.",
    "ru": "Мы ремонтируем деревянные лодки в старом порту.",
    "uk": "Ми ремонтуємо дерев'яні човни у старому порту.",
    "cs": "Opravujeme dřevěné lodě ve starém přístavu.",
    "sv": "Vi reparerar träbåtar i den gamla hamnen.",
    "fi": "Korjaamme puuveneitä vanhassa satamassa.",
    "hu": "Fahajókat javítunk a régi kikötőben.",
    "tr": "Eski limanda ahşap tekneleri onarıyoruz.",
    "el": "Επισκευάζουμε ξύλινα σκάφη στο παλιό λιμάνι.",
    "ar": "نقوم بإصلاح القوارب الخشبية في الميناء القديم.",
    "he": "אנו מתקנים סירות עץ בנמל הישן.",
    "fa": "ما قایق‌های چوبی را در بندر قدیمی تعمیر می‌کنیم.",
    "hi": "हम पुराने बंदरगाह में लकड़ी की नावों की मरम्मत करते हैं।",
    "th": "เราซ่อมเรือไม้ในท่าเรือเก่า",
    "ja": "古い港で木造船を修理しています。",
    "zh": "我们在旧港口修理木船。",
    "ko": "우리는 오래된 항구에서 나무배를 수리합니다.",
    "vi": "Chúng tôi sửa chữa thuyền gỗ ở bến cảng cũ.",
}


@pytest.mark.parametrize(("language", "text"), TEXTS.items(), ids=TEXTS)
def test_language_of_one_sentence(language, text):
    assert detect(text) == language


@pytest.mark.parametrize(
    ("text", "language"), [("日本", "zh"), ("ラーメン", "ja"), ("서울", "ko"), ("Αθήνα", "el")]
)
def test_language_of_one_word_by_its_script(text, language):
    assert detect(text) == language


@pytest.mark.parametrize(
    "text", ["", "   ", "12345 67 – 89", "https://x.example/abc", "!!!", "\ud800", "😀😀"]
)
def test_text_without_letters_has_no_language(text):
    assert detect(text) == ""


def test_page_of_one_language():
    assert detect_page(TEXTS["de"] * 10, (), declared="en") == ("de", False)


def test_page_in_two_languages_is_mixed():  # C20
    text = "\n".join([TEXTS["de"]] * 12 + [TEXTS["fr"]] * 12)
    language, mixed = detect_page(text, (), declared="")
    assert language in {"de", "fr"}
    assert mixed


def test_a_foreign_quotation_does_not_make_a_page_mixed():
    text = "\n".join([TEXTS["de"]] * 30 + [TEXTS["fr"]])
    assert detect_page(text, (), declared="") == ("de", False)


def test_labels_are_read_where_the_text_is_short():
    assert detect_page("OK", (TEXTS["nl"],), declared="") == ("nl", False)


@pytest.mark.parametrize(
    ("declared", "language"),
    [("de-AT", "de"), ("nb", "no"), ("EN_us", "en"), ("xx", ""), ("", ""), ("\0", "")],
)
def test_declared_language_stands_where_there_are_no_words(declared, language):
    assert detect_page("", (), declared=declared) == (language, False)


def test_same_text_same_answer():
    assert len({detect_page(TEXTS["pt"] * 5, (), declared="") for _ in range(5)}) == 1
