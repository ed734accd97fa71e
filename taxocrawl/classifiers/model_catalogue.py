"""Model folders of every kind: what stands there, and whether it is whole.

All a folder needs is `model.json` and `SHA256SUMS`; kinds differ in what else they hold.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from taxocrawl.classifiers.model_folder import MANIFEST, RANKER, load_model, verify
from taxocrawl.errors import ModelError
from taxocrawl.nearest import near_path
from taxocrawl.settings import SHIPPED_MODELS
from taxocrawl.taxonomies import formats
from taxocrawl.taxonomies.user_file import taxonomy_of_model

CARD = "MODEL_CARD.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """One model folder. `name` is what `--model` takes; `problem` is '' where its files are whole.

    `taxonomy` and `languages` are '' and () where its manifest names none.
    """

    name: str
    path: Path
    id: str
    taxonomy: str
    languages: tuple[str, ...]
    n_bytes: int
    problem: str


def models(folders: Sequence[Path] = ()) -> Iterator[ModelInfo]:
    """The packaged models by name, then these folders."""
    for path in sorted(SHIPPED_MODELS.glob(f"*/{MANIFEST}")):
        yield info(path.parent, name=path.parent.name)
    for folder in folders:
        yield info(find(str(folder)))


def find(name: str) -> Path:
    """Folder of a packaged model's name or of a path; ModelError names the known ones."""
    for folder in (SHIPPED_MODELS / name, Path(name)):
        if (folder / MANIFEST).is_file():
            return folder
    known = ", ".join(sorted(path.parent.name for path in SHIPPED_MODELS.glob(f"*/{MANIFEST}")))
    hint = near_path(name) if not Path(name).exists() else f"; {name} holds no {MANIFEST}"
    raise ModelError(f"no model {name!r}; packaged: {known}{hint}")


def info(folder: Path, *, name: str = "") -> ModelInfo:
    """What a folder holds, its checksums tried; a damaged one is told, not raised."""
    problem, table = "", {}
    try:
        table = _manifest(folder)
        verify(folder)
    except ModelError as error:
        problem = str(error)
    languages = table.get("languages")
    return ModelInfo(
        name=name or str(folder),
        path=folder,
        id=str(table.get("id", "")),
        taxonomy=str(table.get("taxonomy", "")),
        languages=tuple(map(str, languages)) if isinstance(languages, list) else (),
        n_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        problem=problem,
    )


def check(folder: Path) -> int:
    """The number of files, all as their checksums say; ModelError else, or if it does not load."""
    files = verify(folder)
    _manifest(folder)
    if (folder / RANKER).is_file():
        load_model(folder, formats.load(taxonomy_of_model(folder)))
    return len(files)


def card(folder: Path) -> str:
    """The model's card; ModelError where it has none."""
    path = folder / CARD
    if not path.is_file():
        raise ModelError(f"{folder} has no {CARD}")
    return path.read_text("utf-8", errors="replace")


def _manifest(folder: Path) -> dict[str, object]:
    path = folder / MANIFEST
    try:
        table = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(table, dict):
        raise ModelError(f"{path} holds no object")
    return table
