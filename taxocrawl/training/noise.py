"""Texts without a topic, made by rule: what the default model learns to leave unanswered.

The kinds that pages are full of when nothing is on them: letters at random in many alphabets, words
at random, everyday words alone, code, numbers, menus and notices, empty shells. Written for this
project; the tests' texts of these kinds come from rules of their own.
"""

from collections.abc import Callable, Sequence

import numpy as np

from taxocrawl.classifiers.menu_words import menu_phrases

_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "eeeeaaaiioouttnnssrrhhllddccmmffppggwwyybbvvk",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "abcdefghijklmnopqrstuvwxyzäöüßéèàçñãõ0123456789",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "あいうえおかきくけこさしすせそたちつてとなにぬねの",
    "กขคงจฉชซญดตถทนบปผพฟมยรลวศสหอะาิีึืุูเแโใไ",
)
# Starts of blocks of letters: Devanagari, Ethiopic, Georgian, Armenian, Khmer, Malayalam, Hangul,
# Han, Cherokee, Tibetan, Burmese, Tifinagh.
_BLOCKS = (
    *(0x0905, 0x1200, 0x10D0, 0x0561, 0x1780, 0x0D85, 0xAC00, 0x4E00),
    *(0x13A0, 0x0F40, 0x1000, 0x2D30),
)

# The commonest words of a language a line: they hold every text together and say nothing alone.
_EVERYDAY = """
a about after all also an and any are as at be because been but by can could did do for from get had
der die das und ist in den von zu mit sich auf für nicht ein eine als auch es an werden aus er hat
le la les de des et est un une que qui dans pour pas sur plus par avec ce il elle nous vous ou mais
el la los las de y que en un una es por con para no se su al lo como más pero sus le ya o este
il lo la gli di e che in un una è per non con si da sono come anche più ma se nel alla dei del al
o a os as de e que em um uma é por com para não se do da no na mais como mas foi ao ele dos
de het een en van ik te dat die in is niet zijn op aan met als voor er maar om dan zou of wat mijn
i w nie na się że z do to jest jak za od po ale co tak dla tylko go już przez był ma czy
и в не на я быть с он что а по это она этот к но они мы весь который из у то за свой
och det att i en jag hon som han på den med var sig för så till är men ett om hade de av icke
a se na je v že s z do to i o k ve pro ale jako za by od po jsem si co podle tak když
ve bir bu da de için ile çok daha gibi ama ne o var mi kadar sonra en her ya ben sen biz
και το να του η της με που την από για είναι στο ότι οι τα θα δεν τον στην μια αλλά
في من على أن إلى هذا عن مع ما لا هو هي كان التي الذي بعد كل قد بين أو
的 是 在 了 和 有 我 他 这 中 就 不 也 都 说 要 会 着 没有 看 好 自己 这 那 你 们
の に は を た が で て と し れ さ ある いる も する から な こと として い や など なる
"""
_NAMES = ("i", "j", "tmp", "value", "result", "data", "self", "args", "node", "key", "item", "ctx")
_CODE = (
    "def {a}({b}, {c}=None):\n    if {b} is None:\n        return {n}\n    return {a}({b}[{n}:])\n",
    "for (let {a} = 0; {a} < {b}.length; {a}++) {{ {c}.push({b}[{a}] * {n}); }}\n",
    "public static int {a}(int {b}, int {c}) {{ return {b} > {n} ? {c} : {a}({b} - 1, {c}); }}\n",
    ".{a}-{b} {{ margin: {n}px; padding: 0 {n}px; display: flex; color: #{h}; }}\n",
    '{{"{a}": {n}, "{b}": [{n}, {n}], "{c}": {{"id": "{h}", "ok": true}}}}\n',
    "SELECT {a}, COUNT({b}) FROM t{n} WHERE {c} > {n} GROUP BY {a} HAVING COUNT({b}) > {n};\n",
    "#include <{a}.h>\nint {b}[{n}];\nvoid {c}(void) {{ memset({b}, 0, sizeof({b})); }}\n",
    '<div class="{a} {b}"><span id="{h}">{n}</span></div>\n',
    '{a} := make(map[string]int, {n})\nif {b}, ok := {a}["{h}"]; ok {{ {c} = {b} }}\n',
    "Traceback: file {a}.py line {n} in {b}: {c} is not defined 0x{h}\n",
)

Make = Callable[[np.random.Generator], str]


def noise(words: Sequence[str], *, per_kind: int, seed: int) -> list[str]:
    """Texts of every kind, as many of each; `words` are known words for those at random."""
    rng = np.random.default_rng(seed)

    def salad(rng: np.random.Generator) -> str:
        return " ".join(words[i] for i in rng.integers(0, len(words), rng.integers(20, 120)))

    menu = menu_phrases()

    def shell(rng: np.random.Generator) -> str:
        # Of one language, or one and its neighbour; up to a third are other words, at random.
        start, width = rng.integers(0, len(menu) - 40), rng.integers(10, 40)
        found = [menu[start + i] for i in rng.permutation(width)]
        other = [words[i] for i in rng.integers(0, len(words), rng.integers(0, 1 + width // 3))]
        return "\n".join(rng.permutation([*found, *other]))

    makers: tuple[Make, ...] = (
        *(_letters, _blocks, _code, _numbers, _hashes, _everyday),
        *(salad, shell, shell),
    )
    return [make(rng) for make in makers for _ in range(per_kind)]


def _letters(rng: np.random.Generator) -> str:
    alphabet = list(_ALPHABETS[rng.integers(len(_ALPHABETS))])
    longest = int(rng.integers(4, 14))
    return " ".join(
        "".join(rng.choice(alphabet, rng.integers(2, longest)))
        for _ in range(rng.integers(10, 150))
    )


def _blocks(rng: np.random.Generator) -> str:
    start = _BLOCKS[rng.integers(len(_BLOCKS))]
    width = 4000 if start in (0xAC00, 0x4E00) else 30
    return " ".join(
        "".join(chr(start + int(i)) for i in rng.integers(0, width, rng.integers(2, 9)))
        for _ in range(rng.integers(10, 120))
    )


def _code(rng: np.random.Generator) -> str:
    form = _CODE[rng.integers(len(_CODE))]
    return "".join(
        form.format(
            **{letter: _name(rng) for letter in "abc"},
            n=rng.integers(0, 5000),
            h=f"{rng.integers(2**31):08x}",
        )
        for _ in range(rng.integers(4, 25))
    )


def _name(rng: np.random.Generator) -> str:
    if rng.random() < 0.6:
        return _NAMES[rng.integers(len(_NAMES))]
    return "".join(rng.choice(list("abcdefxyz_"), rng.integers(1, 7)))


def _numbers(rng: np.random.Generator) -> str:
    forms = ("{}", "{:,}", "0x{:x}", "{:.2f}", "+{:d}", "{:d}-{:d}", "{:d}.{:d}.{:d}.{:d}")
    form = forms[rng.integers(len(forms))]
    return " ".join(
        form.format(*(int(i) for i in rng.integers(0, 10 ** int(rng.integers(2, 8)), 4)))
        for _ in range(rng.integers(10, 120))
    )


def _everyday(rng: np.random.Generator) -> str:
    lines = _EVERYDAY.strip().splitlines()
    common = lines[rng.integers(len(lines))].split()
    return " ".join(common[i] for i in rng.integers(0, len(common), rng.integers(15, 90)))


def _hashes(rng: np.random.Generator) -> str:
    letters = list("abcdef0123456789" if rng.random() < 0.5 else "ABCDEFGHabcdefgh0123456789+/=_-")
    return " ".join(
        "".join(rng.choice(letters, rng.integers(8, 40))) for _ in range(rng.integers(5, 60))
    )
