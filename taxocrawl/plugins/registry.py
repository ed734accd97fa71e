"""All components by name: who supplies each, made once a process when first asked for."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from taxocrawl.errors import ModelError, PluginError, TaxocrawlError, TaxonomyError
from taxocrawl.nearest import near_path
from taxocrawl.plugins.guard import describe, guard
from taxocrawl.plugins.results import CheckedExtractor
from taxocrawl.protocols import Classifier, Encoder, Explainer, Extractor
from taxocrawl.settings import SHIPPED_MODELS, Settings
from taxocrawl.taxonomies import formats
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.taxonomies.user_file import read_csv

if TYPE_CHECKING:
    from taxocrawl.classifiers.aspects import SiteAspects

ComponentKind = Literal["taxonomies", "extractors", "encoders", "classifiers", "explainers"]
KINDS: tuple[ComponentKind, ...] = (
    "taxonomies",
    "extractors",
    "encoders",
    "classifiers",
    "explainers",
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One thing a plugin supplies."""

    kind: ComponentKind
    name: str
    plugin: str
    factory: Callable[[Any], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One plugin that was found, blocked ones included.

    `version` is that of its package; of a file its `__version__`, or else a hash of its content.
    `source` is the package or file.
    """

    name: str
    version: str = ""
    source: str = ""
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginProblem:
    """A plugin that was skipped, in whole or in part, and why."""

    plugin: str
    message: str


class Registry:
    """Components of all plugins. PluginError if two plugins claim one name.

    `plugins` are all that were found, in the order in which they were loaded.
    """

    def __init__(
        self,
        settings: Settings,
        components: Iterator[Component],
        *,
        plugins: tuple[Plugin, ...] = (),
        problems: tuple[PluginProblem, ...] = (),
    ) -> None:
        self.settings = settings
        self.plugins = plugins
        self.problems = problems
        self._components: dict[tuple[ComponentKind, str], Component] = {}
        self._made: dict[tuple[ComponentKind, str], object] = {}
        self._aspects: SiteAspects | None = None
        for component in components:
            self._add(component)
        # Answers name the taxonomy of a file by its stem, so that has to be known from the start.
        for name in settings.taxonomies:
            if Path(name).is_file():
                self._taxonomy_name(name)

    def _add(self, component: Component) -> None:
        key = (component.kind, component.name)
        if other := self._components.get(key):
            raise PluginError(
                component.plugin,
                f"supplies {component.name!r} among the {component.kind}, as plugin "
                f"{other.plugin} does; leave one of them out by the setting block_plugins",
            )
        self._components[key] = component

    def components(self, kind: ComponentKind) -> tuple[Component, ...]:
        """All of one kind, in the order in which they were registered."""
        return tuple(c for (of, _), c in self._components.items() if of == kind)

    def plugin_of(self, kind: ComponentKind, name: str) -> str:
        """The plugin that supplies a component; '' if none does."""
        component = self._components.get((kind, name))
        return component.plugin if component else ""

    def taxonomy(self, name: str) -> Taxonomy:
        """Taxonomy of that name or alias, or of a user's own file, which is named after it."""
        return cast(Taxonomy, self._get("taxonomies", self._taxonomy_name(name), TaxonomyError))

    def taxonomy_address(self, name: str) -> str:
        """What finds the taxonomy from any working folder: its name, or its file's full path."""
        plugin = self.plugin_of("taxonomies", self._taxonomy_name(name))
        return plugin if Path(plugin).is_absolute() else self._taxonomy_name(name)

    def _taxonomy_name(self, name: str) -> str:
        if ("taxonomies", name) in self._components:
            return name
        if formats.is_file_name(name):
            return self._add_file(Path(name).absolute())
        try:
            return formats.canonical_name(name)
        except TaxonomyError:
            # An unknown name is refused where all known ones are at hand.
            return self._add_file(Path(name).absolute()) if Path(name).is_file() else name

    def _add_file(self, path: Path) -> str:
        """Name of the taxonomy in a user's file, which takes part as if a plugin supplied it."""
        if not path.is_file():
            raise TaxonomyError(f"there is no file {path}{near_path(path)}")
        key: tuple[ComponentKind, str] = ("taxonomies", path.stem)
        other = self._components.get(key)
        if other is None:
            self._components[key] = Component(
                kind="taxonomies",
                name=path.stem,
                plugin=str(path),
                factory=lambda resources: read_csv(path),
            )
        elif other.plugin != str(path) and not _same_bytes(Path(other.plugin), path):
            raise TaxonomyError(
                f"{path}: there is a taxonomy {path.stem!r} already, of {other.plugin}; "
                "rename the file"
            )
        return path.stem

    def extractor(self, name: str) -> Extractor:
        """Rung of the extraction ladder, checked."""
        rung = cast(Extractor, self._get("extractors", name, TaxocrawlError))
        return CheckedExtractor(rung, name=name, plugin=self.plugin_of("extractors", name))

    def encoder(self, name: str = "") -> Encoder:
        """Encoder of that name; any other name is a sentence-transformers model or folder."""
        name = name or self.settings.encoder
        if ("encoders", name) in self._components:
            return cast(Encoder, self._get("encoders", name, ModelError))
        from taxocrawl.classifiers.encoders import sentence_transformers

        return self._once(("encoders", name), lambda: sentence_transformers.load(name))

    def classifier(self, name: str) -> Classifier:
        """Classifier of that name."""
        return cast(Classifier, self._get("classifiers", name, TaxocrawlError))

    def explainer(self, name: str) -> Explainer:
        """Explainer of that name."""
        return cast(Explainer, self._get("explainers", name, TaxocrawlError))

    def aspects(self) -> "SiteAspects":
        """What reads form, risks and tags, by the settings."""
        if self._aspects is None:
            from taxocrawl.classifiers import aspects  # imports xgboost

            self._aspects = aspects.create(self.resources("taxocrawl"))
        return self._aspects

    def model_folder(self, name: str = "") -> Path:
        """Folder of a shipped model or of the user's; ModelError if there is none."""
        name = name or self.settings.model
        for folder in (SHIPPED_MODELS / name, Path(name)):
            if (folder / "model.json").is_file():
                return folder
        known = sorted(folder.parent.name for folder in SHIPPED_MODELS.glob("*/model.json"))
        raise ModelError(f"no model {name!r}: give a model folder, or one of {', '.join(known)}")

    def _get(self, kind: ComponentKind, name: str, error: type[TaxocrawlError]) -> object:
        component = self._components.get((kind, name))
        if component is None:
            known = sorted(c.name for c in self.components(kind))
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise error(f"no {name!r} among the {kind}; {hint}known: {', '.join(known)}")
        return self._once((kind, name), lambda: self._make(component))

    def _once(self, key: tuple[ComponentKind, str], make: Callable[[], T]) -> T:
        if key not in self._made:
            self._made[key] = make()
        return cast(T, self._made[key])

    def _make(self, component: Component) -> object:
        try:
            with guard():
                return component.factory(self.resources(component.plugin))
        except TaxocrawlError:
            raise
        except Exception as error:  # a plugin's own code: whatever it raises is its fault
            raise PluginError(component.plugin, f"{component.name}: {describe(error)}") from error

    def resources(self, plugin: str) -> "PluginResources":
        """What the factories of that plugin get."""
        return PluginResources(self, plugin)


def _same_bytes(one: Path, other: Path) -> bool:
    """Whether both are files of the same content: a taxonomy, and its copy in a model's folder."""
    return one.is_file() and one.read_bytes() == other.read_bytes()


class PluginResources:
    """`Resources` for the factories of one plugin."""

    def __init__(self, registry: Registry, plugin: str) -> None:
        self._registry = registry
        self._plugin = plugin

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self._registry.settings.seed

    @property
    def settings(self) -> Settings:
        """The run's settings."""
        return self._registry.settings

    @property
    def options(self) -> Mapping[str, object]:
        """The plugin's own table in `taxocrawl.toml`."""
        return MappingProxyType(dict(self._registry.settings.plugins.get(self._plugin, {})))

    def taxonomy(self, name: str) -> Taxonomy:
        """See `Registry.taxonomy`."""
        return self._registry.taxonomy(name)

    def encoder(self, name: str = "") -> Encoder:
        """See `Registry.encoder`."""
        return self._registry.encoder(name)

    def classifier(self, name: str) -> Classifier:
        """See `Registry.classifier`."""
        return self._registry.classifier(name)

    def model_folder(self, name: str = "") -> Path:
        """See `Registry.model_folder`."""
        return self._registry.model_folder(name)
