"""Training of the linear head (torch): one pass over glossary, weak texts and labelled pages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.reading import N_FIELDS
from taxocrawl.protocols import Vectors

TokenIds = NDArray[np.int64]

PRIMARY_WEIGHT = 5.0
ALTERNATIVE_WEIGHT = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One training text: token ids of each field, (node, share) targets, weight."""

    fields: tuple[TokenIds, ...]
    targets: tuple[tuple[int, float], ...]
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the head is trained; chosen on one fold of the train pages, with the shipped encoder.

    Tier 1 accepted, English / other: one pass .920 / .776, two .931 / .805, three with the head's
    rate cut to a quarter .932 / .824. Twice the dimensions of the table gain .01 on nodes and cost
    11 MB. Rates fall to 2 % over all passes.
    """

    table_dims: int = 64
    epochs: int = 3
    batch: int = 128
    table_rate: float = 1e-2
    head_rate: float = 8e-4
    root_loss: float = 0.5
    field_dropout: float = 0.15
    dropout: float = 0.1
    page_weight: float = 5.0
    glossary_weight: float = 1.0
    weak_weight: float = 0.3
    translation_weight: float = 1.5
    class_size: int = 20
    """A weak class larger than this weighs as its square root."""


class Head(nn.Module):
    """The trainable twin of `classifiers.linear.LinearHead`."""

    def __init__(self, encoder_table: Vectors, table: Vectors, n_nodes: int, dropout: float):
        super().__init__()
        self.frozen = nn.EmbeddingBag.from_pretrained(
            torch.from_numpy(encoder_table), freeze=True, mode="sum"
        )
        self.table = nn.EmbeddingBag.from_pretrained(
            torch.from_numpy(table), freeze=False, mode="sum", sparse=True
        )
        self.field_weights = nn.Parameter(torch.ones(2, N_FIELDS))
        sizes = (encoder_table.shape[1], table.shape[1])
        self.norms = [nn.LayerNorm(size) for size in sizes]
        self.outs = [_small_linear(size, n_nodes) for size in sizes]
        self.layers = nn.ModuleList([*self.norms, *self.outs])  # so that torch sees them
        self.dropout = dropout

    def forward(
        self, ids: torch.Tensor, offsets: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        """Logits (n_rows, n_nodes)."""
        total = torch.zeros(())
        views = zip((self.frozen, self.table), self.norms, self.outs, strict=True)
        for view, (bag, norm, out) in enumerate(views):
            vectors = functional.normalize(
                bag(ids, offsets).view(len(present), N_FIELDS, -1), dim=2
            )
            weights = self.field_weights[view].clamp(min=0.05)[None, :] * present
            mixed = norm((vectors * weights[:, :, None]).sum(1))
            total = total + out(functional.dropout(mixed, self.dropout, self.training))
        return total

    def go_on_from(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over the weights of a finished head, but for its table."""
        with torch.no_grad():
            for view, name in enumerate(("encoder", "token")):
                nodes = arrays[f"{name}_nodes"].astype(np.float32)
                self.outs[view].weight.copy_(torch.from_numpy(nodes))
                fields = arrays[f"{name}_fields"].astype(np.float32)
                self.field_weights[view].copy_(torch.from_numpy(fields))
            self.outs[0].bias.copy_(torch.from_numpy(arrays["bias"].astype(np.float32)))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What LinearHead reads; the norm's own scale and shift go into matrix and bias."""
        result: dict[str, NDArray[np.generic]] = {}
        bias = torch.zeros(len(self.outs[0].bias))
        for name, view in (("encoder", 0), ("token", 1)):
            norm, out = self.norms[view], self.outs[view]
            weight, shift = out.weight.detach(), out.bias.detach()
            bias = bias + weight @ norm.bias.detach() + shift
            result[f"{name}_nodes"] = (weight * norm.weight.detach()).numpy().astype(np.float16)
            result[f"{name}_fields"] = (
                self.field_weights[view].detach().clamp(min=0.05).numpy().astype(np.float32)
            )
        result["bias"] = bias.numpy()
        result |= quantized(self.table.weight.detach().numpy())
        return result


def _small_linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    """A layer whose first answers are nearly even."""
    layer = nn.Linear(n_inputs, n_outputs)
    nn.init.normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer


def quantized(table: Vectors) -> Mapping[str, NDArray[np.generic]]:
    """The table in int8 with one scale a row: half the bytes, vectors equal to 3 digits."""
    scale = np.abs(table).max(axis=1) / 127
    scale[scale == 0] = 1
    return {
        "table": np.round(table / scale[:, None]).astype(np.int8),
        "table_scale": scale.astype(np.float32),
    }


def first_table(encoder_table: Vectors, n_dims: int) -> Vectors:
    """The encoder's table on its strongest axes, mean row length 1: where training starts."""
    _, axes = np.linalg.eigh((encoder_table.T @ encoder_table).astype(np.float64))
    table = encoder_table @ axes[:, ::-1][:, :n_dims].astype(np.float32)
    table /= np.linalg.norm(table, axis=1).mean()
    return np.ascontiguousarray(table, dtype=np.float32)


def fit(
    rows: Sequence[Row],
    encoder_table: Vectors,
    nodes: NodeArrays,
    *,
    recipe: Recipe,
    seed: int,
    start: Mapping[str, NDArray[np.generic]] | None = None,
) -> dict[str, NDArray[np.generic]]:
    """Arrays of the trained head. One thread, so that the bytes are the same every time.

    `start`: arrays of a head that knows these nodes already; training goes on from there.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    if start is None:
        table = first_table(encoder_table, recipe.table_dims)
        head = Head(encoder_table, table, len(nodes), recipe.dropout)
    else:
        table = start["table"].astype(np.float32) * start["table_scale"].astype(np.float32)[:, None]
        head = Head(encoder_table, table, len(nodes), recipe.dropout)
        head.go_on_from(start)
    roots = torch.from_numpy(nodes.above[:, np.flatnonzero(nodes.parent < 0)])
    sparse = torch.optim.SparseAdam([head.table.weight], lr=recipe.table_rate)
    dense = torch.optim.Adam(
        [p for name, p in head.named_parameters() if p.requires_grad and name != "table.weight"],
        lr=recipe.head_rate,
    )
    n_steps = recipe.epochs * -(-len(rows) // recipe.batch)
    step = 0
    for _ in range(recipe.epochs):
        order = rng.permutation(len(rows))
        for begin in range(0, len(rows), recipe.batch):
            share = max(0.02, 1 - step / n_steps)
            sparse.param_groups[0]["lr"] = recipe.table_rate * share
            dense.param_groups[0]["lr"] = recipe.head_rate * share
            batch = [rows[i] for i in order[begin : begin + recipe.batch]]
            loss = _loss(head, batch, roots, recipe, rng)
            sparse.zero_grad()
            dense.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            sparse.step()  # type: ignore[no-untyped-call]
            dense.step()
            step += 1
    return head.eval().arrays()


def _loss(
    head: Head, batch: Sequence[Row], roots: torch.Tensor, recipe: Recipe, rng: np.random.Generator
) -> torch.Tensor:
    """Cross-entropy over nodes plus, weighted, over roots."""
    present = np.array([[len(ids) > 0 for ids in row.fields] for row in batch], dtype=np.float32)
    if recipe.field_dropout:
        kept = present * (rng.random(present.shape) >= recipe.field_dropout)
        alone = kept.sum(axis=1) == 0
        kept[alone] = present[alone]
        present = kept.astype(np.float32)
    targets = np.zeros((len(batch), roots.shape[0]), dtype=np.float32)
    for i, row in enumerate(batch):
        for node, share in row.targets:
            targets[i, node] += share
    targets /= targets.sum(axis=1, keepdims=True)
    ids = [
        ids if kept else ids[:0]
        for row, flags in zip(batch, present, strict=True)
        for ids, kept in zip(row.fields, flags, strict=True)
    ]
    lengths = np.array([len(i) for i in ids])
    offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    logits = head(
        torch.from_numpy(np.concatenate(ids)),
        torch.from_numpy(offsets),
        torch.from_numpy(present),
    )
    wanted = torch.from_numpy(targets)
    logs = functional.log_softmax(logits, dim=1)
    root_logs = torch.log(logs.exp() @ roots + 1e-9)
    losses = -(wanted * logs).sum(1) - recipe.root_loss * ((wanted @ roots) * root_logs).sum(1)
    weights = torch.tensor([row.weight for row in batch])
    result: torch.Tensor = (losses * weights).sum() / weights.sum()
    return result


def class_weights(
    labels: Sequence[tuple[str, tuple[int, ...]]], class_size: int
) -> NDArray[np.float64]:
    """Weight of each weak row by the size of its (source, nodes) class: sqrt(class_size / n)."""
    sizes = Counter(labels)
    return np.array([min(1.0, (class_size / sizes[label]) ** 0.5) for label in labels])
