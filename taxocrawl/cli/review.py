"""`taxocrawl review`: a person looks at the sites that the machine doubts."""

import os
import re
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from taxocrawl.cli.labelling import by_option, speaker, taxonomy_for, taxonomy_option
from taxocrawl.cli.options import store_option

if TYPE_CHECKING:
    from taxocrawl.store.review import ReviewItem
    from taxocrawl.taxonomies.tree import Taxonomy

_ESCAPED = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O.)?")
HITS = 9
"""Hits of a search that are shown: each has a digit."""
KEYS = "1-5 choose  n none of these  /text search  s skip  u undo  q quit"


@click.command(name="review")
@taxonomy_option
@by_option
@click.option("--limit", type=click.IntRange(1), help="Stop after so many answers.")
@click.option("--second", is_flag=True, help="Sites that others have labelled and you have not.")
@store_option("-s", "The store that is written to.", must_exist=True)
def command(
    taxonomy: str | None, by: str | None, limit: int | None, second: bool, store: Path
) -> None:
    """Walk through the doubtful sites of the newest run and say what they are about.

    Keys: 1-5 one of the candidates, n none of these, /text searches the taxonomy, s skips, u takes
    the last answer back, q ends. Each answer is stored at once; the next review goes on from
    there. From a pipe one key, or /text, is read from each line.
    """
    from taxocrawl.store import review

    session = _Session(
        store=store,
        tree=_searchable(taxonomy_for(store, taxonomy)),
        by=speaker(by),
        second=second,
        limit=limit,
    )
    if not second:
        waiting = review.fill_queue(store, session.tree.name)
        click.echo(f"{waiting:,} sites to look at in {session.tree.name}", err=True)
    with session.keys.reading():
        session.walk()
    click.echo(f"{len(session.done):,} answers, {session.skipped:,} skipped", err=True)


def _searchable(stored: "Taxonomy") -> "Taxonomy":
    """The packaged taxonomy where it is the stored one: it knows synonyms and other languages."""
    from taxocrawl.taxonomies import formats

    if stored.name in formats.PACKAGED:
        packaged = formats.load(stored.name)
        if packaged.sha256 == stored.sha256:
            return packaged
    return stored


@dataclass(kw_only=True)
class _Session:
    """One sitting: what was seen and done since it began."""

    store: Path
    tree: "Taxonomy"
    by: str
    second: bool
    limit: int | None
    done: list["ReviewItem"] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    skipped: int = 0
    keys: "_Keys" = field(default_factory=lambda: _Keys())

    def walk(self) -> None:
        """Site after site, until none is left, the limit is reached or the person ends it."""
        item = self._next()
        while item is not None and (self.limit is None or len(self.done) < self.limit):
            again = self._decide(item)
            if again is None:
                return
            item = again if again is not item else self._next()

    def _next(self) -> "ReviewItem | None":
        from taxocrawl.store import review

        name = self.tree.name
        if self.second:
            return review.next_second_look(self.store, name, labelled_by=self.by, seen=self.seen)
        return review.next_in_queue(self.store, name, seen=self.seen)

    def _decide(self, item: "ReviewItem") -> "ReviewItem | None":
        """The item once it is dealt with, an earlier one to look at again, None to end."""
        from taxocrawl.store import review

        _show(item)
        options = [candidate.node_id for candidate in item.candidates]
        while True:
            key = self.keys.next()
            if key == "q":
                return None
            if key == "u" and self.done:
                last = self.done.pop()
                review.undo(self.store, last, labelled_by=self.by)
                return last
            if key == "s":
                if not self.second:
                    review.skip(self.store, item)
                self.skipped += 1
                self.seen.add(item.domain)
                return item
            if key.startswith("/"):
                options = self._search(key[1:]) or options
            elif key == "n" or (key.isdecimal() and 0 < int(key) <= len(options)):
                node_id = None if key == "n" else options[int(key) - 1]
                review.decide(self.store, item, node_id=node_id, labelled_by=self.by)
                self.done.append(item)
                said = self.tree.path(node_id) if node_id else "none of these"
                click.echo(f"= {said}\n")
                return item
            else:
                click.echo(KEYS)

    def _search(self, text: str) -> list[str]:
        from taxocrawl.taxonomies.search import search

        hits = search(self.tree, text, limit=HITS)
        for number, hit in enumerate(hits, 1):
            click.echo(f"  {number}  {hit.path}")
        if not hits:
            click.echo(f"nothing is called {text!r}")
        return [hit.node_id for hit in hits]


def _show(item: "ReviewItem") -> None:
    from taxocrawl.explanations.render import visible

    why = f"  ({item.reason})" if item.reason else ""
    lines = [
        f"{item.domain}  {item.url}  {item.language}{why}",
        item.title,
        item.description,
        item.first_words,
    ]
    for line in lines:
        if line.strip():
            click.echo(visible(" ".join(line.split())))
    for number, candidate in enumerate(item.candidates, 1):
        click.echo(f"  {number}  {candidate.confidence:4.0%}  {visible(candidate.path)}")


class _Keys:
    """Single keys from a terminal, lines from a pipe."""

    def __init__(self) -> None:
        self._terminal = sys.stdin.isatty()
        self._typed_ahead = ""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The terminal gives keys as they are pressed, and does not show them itself.

        For the whole sitting: `click.getchar` throws away what is typed between two calls.
        """
        if not self._terminal:
            yield
            return
        before = termios.tcgetattr(sys.stdin)
        tty.setcbreak(sys.stdin, termios.TCSADRAIN)
        try:
            yield
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)

    def next(self) -> str:
        """One key, or `/` and the text up to Enter; `q` at the end."""
        if not self._terminal:
            line = sys.stdin.readline()
            return line.strip() if line else "q"
        click.echo("? ", nl=False)
        key = self._character()
        while key.startswith("/") and not key.endswith("\n"):
            if key.endswith(("\x7f", "\b")):
                key = key[:-2]
            click.echo(f"\r\x1b[K? {key}", nl=False)
            key += self._character()
        key = key.strip()
        click.echo("" if key.startswith("/") or not key.isprintable() else key)
        return key

    def _character(self) -> str:
        if not self._typed_ahead:
            # Whole characters: a name in Greek may be searched for.
            read = os.read(sys.stdin.fileno(), 1024)
            self._typed_ahead = read.decode(errors="ignore") or "q"
        # Arrows and other keys that have no meaning here.
        self._typed_ahead = _ESCAPED.sub(" ", self._typed_ahead)
        key, self._typed_ahead = self._typed_ahead[0], self._typed_ahead[1:]
        return key
