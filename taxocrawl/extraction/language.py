"""Language of a text: by its script where one script is one language, else by py3langid.

py3langid won the comparison in `docs/extraction.md` (`bench/language_detectors.py`): as accurate as
lingua's slow mode at a sixteenth of the time and a tenth of the memory. Its model is loaded at the
first text that needs it.
"""

import functools
import re
from collections.abc import Callable, Iterator, Sequence

SAMPLE_CHARS = 1_500
BLOCK_CHARS = 250
MAX_BLOCKS = 4
# Below these the answer is a guess among neighbours: the page's own claim is better, or silence.
SURE = 0.5
SURE_CHARS = 40
MIXED_SHARE = 0.3

# Languages that sites are written in. Left out are dead and constructed languages, dialects and
# near twins, which draw short texts away from their big neighbour: with all 131 of the model, three
# Spanish words were right in 64 of 100 cases, three Croatian ones in 63; now 84 and 82.
_LANGUAGES = (
    "af am ar az be bg bn br ca cs cy da de el en es et eu fa fi fo fr ga gl gu he hi hr hu hy id"
    " is it ja ka kk km kn ko ku ky lb lo lt lv mk ml mn mr ms mt my ne nl no or pa pl ps pt ro ru"
    " si sk sl so sq sr sv sw ta te tg th tl tr uk ur uz vi zh zu"
)
# A script that one language (nearly) alone is written in; the share of letters that decides.
_SCRIPTS = (
    ("ja", re.compile("[\u3041-\u30ff\uff66-\uff9f]"), 0.1),  # kana; the Han around it is Japanese
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"), 0.4),
    ("ko", re.compile("[\uac00-\ud7a3\u1100-\u11ff\u3131-\u318e]"), 0.3),
    ("th", re.compile("[\u0e01-\u0e4e]"), 0.4),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), 0.4),
    ("he", re.compile("[\u05d0-\u05ea]"), 0.4),
    ("ka", re.compile("[\u10a0-\u10ff]"), 0.4),
    ("hy", re.compile("[\u0531-\u0587]"), 0.4),
    ("ta", re.compile("[\u0b80-\u0bff]"), 0.4),
    ("te", re.compile("[\u0c00-\u0c7f]"), 0.4),
    ("kn", re.compile("[\u0c80-\u0cff]"), 0.4),
    ("ml", re.compile("[\u0d00-\u0d7f]"), 0.4),
    ("gu", re.compile("[\u0a80-\u0aff]"), 0.4),
    ("pa", re.compile("[\u0a00-\u0a7f]"), 0.4),
    ("si", re.compile("[\u0d80-\u0dff]"), 0.4),
    ("km", re.compile("[\u1780-\u17ff]"), 0.4),
    ("lo", re.compile("[\u0e80-\u0eff]"), 0.4),
    ("my", re.compile("[\u1000-\u109f]"), 0.4),
)
_LETTER = re.compile(r"[^\W\d_]")
_NOISE = re.compile(r"https?://\S+|www\.\S+|\S+@\S+|[\d_|<>{}\[\]()/\\=+*#~^]+")


def detect(text: str) -> str:
    """ISO 639-1 code of the text's language, or '' for a text without letters."""
    sample = _readable(text[:SAMPLE_CHARS])
    if not sample:
        return ""
    return _by_script(sample) or _classifier()(sample)[0]


def detect_page(text: str, labels: Sequence[str], *, declared: str) -> tuple[str, bool]:
    """Language of a page, and whether a good part of it is in another one (C20).

    `labels` are short texts (title, headings) that are read where the main text is short;
    `declared` is the page's own `lang` attribute, which decides where the words do not.
    """
    if len(text) < BLOCK_CHARS:
        text = "\n".join((*labels, text))
    weights: dict[str, float] = {}
    total = 0
    for block in _blocks(text):
        language, confidence = _judge(block)
        if language:
            total += len(block)
            weights[language] = weights.get(language, 0.0) + len(block) * confidence
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    claimed = _code(declared)
    if not ranked:
        return claimed, False
    best, weight = ranked[0]
    if claimed and claimed != best and (total < SURE_CHARS or weight < SURE * total):
        return claimed, False
    mixed = len(ranked) > 1 and ranked[1][1] >= MIXED_SHARE * total
    return best, mixed


def _judge(block: str) -> tuple[str, float]:
    language = _by_script(block)
    return (language, 1.0) if language else _classifier()(block)


def _blocks(text: str) -> Iterator[str]:
    """Up to four stretches, evenly spread, cut at lines where they can be."""
    clean = _readable(text[:20_000])
    if len(clean) <= BLOCK_CHARS * 2:
        if clean:
            yield clean
        return
    number = min(MAX_BLOCKS, len(clean) // BLOCK_CHARS)
    step = len(clean) // number
    for start in range(0, step * number, step):
        yield clean[start : start + BLOCK_CHARS]


def _readable(text: str) -> str:
    clean = " ".join(_NOISE.sub(" ", text).split())
    return clean if _LETTER.search(clean) else ""


def _by_script(text: str) -> str:
    if text.isascii():
        return ""
    letters = len(_LETTER.findall(text))
    for language, letter, share in _SCRIPTS:
        if len(letter.findall(text)) > share * letters:
            return language
    return ""


@functools.cache
def _classifier() -> Callable[[str], tuple[str, float]]:
    """py3langid over the languages above: code and calibrated probability."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LANGUAGES.split())

    def classify(text: str) -> tuple[str, float]:
        language, confidence = identifier.classify(text)
        return str(language), float(confidence)

    return classify


def _code(declared: str) -> str:
    """`de` for `de-AT`, '' for what is no language code."""
    code = re.split(r"[-_,;\s]", declared.strip().lower(), maxsplit=1)[0]
    code = {"nb": "no", "nn": "no", "iw": "he", "in": "id"}.get(code, code)
    return code if code in _LANGUAGES.split() else ""
