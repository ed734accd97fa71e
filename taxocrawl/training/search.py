"""Random search over how to train (Bergstra, Bengio 2012), kept only where cross-validation gains.

The best of many tries is lucky as well as good, so a plan has to win by more than the standard
error of the difference, text by text.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from taxocrawl.training.fit import Plan
from taxocrawl.training.own_fit import Measured

Bools = NDArray[np.bool_]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How much better one model is than another on the same texts: mean and standard error."""

    gain: float
    error: float

    @property
    def kept(self) -> bool:
        """Whether the gain is more than luck might give."""
        return self.gain > max(self.error, 0.0)

    def __str__(self) -> str:
        return f"{self.gain:+.3f} ± {self.error:.3f}"


def compare(new: Measured, old: Measured) -> Comparison:
    """By the share of texts with an accepted node."""
    difference = new.hits["node_accepted"].astype(float) - old.hits["node_accepted"]
    return Comparison(
        gain=float(difference.mean()), error=float(difference.std() / np.sqrt(len(difference)))
    )


def search(
    first: Measured,
    measure: Callable[[Plan], Measured],
    *,
    tries: int,
    cpu_seconds: float,
    seed: int,
    progress: Progress,
) -> tuple[Measured, str]:
    """The best of `tries` random plans if it beats the `first`, else that; and what to say of it.

    Stops when the CPU time is used up, measured after each try.
    """
    rng = np.random.default_rng(seed)
    end = time.process_time() + cpu_seconds
    best, done = first, 0
    for number in range(tries):
        if time.process_time() >= end:
            break
        plan = proposed(first.trainer.plan, rng)
        found = measure(plan)
        done += 1
        progress(f"search {number + 1} of {tries}: {found.worth[0]:.3f} by {_said(plan)}")
        if found.worth > best.worth:
            best = found
    gain = compare(best, first)
    tried = f"random search, {done} of {tries} tries"
    if best is first or not gain.kept:
        return first, f"{tried}: best gain {gain}, not kept"
    return best, f"{tried}: gain {gain}, kept: {_said(best.trainer.plan)}"


def proposed(plan: Plan, rng: np.random.Generator) -> Plan:
    """The plan with other hyper-parameters."""

    def around(value: float, factor: float) -> float:
        return float(value * np.exp(rng.uniform(-np.log(factor), np.log(factor))))

    linear = replace(
        plan.linear,
        epochs=max(1, round(around(plan.linear.epochs, 2.5))),
        table_rate=around(plan.linear.table_rate, 4),
        head_rate=around(plan.linear.head_rate, 4),
        field_dropout=float(rng.uniform(0, 0.3)),
        dropout=float(rng.uniform(0, 0.3)),
        page_weight=around(plan.linear.page_weight, 4),
    )
    return replace(
        plan,
        linear=linear,
        trees=round(around(plan.trees, 2)),
        depth=int(rng.integers(3, 6)),
        rate=around(plan.rate, 2),
    )


def _said(plan: Plan) -> str:
    linear = plan.linear
    shown: Mapping[str, float] = {
        "epochs": linear.epochs,
        "table rate": linear.table_rate,
        "head rate": linear.head_rate,
        "dropout": linear.dropout,
        "trees": plan.trees,
        "depth": plan.depth,
    }
    return ", ".join(f"{name} {value:.2g}" for name, value in shown.items())
