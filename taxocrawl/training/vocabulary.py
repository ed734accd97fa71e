"""One tokenizer for all languages: a Unigram model over words, stems, endings and characters.

Words are pieces of a Unigram model without a mark for the start of a word: "rezepte" is the same
token alone and in "kochrezepte", Chinese and Thai are cut by the same lattice as German compounds,
and an unknown inflected form falls to a stem and an ending.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from taxocrawl.training.corpus import LANGUAGES, Corpus
from taxocrawl.training.distil import Array

UNKNOWN = "[UNK]"
UNKNOWN_ID = 0

# Written without spaces between words.
UNSPACED = frozenset({"ja", "th", "zh"})

# Words a language: the more of its pages the data holds, the more words of it are worth a row.
QUOTAS = {"de": 11_000, "ja": 9_000, "zh": 10_000, "th": 5_000, "vi": 2_500}
QUOTAS |= dict.fromkeys(("es", "fr", "it", "nl", "pl", "pt", "ru"), 6_000)
QUOTA = 3_800
N_STEMS = 1_200
N_ENDINGS = 250
N_ENGLISH = 11_000

MAX_WORD = 24
MAX_GRAM = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Pieces with their estimated counts, and those of them that are stems."""

    counts: Mapping[str, float]
    stems: frozenset[str]


def normalizer() -> normalizers.Normalizer:
    """NFKC and lower case; accents stay, but for Greek, whose capitals are written without."""
    greek = [normalizers.Replace(a, b) for a, b in zip("άέήίόύώ", "αεηιουω", strict=True)]
    # Lower-casing the Turkish İ leaves a loose dot; Russian mostly writes е for ё; soft hyphens.
    others = [normalizers.Replace("ё", "е"), normalizers.Replace("\u00ad", "")]
    return normalizers.Sequence(
        [
            normalizers.Replace("İ", "i"),
            normalizers.NFKC(),
            normalizers.Lowercase(),
            *greek,
            *others,
        ]
    )


def splitter() -> pre_tokenizers.PreTokenizer:
    """Runs of letters, marks and digits; everything else is dropped."""
    return pre_tokenizers.Split(Regex(r"[^\w]+|_+"), "removed")


_NORMALIZER = normalizer()
_SPLITTER = splitter()


def words(text: str) -> list[str]:
    """The words as the tokenizer sees them before it cuts them into pieces."""
    return [
        word for word, _ in _SPLITTER.pre_tokenize_str(_NORMALIZER.normalize_str(text[:20_000]))
    ]


def unigram(counts: Mapping[str, float]) -> Tokenizer:
    """Tokenizer that cuts a word into as few pieces as it can, frequent ones where it can choose.

    Half the logarithm of a count is the piece's score: with all of it, two frequent pieces beat one
    rare word. Single letters cost more, or they would fill every gap between stems.
    """
    total = sum(counts.values())
    scored = [(UNKNOWN, -40.0)]
    for piece, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        letter_cost = 4.0 if len(piece) == 1 and not _is_ideograph(piece) else 0.0
        scored.append((piece, round(0.5 * math.log((count + 0.01) / total) - 6 - letter_cost, 3)))
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=UNKNOWN_ID))
    tokenizer.normalizer = normalizer()
    tokenizer.pre_tokenizer = splitter()
    return tokenizer


def choose(
    corpus: Corpus, meanings: Mapping[int, Array], teacher_tokens: Sequence[str]
) -> Vocabulary:
    """The pieces. `meanings` are target vectors of those examples, by position, that are words."""
    used = _count(corpus)
    counts: dict[str, float] = defaultdict(float)
    for piece in _english_pieces(teacher_tokens, used["en"]):
        counts[piece] += max(used["en"][piece], 1)
    dictionary = _dictionary(corpus, meanings)
    stems: set[str] = set()
    for language in LANGUAGES:
        known = dictionary[language]
        if language in UNSPACED:
            _add(counts, _segmented(used[language], known, QUOTAS[language]))
        else:
            use = _use(used[language], known, corpus.ranks, language)
            chosen = _frequent(use, QUOTAS.get(language, QUOTA))
            beginnings = _stems(use, chosen, known)
            stems |= beginnings.keys()
            for pieces in (chosen, beginnings, _endings(use, chosen)):
                _add(counts, pieces)
    for seen in used.values():
        for letter in set().union(*seen):
            counts.setdefault(letter, 0.5)
    return Vocabulary(counts=counts, stems=frozenset(stems))


def _add(counts: dict[str, float], more: Mapping[str, float]) -> None:
    for piece, count in more.items():
        counts[piece] += count


def _is_ideograph(letter: str) -> bool:
    """Kana and Chinese characters mean something alone."""
    return "\u3040" <= letter <= "\u9fff"


def _has_digit(word: str) -> bool:
    return any(letter.isdigit() for letter in word)


def _count(corpus: Corpus) -> dict[str, Counter[str]]:
    """How often the words of each language are used; pages count twice, they are what we read."""
    used: dict[str, Counter[str]] = {language: Counter() for language in (*LANGUAGES, "en")}
    for example in corpus.examples:
        if not example.is_word:
            used[example.language].update(words(example.text))
    for page in corpus.pages:
        if page.language in used:
            found = Counter(words(f"{page.head} {page.body}"))
            used[page.language].update({word: 2 * count for word, count in found.items()})
    return used


def _english_pieces(teacher_tokens: Sequence[str], used: Counter[str]) -> list[str]:
    """The teacher's pieces without their marks, then the frequent English words it cuts up."""
    bare = [_NORMALIZER.normalize_str(token.removeprefix("##")) for token in teacher_tokens]
    pieces = dict.fromkeys(piece for piece in bare if words(piece) == [piece])
    frequent = sorted(used.items(), key=lambda item: (-item[1], item[0]))
    more = [
        word
        for word, count in frequent
        if count >= 5 and word.isascii() and word not in pieces and not _has_digit(word)
    ]
    return [*pieces, *more[:N_ENGLISH]]


def _dictionary(corpus: Corpus, meanings: Mapping[int, Array]) -> dict[str, dict[str, Array]]:
    """Unit vectors of the single words of the lexicon, by language."""
    known: dict[str, dict[str, Array]] = {language: {} for language in (*LANGUAGES, "en")}
    for position, vector in meanings.items():
        example = corpus.examples[position]
        found = words(example.text)
        if len(found) == 1:
            known[example.language].setdefault(found[0], vector)
    return known


def _use(
    used: Counter[str],
    known: Mapping[str, Array],
    ranks: Mapping[tuple[str, str], int],
    language: str,
) -> dict[str, float]:
    """Estimated count of every word: seen ones, and the lexicon's by their rank (Zipf's law)."""
    use: dict[str, float] = {w: float(n) for w, n in used.items() if not _has_digit(w)}
    for word in known:
        use.setdefault(word, 0.7)
    for (of_language, word), rank in ranks.items():
        if of_language == language and rank and word in use:
            use[word] += 20_000 / rank
    return use


def _frequent(use: Mapping[str, float], quota: int) -> dict[str, float]:
    ordered = sorted(use.items(), key=lambda item: (-item[1], item[0]))
    return dict([(w, n) for w, n in ordered if len(w) <= MAX_WORD][:quota])


def _stems(
    use: Mapping[str, float], chosen: Mapping[str, float], known: Mapping[str, Array]
) -> dict[str, float]:
    """Beginnings whose known words mean the same, the most useful for words left out first.

    "путешестви" is one; "über", which starts words of any meaning, is none.
    """
    sums: dict[str, Array] = {}
    sizes: Counter[str] = Counter()
    for word, vector in known.items():
        for cut in range(4, len(word)):
            if len(word) - cut <= 4:
                sums[word[:cut]] = sums.get(word[:cut], 0) + vector
                sizes[word[:cut]] += 1
    coherent = {
        stem
        for stem, size in sizes.items()
        if (size == 1 and len(stem) >= 6) or (size > 1 and _likeness(sums[stem], size) > 0.35)
    }
    credit: dict[str, float] = defaultdict(float)
    for word, count in use.items():
        if word in chosen:
            continue
        for cut in range(len(word) - 1, max(3, len(word) - 7), -1):
            if word[:cut] in chosen and cut >= 5:
                break  # a whole word and an ending serve as well
            if word[:cut] in coherent:
                credit[word[:cut]] += min(count, 6.0)
                break
    ordered = sorted(credit.items(), key=lambda item: (-item[1], item[0]))
    return {stem: count for stem, count in ordered[:N_STEMS] if count >= 2}


def _likeness(total: Array, size: int) -> float:
    """Mean cosine of the pairs among `size` unit vectors with this sum."""
    return float((total @ total - size) / (size * (size - 1)))


def _endings(use: Mapping[str, float], chosen: Mapping[str, float]) -> dict[str, float]:
    """What remains of words left out beyond a chosen word or a beginning of 4 letters."""
    ends: Counter[str] = Counter()
    for word in use:
        if word not in chosen:
            for length in range(1, min(5, len(word) - 3)):
                ends[word[-length:]] += 1
    ordered = sorted(ends.items(), key=lambda item: (-item[1], item[0]))
    return {ending: 0.1 * count for ending, count in ordered[:N_ENDINGS]}


def _segmented(used: Counter[str], known: Iterable[str], quota: int) -> dict[str, float]:
    """Words of a script without spaces: a Unigram model trained by counting its own best cuts."""
    dictionary = frozenset(known)
    grams: Counter[str] = Counter()
    for run, count in used.items():
        for start in range(len(run)):
            for end in range(start + 1, min(start + MAX_GRAM, len(run)) + 1):
                grams[run[start:end]] += count
    pieces: dict[str, float] = {
        gram: float(count)
        for gram, count in grams.items()
        if (count >= 5 or gram in dictionary or len(gram) == 1) and not gram.isascii()
    }
    pieces |= {word: 1.0 for word in dictionary if word not in pieces}
    runs = sorted(used)
    weights = np.array([used[run] for run in runs])
    for _ in range(5):
        found = _best_cuts(runs, weights, pieces, dictionary)
        pieces = {
            piece: found[piece]
            for piece in pieces
            if len(piece) == 1 or piece in dictionary or found[piece] >= 4
        }
    ordered = sorted(pieces.items(), key=lambda i: (-i[1] - 3 * (i[0] in dictionary), i[0]))
    return {piece: count + 1 for piece, count in ordered[:quota]}


def _best_cuts(
    runs: Sequence[str],
    weights: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    pieces: Mapping[str, float],
    dictionary: frozenset[str],
) -> Counter[str]:
    """How often each piece stands in the likeliest cuts of the runs."""
    total = sum(pieces.values())
    names = sorted(pieces)
    # A word of the dictionary is twice as likely as its count says: it has a known meaning.
    scores = [
        math.log((pieces[name] + 0.01) / total) + 0.7 * (name in dictionary) for name in names
    ]
    model = models.Unigram([(UNKNOWN, -30.0), *zip(names, scores, strict=True)], unk_id=UNKNOWN_ID)
    found: Counter[str] = Counter()
    encodings = Tokenizer(model).encode_batch_fast(runs, add_special_tokens=False)
    for encoding, weight in zip(encodings, weights, strict=True):
        for piece in encoding.ids:
            if piece:
                found[names[piece - 1]] += int(weight)
    return found
