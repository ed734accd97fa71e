"""A taxonomy: nodes, their order, and the walk up and down."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from taxocrawl.errors import TaxonomyError

PATH_SEPARATOR = " > "


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One category as its source gives it. `tier` 1 is a root; `parent_id` None there."""

    id: str
    parent_id: str | None
    name: str
    tier: int
    flags: frozenset[str] = frozenset()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTexts:
    """What is known in words about a node, beside its name.

    `keywords` and `names` by language code (`names` without English, which is the node's own name);
    `site_examples` are texts of whole pages, `short_examples` titles and lines.
    """

    scope: str = ""
    not_scope: str = ""
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    synonyms: tuple[str, ...] = ()
    site_examples: tuple[str, ...] = ()
    short_examples: tuple[str, ...] = ()


NO_TEXTS = NodeTexts()


def parents_first(parents: Mapping[str, str | None]) -> list[str]:
    """Ids (from id -> parent's id) with each parent pulled up to stand above its first child.

    Ids whose chain of parents reaches no root, by a cycle or a missing parent, are left out.
    """
    ordered: dict[str, None] = {}
    lost: set[str] = set()
    for node_id in parents:
        chain: dict[str, None] = {}
        step: str | None = node_id
        while step is not None and step not in ordered:
            if step in chain or step in lost or step not in parents:
                lost.update(chain)
                break
            chain[step] = None
            step = parents[step]
        else:
            ordered.update(dict.fromkeys(reversed(chain)))
    return list(ordered)


class Taxonomy:
    """A forest of nodes with ids unique in it, parents before children.

    `texts` may be a function, called when somebody first asks: reading names in 31 languages takes
    longer than reading the tree. `cattax` is the OpenRTB code, None where AdCOM lists none.
    Raises TaxonomyError on a duplicate id, a parent that is not above its child, a wrong tier.
    """

    def __init__(
        self,
        name: str,
        nodes: Iterable[Node],
        *,
        title: str = "",
        texts: Mapping[str, NodeTexts] | Callable[[], Mapping[str, NodeTexts]] | None = None,
        source: str = "",
        licence: str = "",
        cattax: int | None = None,
    ) -> None:
        self.name = name
        self.title = title or name
        self.source = source
        self.licence = licence
        self.cattax = cattax
        self._texts = texts or {}
        self._nodes: dict[str, Node] = {}
        self._children: dict[str | None, list[str]] = {None: []}
        for node in nodes:
            self._add(node)
        self.ids: tuple[str, ...] = tuple(self._nodes)
        self.index: Mapping[str, int] = {node_id: i for i, node_id in enumerate(self.ids)}

    def _add(self, node: Node) -> None:
        if node.id in self._nodes:
            raise TaxonomyError(f"taxonomy {self.name}: id {node.id!r} appears twice")
        parent_tier = 0
        if node.parent_id is not None:
            if node.parent_id not in self._nodes:
                raise TaxonomyError(
                    f"taxonomy {self.name}: node {node.id!r} names parent {node.parent_id!r}, "
                    "which is not above it"
                )
            parent_tier = self._nodes[node.parent_id].tier
        if node.tier != parent_tier + 1:
            raise TaxonomyError(
                f"taxonomy {self.name}: node {node.id!r} has tier {node.tier}, "
                f"its parent has {parent_tier}"
            )
        self._nodes[node.id] = node
        self._children.setdefault(node.parent_id, []).append(node.id)

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._nodes

    def __getitem__(self, node_id: str) -> Node:
        try:
            return self._nodes[node_id]
        except KeyError:
            raise TaxonomyError(f"taxonomy {self.name} has no node {node_id!r}") from None

    @property
    def roots(self) -> Sequence[str]:
        """Ids of tier 1, in the source's order."""
        return tuple(self._children[None])

    @property
    def depth(self) -> int:
        """The deepest tier."""
        return max((node.tier for node in self), default=0)

    def children(self, node_id: str) -> Sequence[str]:
        """Ids one tier below, in the source's order."""
        return tuple(self._children.get(node_id, ()))

    def lineage(self, node_id: str) -> tuple[str, ...]:
        """Ids from the root down to the node itself."""
        chain = []
        current: str | None = node_id
        while current is not None:
            chain.append(current)
            current = self[current].parent_id
        return tuple(reversed(chain))

    def ancestors(self, node_id: str) -> tuple[str, ...]:
        """Ids from the root down to the node's parent."""
        return self.lineage(node_id)[:-1]

    def subtree(self, node_id: str) -> Iterator[str]:
        """The node's id and all below it, parents first."""
        waiting = [node_id]  # no recursion: a user's chain may be deeper than Python's stack
        while waiting:
            current = waiting.pop()
            yield current
            waiting.extend(reversed(self._children.get(current, [])))

    def path(self, node_id: str) -> str:
        """Names from the root down: `Sports > Soccer`."""
        return PATH_SEPARATOR.join(self[step].name for step in self.lineage(node_id))

    def texts(self, node_id: str) -> NodeTexts:
        """Keywords, examples and names in other languages; empty where nothing is known."""
        if callable(self._texts):
            self._texts = self._texts()
        return self._texts.get(node_id, NO_TEXTS)

    @property
    def sha256(self) -> str:
        """Fingerprint of ids, parents and names: what a model was trained for."""
        digest = hashlib.sha256()
        for node in self:
            digest.update(f"{node.id}\t{node.parent_id or ''}\t{node.name}\n".encode())
        return digest.hexdigest()
