"""The packaged words about nodes: glossary, synonyms, names in other languages."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

from taxocrawl.taxonomies.tree import NodeTexts


def read_texts(data: Path, taxonomy: str) -> Mapping[str, NodeTexts]:
    """Texts by node id from `texts/` and `names/` of the data folder; a missing file adds none."""
    entries = _read_entries(data / "texts" / f"{taxonomy}.jsonl.gz")
    names = _read_names(data / "names" / f"{taxonomy}.tsv.gz")
    empty: Mapping[str, object] = {}
    return {
        node_id: _node_texts(entries.get(node_id, empty), names.get(node_id, {}))
        for node_id in {**entries, **names}
    }


def _read_entries(path: Path) -> dict[str, Mapping[str, object]]:
    lines = _lines(path)
    # One parse of the whole is twice as fast as one of each line.
    return {entry["id"]: entry for entry in json.loads(f"[{','.join(lines)}]")}


def _read_names(path: Path) -> dict[str, dict[str, str]]:
    """Names by node id -> language, from one row a language with one column a node."""
    lines = _lines(path)
    if not lines:
        return {}
    node_ids = lines[0].split("\t")[1:]
    names: dict[str, dict[str, str]] = {node_id: {} for node_id in node_ids}
    for line in lines[1:]:
        language, *cells = line.split("\t")
        for node_id, name in zip(node_ids, cells, strict=True):
            if name:
                names[node_id][language] = name
    return names


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    return gzip.decompress(path.read_bytes()).decode("utf-8").rstrip("\n").split("\n")


def _node_texts(entry: Mapping[str, object], names: Mapping[str, str]) -> NodeTexts:
    keywords = entry.get("keywords")
    return NodeTexts(
        scope=str(entry.get("scope", "")),
        not_scope=str(entry.get("not", "")),
        keywords={language: tuple(words) for language, words in keywords.items()}
        if isinstance(keywords, dict)
        else {},
        names=names,
        synonyms=_strings(entry, "synonyms"),
        site_examples=_strings(entry, "site_examples"),
        short_examples=_strings(entry, "short_examples"),
    )


def _strings(entry: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = entry.get(key, ())
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
