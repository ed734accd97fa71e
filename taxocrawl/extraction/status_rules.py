"""The rules of `status_rules.toml`, compiled."""

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from taxocrawl.records import OutcomeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A page is `kind` where a pattern is found and little else is said; fields as in the file."""

    name: str
    kind: OutcomeKind
    detail: str
    head: re.Pattern[str] | None
    text: re.Pattern[str] | None
    headings: int
    head_limit: int
    text_limit: int
    max_links: int
    max_words: int
    needs: frozenset[str]
    hints: frozenset[str]


@functools.cache
def rules() -> tuple[Rule, ...]:
    """All rules in order of precedence; read at the first page that is judged."""
    source = resources.files("taxocrawl.extraction") / "status_rules.toml"
    table = tomllib.loads(source.read_text(encoding="utf-8"))
    return tuple(_rule(row, table["names"]) for row in table["rule"])


def _rule(row: Mapping[str, Any], names: Mapping[str, str]) -> Rule:
    return Rule(
        name=row["name"],
        kind=row["kind"],
        detail=row["detail"],
        head=_one_of(row.get("head", ()), names),
        text=_one_of(row.get("text", ()), names),
        headings=row.get("headings", 3),
        head_limit=row.get("head_limit", 0),
        text_limit=row.get("text_limit", 0),
        max_links=row.get("max_links", 1_000),
        max_words=row.get("max_words", 1_000_000),
        needs=frozenset(row.get("needs", ())),
        hints=frozenset(row.get("hints", ())),
    )


def _one_of(patterns: Sequence[str], names: Mapping[str, str]) -> re.Pattern[str] | None:
    pattern = "|".join(patterns)
    for name, meaning in names.items():
        pattern = pattern.replace(f"<{name}>", f"(?:{meaning})".replace("\n", ""))
    return re.compile(pattern) if patterns else None
