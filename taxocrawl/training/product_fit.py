"""Training of the product model: texts, titles and pages in, a model folder out."""

import copy
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from taxocrawl.classifiers.node_arrays import NO_PARENT, NodeArrays
from taxocrawl.classifiers.reading import N_FIELDS
from taxocrawl.classifiers.sources import PAGE_WEIGHTS
from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES
from taxocrawl.training.linear_fit import Head, first_table
from taxocrawl.training.product_texts import (
    BRAND,
    LISTING,
    SHORT,
    TITLE_SOURCES,
    ProductText,
)

Ints = NDArray[np.int64]
Arrays = dict[str, NDArray[np.generic]]
Fields = tuple[Ints, ...]
T = TypeVar("T")

_TITLE = FIELD_NAMES.index("title")
_NOTHING: Ints = np.zeros(0, dtype=np.int64)
_LISTED = frozenset({"keyword", "word"})
_MAX_TOKENS = 200
# Roots whose titles must share a token for it to be noise; 4 and 8 are alike.
_SHARED_BY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRecipe:
    """How the head is trained; chosen on texts that were then learnt from: 852 titles of invented
    shops (four for each node of the two upper tiers) and a third of our 10,000 titles. A set of
    shops' titles was never used to choose what is measured on it.

    Roots right of the 852 / of the third, one set of shops' titles left out of training: without
    any of our titles .867 / .716, with a third, two thirds, all others of 9,000 .881 / .753, .887 /
    .762, .896 / .778, these with noise of any word in place of that which roots share .896 / .774.
    5,000 more words .896 / .799 in place of .899 / .769; then 12 in place of 32 mixtures, balance
    .3 in place of .5 and 900 more titles .897 / .809; the root's loss as heavy as the node's .898 /
    .812; brands, more dropout of tokens, three copies of each title .891 / .820. 48 dimensions, 64
    and 96, 8 passes and 12 are alike.
    """

    table_dims: int = 48
    epochs: int = 8
    batch: int = 256
    table_rate: float = 1e-2
    head_rate: float = 2e-3
    dropout: float = 0.1
    token_dropout: float = 0.2
    foreign: int = 1
    """Names in other languages and paths, each, of a node in one pass."""
    class_size: int = 20
    """Titles of one class of a set in one pass."""
    listing_copies: int = 3
    """How often each title of ours is seen in one pass."""
    mixtures: int = 12
    """Texts of some of a node's words in one pass."""
    branded: float = 0.4
    """Share of those that name a brand."""
    noise: float = 0.5
    """Share of short texts that get up to `noise_tokens` words of anything, as titles have."""
    noise_tokens: int = 6
    balance: float = 0.3
    """A text weighs as the number of texts in its branch of tier 2 to this power, inverted."""
    page_weight: float = 3.0
    page_copies: int = 4
    late_epochs: int = 1
    late_rate: float = 0.3
    root_loss: float = 1.0
    """Weight of the root's share against the node's; that of tier 2 weighs half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training text: token ids of each field, the node it stands for, its weight."""

    fields: Fields
    node: int
    weight: float = 1.0
    noisy: bool = False


class TextSampler:
    """What one pass over the texts sees: all that is rare, a sample of what there is much of."""

    def __init__(
        self,
        texts: Sequence[ProductText],
        ids: Sequence[Ints],
        nodes: NodeArrays,
        recipe: ProductRecipe,
    ) -> None:
        self._recipe, self._nodes = recipe, nodes
        branch = branches(nodes)
        spoken = [(text, of) for text, of in zip(texts, ids, strict=True) if len(of)]
        sizes = Counter(int(branch[t.node]) for t, _ in spoken if _always(t))
        self._always: list[Example] = []
        self._foreign: dict[int, list[Example]] = defaultdict(list)
        self._classes: dict[tuple[str, int], list[Example]] = defaultdict(list)
        self._words: dict[int, list[Ints]] = defaultdict(list)
        self._brands: dict[int, list[Ints]] = defaultdict(list)
        self._balance = {b: float((n + 1.0) ** -recipe.balance) for b, n in sizes.items()}
        self._branch = branch
        title_weight = float(30.0**-recipe.balance)
        for text, of in spoken:
            titled = text.source in TITLE_SOURCES
            example = Example(
                fields=in_title(of[:_MAX_TOKENS]),
                node=text.node,
                weight=title_weight if titled else self._weight(text.node),
                noisy=text.source == BRAND or (text.source in SHORT and text.language == "en"),
            )
            if titled:
                self._classes[text.source, text.node].append(example)
            elif _always(text):
                copies = recipe.listing_copies if text.source == LISTING else 1
                self._always += [example] * copies
            else:
                self._foreign[text.node].append(example)
            if text.source in _LISTED and text.language == "en":
                self._words[text.node].append(of)
            elif text.source == BRAND:
                self._brands[text.node].append(of)
        lists = [of[:_MAX_TOKENS] for text, of in spoken if _always(text)]
        titles = [
            (int(nodes.root[text.node]), of)
            for text, of in spoken
            if text.source == LISTING or text.source in TITLE_SOURCES
        ]
        self.pool = noise_pool(np.unique(np.concatenate(lists)) if lists else _NOTHING, titles)

    def one_pass(self, rng: np.random.Generator) -> list[Example]:
        """Examples in no order."""
        found = list(self._always)
        for examples in self._foreign.values():
            found += _some(examples, 2 * self._recipe.foreign, rng)
        for examples in self._classes.values():
            found += _some(examples, self._recipe.class_size, rng)
        found += self._mixtures(rng)
        return found

    def _mixtures(self, rng: np.random.Generator) -> Iterator[Example]:
        """A node's words in twos to fives, as a title strings them together."""
        for node, words in self._words.items():
            parent = int(self._nodes.parent[node])
            above = self._words.get(parent, []) if parent != NO_PARENT else []
            brands = self._brands_of(node)
            for _ in range(self._recipe.mixtures):
                chosen = _some(words, int(rng.integers(1, 5)), rng)
                if above and rng.random() < 0.5:
                    chosen = [*chosen, above[rng.integers(len(above))]]
                if brands and rng.random() < self._recipe.branded:
                    chosen = [brands[rng.integers(len(brands))], *chosen]
                yield Example(
                    fields=in_title(np.concatenate(chosen)),
                    node=node,
                    weight=self._weight(node),
                    noisy=True,
                )

    def _brands_of(self, node: int) -> list[Ints]:
        """Brands of the node or of the nearest above that has some."""
        while node not in self._brands and node != NO_PARENT:
            node = int(self._nodes.parent[node])
        return self._brands.get(node, [])

    def _weight(self, node: int) -> float:
        return self._balance.get(int(self._branch[node]), 1.0)


def noise_pool(tokens: Ints, titles: Sequence[tuple[int, Ints]]) -> Ints:
    """What noise is drawn from: any token, and as often those that titles (root, tokens) of several
    roots share, such as sizes, colours and numbers, the frequent ones more.
    """
    roots: dict[int, set[int]] = defaultdict(set)
    counts: Counter[int] = Counter()
    for root, ids in titles:
        for token in set(ids.tolist()):
            roots[token].add(root)
            counts[token] += 1
    shared = [token for token in sorted(roots) if len(roots[token]) >= _SHARED_BY]
    times = [int(counts[token] ** 0.75) for token in shared]
    said = np.repeat(np.array(shared, dtype=np.int64), times)
    n_copies = max(1, len(said) // max(len(tokens), 1))
    return np.concatenate([np.tile(tokens, n_copies), said])


def _always(text: ProductText) -> bool:
    foreign_name = text.source in ("name", "path") and text.language != "en"
    return text.source not in TITLE_SOURCES and not foreign_name


def _some(items: Sequence[T], n: int, rng: np.random.Generator) -> list[T]:
    if len(items) <= n:
        return list(items)
    return [items[i] for i in rng.choice(len(items), n, replace=False)]


def in_title(ids: Ints) -> Fields:
    """A text that has nothing but a title."""
    fields = [_NOTHING] * N_FIELDS
    fields[_TITLE] = ids
    return tuple(fields)


def branches(nodes: NodeArrays) -> Ints:
    """Each node's ancestor in tier 2, or itself above that."""
    result = np.arange(len(nodes))
    for i in range(len(nodes)):  # parents come first
        if nodes.tier[i] > 2:
            result[i] = result[nodes.parent[i]]
    return result


class HeadTraining:
    """A head in training; `continued` gives a copy that learns further, so that folds are cheap."""

    def __init__(
        self,
        encoder_table: Vectors,
        nodes: NodeArrays,
        recipe: ProductRecipe,
        pool: Ints,
        seed: int = 0,
    ) -> None:
        self._nodes, self._recipe, self._pool = nodes, recipe, pool
        torch.manual_seed(seed)
        start = first_table(encoder_table, recipe.table_dims)
        self.head = Head(encoder_table, start, len(nodes), recipe.dropout)
        # Titles say nothing of fields, and few pages are seen, so these stay near where they start.
        with torch.no_grad():
            self.head.field_weights.copy_(torch.tensor(PAGE_WEIGHTS).expand(2, -1))
        # The head's outputs stand in depth-first order: putting them there costs a third of a step.
        self._starts, self._ends = (torch.from_numpy(ends) for ends in nodes.intervals)
        self._lineage = _lineages(nodes)

    def learn(
        self,
        one_pass: Callable[[np.random.Generator], list[Example]],
        *,
        epochs: int,
        rate: float,
        seed: int,
    ) -> None:
        """Some passes; rates fall from `rate` times the recipe's to 2 % of that.

        One thread, so that the bytes are the same every time.
        """
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        recipe = self._recipe
        sparse = torch.optim.SparseAdam([self.head.table.weight], lr=recipe.table_rate)
        dense = torch.optim.Adam(
            [
                p
                for name, p in self.head.named_parameters()
                if p.requires_grad and name != "table.weight"
            ],
            lr=recipe.head_rate,
        )
        self.head.train()
        for epoch in range(epochs):
            examples = one_pass(rng)
            order = rng.permutation(len(examples))
            for begin in range(0, len(examples), recipe.batch):
                done = (epoch + begin / len(examples)) / epochs
                share = rate * max(0.02, 1 - done)
                sparse.param_groups[0]["lr"] = recipe.table_rate * share
                dense.param_groups[0]["lr"] = recipe.head_rate * share
                batch = [examples[i] for i in order[begin : begin + recipe.batch]]
                loss = self._loss(batch, rng)
                sparse.zero_grad()
                dense.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                sparse.step()  # type: ignore[no-untyped-call]
                dense.step()

    def continued(self) -> "HeadTraining":
        """A copy that goes its own way; the encoder's table, which no training moves, is shared."""
        shared = {id(self.head.frozen.weight): self.head.frozen.weight}
        other = copy.copy(self)
        other.head = copy.deepcopy(self.head, shared)
        return other

    def arrays(self) -> Arrays:
        """What LinearHead reads; scales in half precision, as they lie within two magnitudes."""
        found = self.head.eval().arrays()
        places, _ = self._nodes.intervals
        for name in ("encoder_nodes", "token_nodes", "bias"):
            found[name] = found[name][places]
        return {**found, "table_scale": found["table_scale"].astype(np.float16)}

    def _loss(self, batch: Sequence[Example], rng: np.random.Generator) -> torch.Tensor:
        """Cross-entropy of the share of the node's whole branch, and of those of its ancestors in
        the two upper tiers: a title of an oak table is right below Furniture wherever it lies.
        """
        ids = [self._shaken(of, example, rng) for example in batch for of in example.fields]
        lengths = np.array([len(i) for i in ids])
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        present = (lengths > 0).astype(np.float32).reshape(len(batch), N_FIELDS)
        logits = self.head(
            torch.from_numpy(np.concatenate(ids)),
            torch.from_numpy(offsets),
            torch.from_numpy(present),
        )
        sums = functional.pad(torch.cumsum(functional.softmax(logits, dim=1), dim=1), (1, 0))
        own = np.array([example.node for example in batch])
        lineage = np.stack([own, self._lineage[own, 0], self._lineage[own, 1]], axis=1)
        known = torch.from_numpy((lineage >= 0).astype(np.float32))
        wanted = torch.from_numpy(np.maximum(lineage, 0))
        held = sums.gather(1, self._ends[wanted]) - sums.gather(1, self._starts[wanted])
        parts = (
            torch.log(held.clamp(min=1e-6))
            * known
            * torch.tensor([1.0, self._recipe.root_loss, 0.5])
        )
        weights = torch.tensor([example.weight for example in batch])
        result: torch.Tensor = -(parts.sum(1) * weights).sum() / weights.sum()
        return result

    def _shaken(self, ids: Ints, example: Example, rng: np.random.Generator) -> Ints:
        """The text without some of its words and, a short one, with words that say nothing."""
        recipe = self._recipe
        if len(ids) > 3:
            kept = ids[rng.random(len(ids)) >= recipe.token_dropout]
            ids = kept if len(kept) else ids
        if example.noisy and len(ids) and len(self._pool) and rng.random() < recipe.noise:
            n = int(rng.integers(1, recipe.noise_tokens + 1))
            ids = np.concatenate([ids, self._pool[rng.integers(len(self._pool), size=n)]])
        return ids


def _lineages(nodes: NodeArrays) -> Ints:
    """(n_nodes, 2): each node's root and its ancestor in tier 2, -1 where it has none."""
    second = branches(nodes)
    return np.stack([nodes.root, np.where(nodes.tier > 1, second, -1)], axis=1)
