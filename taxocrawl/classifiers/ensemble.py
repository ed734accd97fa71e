"""Several classifiers as one: their distributions averaged, or projected where labels differ.

The plugin's settings name the members:

    [plugins.builtin.ensemble]
    members = ["ranker", "linear", "bakers"]

Members that answer in a taxonomy vote there with their own distributions. The others vote together
through their own labels: a page is like the node whose texts they label as they label the page.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.answering import make_plan
from taxocrawl.classifiers.linear import softmax
from taxocrawl.classifiers.node_arrays import NO_PARENT, NodeArrays
from taxocrawl.classifiers.prototypes import node_texts
from taxocrawl.classifiers.tiers import Answer, Tiers, predictions, ranking
from taxocrawl.errors import SettingsError, TaxonomyError
from taxocrawl.protocols import Classifier, Resources, Vectors, ZeroShot
from taxocrawl.records import Document, Fields, PageText, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

NAME = "ensemble"
# Both are trained on the same pages. An untrained member costs the trained ones more than it gives.
MEMBERS = ("ranker", "linear")
TIERS = Tiers(thresholds=(0.5,))

# A label that no classifier gives a node is unlikely, not impossible: KL divergence stays finite.
FLOOR = 1e-6
# Labels of another taxonomy do not tell deeper nodes apart, and their texts cost most.
PROJECTED_TIERS = 2
TEXTS_OF_A_NODE = 8
BATCH = 64
# Pages that a KL divergence counts as: share of a node = exp(-SHARPNESS * KL), over its siblings.
SHARPNESS = 1.0


class Ensemble:
    """Classifier and Scorer of the taxonomies that were asked for."""

    def __init__(
        self,
        members: Sequence[Classifier],
        taxonomies: Sequence[Taxonomy],
        sources: Mapping[str, Taxonomy],
        *,
        min_confidence: float | None = None,
    ) -> None:
        """`sources` holds every taxonomy that a member answers in, by name."""
        self.taxonomies = tuple(taxonomy.name for taxonomy in taxonomies)
        self.model_id = f"{NAME}-" + "+".join(member.model_id for member in members)
        self._members = tuple(members)
        self._trees = {taxonomy.name: taxonomy for taxonomy in taxonomies}
        self._labels = {n: NodeArrays(t) for n, t in {**sources, **self._trees}.items()}
        self._projections: dict[str, _Projection] = {}
        self._min_confidence = min_confidence

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """Ranked nodes of every taxonomy, one taxonomy after the other."""
        votes = self._votes(documents)
        found: list[tuple[Prediction, ...]] = [() for _ in documents]
        for name in self.taxonomies:
            nodes = self._labels[name]
            shares, spoken = self._shares(votes, name, len(documents))
            confidences = TIERS.confidences(shares, nodes)
            sensitive = frozenset(
                i for i, node in enumerate(self._trees[name]) if "sensitive" in node.flags
            )
            for row in range(len(documents)):
                answer = predictions(
                    Answer(
                        ranked=ranking(shares[row], shares[row], nodes),
                        confidences=confidences[row],
                    ),
                    TIERS,
                    nodes,
                    taxonomy=name,
                    classifier=NAME,
                    model_id=self.model_id,
                    min_confidence=self._min_confidence,
                    sensitive=sensitive,
                )
                # Where every member refuses to name a node, their mean does not.
                found[row] += (
                    answer if spoken[row] else tuple(replace(p, asserted=False) for p in answer)
                )
        return found

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """Share of the node's subtree for each document."""
        if taxonomy not in self._trees:
            raise TaxonomyError(f"{NAME} was not made for taxonomy {taxonomy!r}")
        tree = self._trees[taxonomy]
        shares, _ = self._shares(self._votes(documents), taxonomy, len(documents))
        confidences = TIERS.confidences(shares, self._labels[taxonomy])
        return confidences[:, tree.index[tree[node_id].id]].astype(np.float64)

    def _votes(self, documents: Sequence[Document], but_not: str | None = None) -> list["_Vote"]:
        """One a member and taxonomy; none of members that answer in `but_not`."""
        found = []
        for number, member in enumerate(self._members):
            if but_not in member.taxonomies:
                continue
            answers = member.classify(documents)
            for name in member.taxonomies:
                own = [tuple(p for p in answer if p.taxonomy == name) for answer in answers]
                found.append(
                    _Vote(
                        member=number,
                        taxonomy=name,
                        shares=np.stack([distribution(a, self._labels[name]) for a in own])
                        if own
                        else np.zeros((0, len(self._labels[name])), dtype=np.float32),
                        asserted=np.array([any(p.asserted for p in a) for a in own], dtype=bool),
                    )
                )
        return found

    def _shares(
        self, votes: Sequence["_Vote"], name: str, n_documents: int
    ) -> tuple[Vectors, NDArray[np.bool_]]:
        """Mean over the voices that say something, and whether any asserts a node."""
        voices = [vote for vote in votes if vote.taxonomy == name]
        natives = {vote.member for vote in voices}
        foreign = [vote for vote in votes if vote.member not in natives]
        if foreign:
            voices.append(self._projection(name).vote(foreign, name))
        shares = np.zeros((n_documents, len(self._labels[name])), dtype=np.float32)
        heard = np.zeros(n_documents, dtype=np.float32)
        spoken = np.zeros(n_documents, dtype=bool)
        for voice in voices:
            shares += voice.shares
            heard += voice.shares.any(axis=1)
            spoken |= voice.asserted
        shares /= np.maximum(heard, 1)[:, None]
        return shares, spoken

    def _projection(self, name: str) -> "_Projection":
        """Made when first needed: the members read the texts of the taxonomy once."""
        if name not in self._projections:
            documents, owner = _documents(self._trees[name])
            labels = [
                _joined(self._votes(documents[i : i + BATCH], but_not=name))
                for i in range(0, len(documents), BATCH)
            ]
            self._projections[name] = _Projection(self._labels[name], np.vstack(labels), owner)
        return self._projections[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vote:
    """One member in one taxonomy: shares (n_documents, n_nodes), and whether it asserts a node."""

    member: int
    taxonomy: str
    shares: Vectors
    asserted: NDArray[np.bool_]


class _Projection:
    """The nodes of one taxonomy as distributions over the labels of others."""

    def __init__(self, nodes: NodeArrays, labels: Vectors, owner: NDArray[np.int64]) -> None:
        """`labels` (n_texts, n_labels) of the texts, `owner` (n_texts,) their nodes."""
        self._nodes = nodes
        kept = np.unique(owner)
        of_node = np.zeros((len(nodes), labels.shape[1]), dtype=np.float32)
        for node in kept:
            of_node[node] = labels[owner == node].mean(axis=0)
        below = nodes.subtree_sums(of_node.T).T
        self._own, self._below = _floored(of_node), _floored(below)
        self._kept = kept

    def vote(self, foreign: Sequence[_Vote], taxonomy: str) -> _Vote:
        """From the root down: each node's share is divided among its children and itself."""
        labels = _joined(foreign)
        silent = ~labels[:, :-1].any(axis=1)
        page = _floored(labels)
        shares = np.zeros((len(page), len(self._nodes)), dtype=np.float32)
        given = np.zeros_like(shares)
        kept = self._kept
        roots = kept[self._nodes.parent[kept] == NO_PARENT]
        given[:, roots] = _likeness(page, self._below[roots])
        for node in kept:
            children = kept[self._nodes.parent[kept] == node]
            parts = _likeness(page, np.vstack([self._own[node][None], self._below[children]]))
            shares[:, node] = given[:, node] * parts[:, 0]
            given[:, children] = given[:, [node]] * parts[:, 1:]
        shares[silent] = 0
        asserted = np.any([vote.asserted for vote in foreign], axis=0)
        return _Vote(member=-1, taxonomy=taxonomy, shares=shares, asserted=asserted)


def divergence(page: Vectors, nodes: Vectors) -> Vectors:
    """KL(p || q) of every page to every node, (n_pages, n_nodes); rows of both sum to one, no 0."""
    entropy = (page * np.log(page)).sum(axis=1, keepdims=True)
    result: Vectors = entropy - page @ np.log(nodes).T
    return result


def distribution(answer: Sequence[Prediction], nodes: NodeArrays) -> Vectors:
    """Share of each single node in one member's answer, (n_nodes,), at most 1 in sum.

    A prediction's confidence is that of its whole subtree: it is divided among the nodes below that
    were also predicted, by their confidences, and, for a ranked node, what they leave to itself.
    """
    position = {node_id: i for i, node_id in enumerate(nodes.ids)} if answer else {}
    confidence = np.zeros(len(nodes), dtype=np.float32)
    ranked = np.zeros(len(nodes), dtype=bool)
    for prediction in answer:
        node = position[prediction.node_id]
        confidence[node] = prediction.confidence
        ranked[node] = prediction.rank is not None
    given = np.where(nodes.parent == NO_PARENT, confidence, 0)
    given /= max(1.0, float(given.sum()))
    shares = np.zeros_like(confidence)
    for node in np.flatnonzero(confidence).tolist():  # parents come first
        children = np.flatnonzero((nodes.parent == node) & (confidence > 0))
        below = float(confidence[children].sum())
        own = max(0.0, float(confidence[node]) - below) if ranked[node] else 0.0
        if below + own > 0:
            given[children] = given[node] * confidence[children] / (below + own)
            shares[node] = given[node] * own / (below + own)
        else:
            shares[node] = given[node]
    return shares


def _likeness(page: Vectors, nodes: Vectors) -> Vectors:
    """exp(-SHARPNESS * KL), scaled to sum to one over the nodes."""
    return softmax(-SHARPNESS * divergence(page, nodes))


def _floored(labels: Vectors) -> Vectors:
    """The rows as distributions without a zero."""
    sums = labels.sum(axis=1, keepdims=True)
    raised = np.maximum(labels / np.maximum(sums, FLOOR), FLOOR)
    result: Vectors = raised / raised.sum(axis=1, keepdims=True)
    return result


def _joined(votes: Sequence[_Vote]) -> Vectors:
    """Mean over the members of each taxonomy, the labels of all taxonomies side by side.

    The last column is the share without a label. A node of whose texts one in twenty has a label
    would otherwise pass for a node that is about nothing else.
    """
    by_taxonomy: dict[str, list[Vectors]] = {}
    for vote in votes:
        by_taxonomy.setdefault(vote.taxonomy, []).append(vote.shares)
    labels = np.hstack([np.mean(shares, axis=0) for shares in by_taxonomy.values()])
    labels /= len(by_taxonomy)
    none = np.maximum(0, 1 - labels.sum(axis=1, keepdims=True))
    return np.hstack([labels, none]).astype(np.float32)


def _documents(taxonomy: Taxonomy) -> tuple[list[Document], NDArray[np.int64]]:
    """Texts of the upper nodes, and the node of each; a name is a title, all else is body."""
    documents: list[Document] = []
    owner: list[int] = []
    counts: Counter[int] = Counter()
    tiers = [node.tier for node in taxonomy]
    for found in node_texts(taxonomy):
        if tiers[found.node] > PROJECTED_TIERS or counts[found.node] >= TEXTS_OF_A_NODE:
            continue
        is_name = found.kind == "name"
        fields = Fields(title=found.text) if is_name else Fields(body=found.text)
        name = f"{taxonomy.name}-{len(documents)}"
        page = PageText(url="", fields=fields)
        documents.append(Document(id=name, domain=name, pages=(page,)))
        owner.append(found.node)
        counts[found.node] += 1
    return documents, np.array(owner, dtype=np.int64)


def create(resources: Resources) -> Ensemble:
    """The ensemble of the members that `[plugins.builtin.ensemble]` names."""
    members = [resources.classifier(name) for name in member_names(resources.options)]
    wanted = [resources.taxonomy(name).name for name in resources.settings.taxonomies]
    trained = [member for member in members if not isinstance(member, ZeroShot)] or members
    known = {name for member in trained for name in member.taxonomies}
    plan = make_plan(wanted, known)
    # Other versions of a known taxonomy are better answered in by crosswalk than by projection.
    targets = dict.fromkeys((*plan.sources, *(n for n in wanted if n not in plan.by_crosswalk)))
    return Ensemble(
        members,
        [resources.taxonomy(name) for name in targets],
        {name: resources.taxonomy(name) for member in members for name in member.taxonomies},
        min_confidence=resources.settings.min_confidence,
    )


def member_names(options: Mapping[str, object]) -> tuple[str, ...]:
    """The members in the plugin's table; SettingsError where that is no list of other names."""
    table = options.get(NAME, {})
    if not isinstance(table, Mapping):
        raise SettingsError(f"[plugins.builtin] {NAME} is {table!r}, must be a table")
    found = table.get("members", MEMBERS)
    where = f"[plugins.builtin.{NAME}] members"
    if not isinstance(found, list | tuple) or not found:
        raise SettingsError(f"{where} is {found!r}, must be a list of classifiers")
    names = tuple(dict.fromkeys(map(str, found)))
    if NAME in names:
        raise SettingsError(f"{where} holds {NAME!r} itself")
    return names
