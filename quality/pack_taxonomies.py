"""Writes `taxocrawl/taxonomies/data/` from the tidy source files. Same sources, same contents.

Run by a maintainer when a taxonomy changes: `python quality/pack_taxonomies.py [--check]`.
The sources stand in `$TAXOCRAWL_DATA/taxonomies` (default `../shared/data/taxonomies`).
"""

import argparse
import csv
import gzip
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from taxocrawl.taxonomies.formats import DATA
from taxocrawl.taxonomies.tree import Node, parents_first

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path(os.environ.get("TAXOCRAWL_DATA", ROOT.parent / "shared" / "data")) / "taxonomies"

TREES = {
    "iab-1.0": "iab_content_1.0.tsv",
    "iab-2.0": "iab_content_2.0.tsv",
    "iab-2.1": "iab_content_2.1.tsv",
    "iab-2.2": "iab_content_2.2.tsv",
    "iab-3.0": "iab_content_3.0.tsv",
    "iab-3.1": "iab_content_3.1.tsv",
    "iab-vectors": "iab_content_vectors.tsv",
    "iab-ad-product-1.1": "iab_ad_product_1.1.tsv",
    "iab-ad-product-2.0": "iab_ad_product_2.0.tsv",
    "iab-audience-1.1": "iab_audience_1.1.tsv",
    "google": "google_product.tsv",
    "iptc": "iptc_mediatopics.tsv",
}
AD_2 = "iab-ad-product-2.0"
CROSSWALKS = {
    ("iab-1.0", "iab-2.0"): "crosswalk_iab_1.0__2.0.tsv",
    ("iab-1.0", "iab-3.1"): "crosswalk_iab_1.0__3.1.tsv",
    ("iab-1.0", AD_2): "crosswalk_content_1.0__ad_product_2.0.tsv",
    ("iab-2.0", "iab-2.1"): "crosswalk_iab_2.0__2.1.tsv",
    ("iab-2.1", "iab-2.2"): "crosswalk_iab_2.1__2.2.tsv",
    ("iab-2.1", AD_2): "crosswalk_content_2.1__ad_product_2.0.tsv",
    ("iab-2.2", "iab-3.0"): "crosswalk_iab_2.2__3.0.tsv",
    ("iab-2.2", "iab-3.1"): "crosswalk_iab_2.2__3.1.tsv",
    ("iab-3.0", "iab-3.1"): "crosswalk_iab_3.0__3.1.tsv",
    ("iab-3.1", "iab-1.0"): "crosswalk_iab_3.1__1.0.tsv",
    ("iab-3.1", "iab-2.1"): "crosswalk_iab_3.1__2.1.tsv",
    ("iab-3.1", "iab-2.2"): "crosswalk_iab_3.1__2.2.tsv",
    (AD_2, "iab-ad-product-1.1"): "crosswalk_ad_product_2.0__1.1.tsv",
    (AD_2, "iab-1.0"): "crosswalk_ad_product_2.0__content_1.0.tsv",
    (AD_2, "iab-2.1"): "crosswalk_ad_product_2.0__content_2.1.tsv",
    ("google", "iab-3.1"): "crosswalk_google_top__iab_3.1.tsv",
    ("iptc", "iab-3.1"): "iptc__iab_3.1.tsv",
}
GENRES = {"content_3.1": "iab-3.1", "content_vectors": "iab-vectors"}
# The bare language code stands for the variety that most pages in it are written in.
LANGUAGES = {"pt-BR": "pt", "pt-PT": "pt-PT", "zh-CN": "zh", "zh-TW": "zh-TW", "en-GB": "en-GB"}

Row = Mapping[str, str]


def read(name: str) -> list[Row]:
    """Rows of one source file; the sources quote nothing."""
    opener = gzip.open if name.endswith(".gz") else open
    with opener(SOURCE / name, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Tab-separated text; a cell with a tab or a line end in it would shift its row."""
    lines = ["\t".join(header)]
    for row in rows:
        if any(set(cell) & set("\t\r\n") for cell in row):
            raise ValueError(f"cell with a tab or line end in {row}")
        lines.append("\t".join(row))
    return ("\n".join(lines) + "\n").encode()


def tree(file: str) -> list[Node]:
    """Nodes of one source tree, parents first (three rows of IAB 3.x stand above theirs)."""
    nodes = []
    for row in read(file):
        iptc = "qcode" in row
        nodes.append(
            Node(
                id=row["qcode"] if iptc else row["id"],
                parent_id=(row["parent"] if iptc else row["parent_id"]) or None,
                name=row["name_en"] if iptc else row["name"],
                tier=int(row["depth"]),
                flags=frozenset() if iptc else frozenset(row["flags"].split(";")) - {""},
                note=row["note"],
            )
        )
    by_id = {node.id: node for node in nodes}
    return [by_id[node_id] for node_id in parents_first({n.id: n.parent_id for n in nodes})]


def tree_table(nodes: Iterable[Node]) -> bytes:
    header = ("id", "parent_id", "name", "tier", "flags", "note")
    return table(
        header,
        (
            (n.id, n.parent_id or "", n.name, str(n.tier), ";".join(sorted(n.flags)), n.note)
            for n in nodes
        ),
    )


def glossary(file: str) -> Iterator[dict[str, object]]:
    """Entries of a glossary in the packaged shape; a shop's text is a page, titles are lines."""
    for line in (SOURCE / file).read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        yield {
            "id": entry["id"],
            "scope": entry["scope"],
            "not": entry["not"],
            "keywords": {"en": entry["keywords"], **entry["keywords_i18n"]},
            "site_examples": entry.get("site_examples") or [entry["shop"]],
            "short_examples": entry.get("short_examples") or entry["titles"],
        }


def texts() -> dict[str, dict[str, dict[str, object]]]:
    """Known by taxonomy -> node id -> what is known in words, without names in other languages."""
    known: dict[str, dict[str, dict[str, object]]] = {
        "iab-3.1": {str(e["id"]): e for e in glossary("glossary_iab_3.1.jsonl")},
        "iab-vectors": {},
        "google": {str(e["id"]): e for e in glossary("glossary_google.jsonl")},
        "iptc": {
            row["qcode"]: {"id": row["qcode"], "scope": row["definition_en"]}
            for row in read(TREES["iptc"])
            if row["definition_en"]
        },
    }
    synonyms = [(GENRES[r["taxonomy"]], r["id"], r["term"]) for r in read("iab_genre_terms.tsv")]
    synonyms += [("google", r["google_id"], r["synonym"]) for r in read("google_synonyms.tsv")]
    names = {name: {node.id: node.name for node in tree(TREES[name])} for name in known}
    for taxonomy, node_id, synonym in synonyms:
        entry = known[taxonomy].setdefault(node_id, {"id": node_id})
        terms = entry.setdefault("synonyms", [])
        assert isinstance(terms, list)
        said = {term.casefold() for term in (*terms, names[taxonomy][node_id])}
        if synonym.casefold() not in said:
            terms.append(synonym)
    return known


def texts_lines(entries: Mapping[str, dict[str, object]], nodes: Sequence[Node]) -> bytes:
    ordered = (entries[node.id] for node in nodes if node.id in entries)
    return "".join(
        json.dumps({key: value for key, value in entry.items() if value}, ensure_ascii=False) + "\n"
        for entry in ordered
    ).encode()


def google_names(nodes: Sequence[Node]) -> bytes:
    """One row a language, one column a node: half the size of one row a node."""
    by_language: dict[str, dict[str, str]] = {}
    for row in read("google_product_names.tsv.gz"):
        language = LANGUAGES.get(row["lang"], row["lang"].split("-")[0])
        by_language.setdefault(language, {})[row["id"]] = row["name"]
    return names_table(by_language, nodes)


def iptc_names(nodes: Sequence[Node]) -> bytes:
    rows = read(TREES["iptc"])
    languages = {code: {r["qcode"]: r[f"name_{code}"] for r in rows} for code in ("de", "es", "fr")}
    return names_table(languages, nodes)


def names_table(by_language: Mapping[str, Mapping[str, str]], nodes: Sequence[Node]) -> bytes:
    return table(
        ("lang", *(node.id for node in nodes)),
        (
            (language, *(names.get(node.id, "") for node in nodes))
            for language, names in sorted(by_language.items())
        ),
    )


def sources() -> bytes:
    """SOURCES.md: a preface, then licences and repairs as the sources' README states them."""
    readme = (SOURCE / "README.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", readme, re.M | re.S))
    repairs = next(title for title in sections if title.startswith("Repairs"))
    kept = ("Licences, as the sources state them", "What changed between the IAB versions", repairs)
    preface = (Path(__file__).parent / "taxonomy_sources.md").read_text(encoding="utf-8")
    body = "".join(f"\n## {title}\n{sections[title].rstrip()}\n" for title in kept)
    return (preface + packaged_names(body)).encode()


def packaged_names(text: str) -> str:
    """The text with each source file called by its name in the package."""
    names = {file: name for name, file in TREES.items()}
    names |= {file: f"{source}__{to}" for (source, to), file in CROSSWALKS.items()}
    for file, name in names.items():
        text = text.replace(file, name)
    return text


def packed() -> dict[str, bytes]:
    """File name -> contents, before compression."""
    files: dict[str, bytes] = {"SOURCES.md": sources()}
    trees = {name: tree(file) for name, file in TREES.items()}
    for name, nodes in trees.items():
        files[f"trees/{name}.tsv"] = tree_table(nodes)
    for name, entries in texts().items():
        files[f"texts/{name}.jsonl.gz"] = texts_lines(entries, trees[name])
    files["names/google.tsv.gz"] = google_names(trees["google"])
    files["names/iptc.tsv.gz"] = iptc_names(trees["iptc"])
    header = ("from_id", "to_id", "relation", "by", "rank")
    for (source, target), file in CROSSWALKS.items():
        rows = ([row[column] for column in header] for row in read(file))
        files[f"crosswalks/{source}__{target}.tsv"] = table(header, rows)
    return files


def write(files: Mapping[str, bytes], folder: Path) -> None:
    sums = []
    for name, content in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = gzip.compress(content, 9, mtime=0) if name.endswith(".gz") else content
        path.write_bytes(stored)
        sums.append(f"{hashlib.sha256(stored).hexdigest()}  {name}\n")
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def differing(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """Names of files that the package lacks or holds with other contents.

    Compared before compression: zlib's output differs between its versions.
    """
    changed = []
    for name, content in files.items():
        path = folder / name
        stored = path.read_bytes() if path.exists() else b""
        if (gzip.decompress(stored) if name.endswith(".gz") and stored else stored) != content:
            changed.append(name)
    return changed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if files differ")
    arguments = parser.parse_args()
    files = packed()
    if arguments.check:
        changed = differing(files, DATA)
        print("\n".join(changed) or "no difference")
        return int(bool(changed))
    write(files, DATA)
    total = sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file())
    print(f"{len(files)} files, {total:,} bytes in {DATA}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
