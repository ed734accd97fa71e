"""What matters to a model on the whole, kept beside its answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taxocrawl.store.migration import now
from taxocrawl.store.opening import connect
from taxocrawl.store.rows import append

WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImportance:
    """One measured importance; `tier` None: over all tiers; `gain` None where there is none."""

    name: str
    kind: str
    importance: float
    deviation: float | None = None
    members: tuple[str, ...] = ()
    tier: int | None = None
    gain: float | None = None
    metric: str = ""
    n_pages: int = 0


def replace_importances(
    path: Path, *, model_id: str, taxonomy: str, importances: Sequence[StoredImportance]
) -> None:
    """Store what was measured for a model and a taxonomy, in place of what was there."""
    with connect(path, read_only=False, wait_s=WAIT_S) as store:
        store.begin()
        store.execute(
            "DELETE FROM importances WHERE model_id = ? AND taxonomy = ?", [model_id, taxonomy]
        )
        append(
            store,
            "importances",
            [
                {
                    "model_id": model_id,
                    "taxonomy": taxonomy,
                    "created_at": now(),
                    **{name: getattr(row, name) for name in StoredImportance.__slots__},
                    "members": list(row.members),
                }
                for row in importances
            ],
        )
        store.commit()
