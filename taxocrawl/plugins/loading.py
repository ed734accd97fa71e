"""Finding plugins: built in, installed (entry points), and one-file ones from a folder.

Each implementation is called apart (pluggy stops the whole call at the first that raises and does
not name it), so a plugin that fails is skipped and named. The order is fixed: built-ins, installed
plugins by name, files by name.
"""

import difflib
import hashlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from taxocrawl import __version__
from taxocrawl.errors import PluginError
from taxocrawl.plugins import builtin, hookspecs
from taxocrawl.plugins.guard import describe, guard
from taxocrawl.plugins.registry import KINDS, Component, Plugin, PluginProblem, Registry
from taxocrawl.settings import Settings

if TYPE_CHECKING:
    import click

logger = logging.getLogger(__name__)

BUILTIN = "builtin"


def load(settings: Settings) -> Registry:
    """Registry of all plugins that work; the others are in its `problems`.

    PluginError where two claim one name and, with `strict_plugins`, where any plugin fails.
    """
    registry = _registry(_Loaded.of(_sources(settings), settings), settings)
    for problem in registry.problems:
        if settings.strict_plugins:
            raise PluginError(problem.plugin, problem.message)
        logger.warning("plugin %s skipped: %s", problem.plugin, problem.message)
    return registry


def load_builtins(settings: Settings, also: Iterable[Component] = ()) -> Registry:
    """Registry of what taxocrawl itself supplies, whatever is installed, and of these."""
    return _registry(_Loaded.of((), settings), settings, also)


def found(settings: Settings) -> tuple[Plugin, ...]:
    """All plugins beside the built-in one, in their order; none of their code is run for this."""
    return tuple(
        replace(source.plugin, blocked=source.plugin.name in settings.block_plugins)
        for source in _sources(settings)
    )


def add_commands(
    cli: "click.Group", settings: Settings, *, own: Iterable[str] = ()
) -> tuple[PluginProblem, ...]:
    """Let every plugin add its commands; returns the plugins that failed to.

    `own` are names of commands that the group has without holding them yet.
    """
    loaded = _Loaded.of(_sources(settings), settings)
    problems = []
    taken = {*own, *cli.commands}
    for impl in loaded.implementations("register_commands"):
        before = dict(cli.commands)
        try:
            with _apart():
                impl.function(cli)
        except Exception as error:  # a plugin's own code
            problems.append(PluginProblem(plugin=impl.plugin_name, message=describe(error)))
        added = {name for name, command in cli.commands.items() if before.get(name) is not command}
        for name in sorted(added & taken):
            # A built-in wins over a plugin, and the plugin that came first over a later one.
            cli.commands.pop(name)
            if name in before:
                cli.commands[name] = before[name]
            message = f"there is a command {name!r} already"
            problems.append(PluginProblem(plugin=impl.plugin_name, message=message))
        taken |= added
    return tuple(problems)


def command_problems(settings: Settings) -> tuple[PluginProblem, ...]:
    """What `add_commands` would find wrong, tried on a group of no program."""
    import click

    return add_commands(click.Group(), settings)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a plugin comes from, before any of its code has run."""

    plugin: Plugin
    load: Callable[[], object]


class _Loaded:
    """The plugins, imported and registered one by one."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.manager.register(builtin, name=BUILTIN)
        self.plugins = [Plugin(name=BUILTIN, version=__version__, source="taxocrawl")]
        self.problems: list[PluginProblem] = []

    @classmethod
    def of(cls, sources: Iterable[_Source], settings: Settings) -> "_Loaded":
        """With these sources, blocked ones only named."""
        loaded = cls()
        for source in sources:
            if source.plugin.name in settings.block_plugins:
                loaded.plugins.append(replace(source.plugin, blocked=True))
            else:
                loaded.add(source)
        loaded.check_blocked(settings.block_plugins)
        return loaded

    def add(self, source: _Source) -> None:
        """Import and register it, or remember why that failed."""
        plugin = source.plugin
        if other := next((p for p in self.plugins if p.name == plugin.name), None):
            raise PluginError(
                plugin.name,
                f"{plugin.source} and {other.source} both supply a plugin of this name; "
                "uninstall or rename one of them",
            )
        try:
            with _apart():
                module = source.load()
                _check_api(module)
                self.manager.register(module, name=plugin.name)
                self.manager.check_pending()
            plugin = replace(plugin, version=plugin.version or str(_version(module)))
        except Exception as error:  # importing a plugin runs its code
            if self.manager.has_plugin(plugin.name):
                self.manager.unregister(name=plugin.name)
            self.problems.append(PluginProblem(plugin=plugin.name, message=describe(error)))
        self.plugins.append(plugin)

    def check_blocked(self, blocked: Iterable[str]) -> None:
        """Say aloud which blocked names are no plugin's."""
        names = [plugin.name for plugin in self.plugins]
        for name in blocked:
            if name == BUILTIN or name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"; did you mean {near[0]!r}?" if near and name != BUILTIN else ""
                logger.warning("block_plugins: %r is no plugin that can be blocked%s", name, hint)

    def implementations(self, hook: str) -> list[pluggy.HookImpl]:
        """Of one hook, in the order of the plugins."""
        found = {
            impl.plugin_name: impl for impl in getattr(self.manager.hook, hook).get_hookimpls()
        }
        return [found[plugin.name] for plugin in self.plugins if plugin.name in found]


def _registry(loaded: _Loaded, settings: Settings, also: Iterable[Component] = ()) -> Registry:
    components, failed = _components(loaded)
    return Registry(
        settings,
        iter([*components, *also]),
        plugins=tuple(loaded.plugins),
        problems=(*loaded.problems, *failed),
    )


def _sources(settings: Settings) -> Iterator[_Source]:
    for point in sorted(entry_points(group=hookspecs.PROJECT), key=lambda point: point.name):
        yield _installed(point)
    if settings.plugins_dir:
        folder = Path(settings.plugins_dir)
        if not folder.is_dir():
            raise PluginError(settings.plugins_dir, "the setting plugins_dir names no folder")
        for path in sorted(folder.glob("*.py")):
            yield _file(path)


def _installed(point: EntryPoint) -> _Source:
    package, version = (point.dist.name, point.dist.version) if point.dist else (point.value, "")
    plugin = Plugin(name=point.name, version=version, source=package)
    return _Source(plugin, point.load)


def _file(path: Path) -> _Source:
    name = f"file:{path.name}"

    def load() -> object:
        spec = importlib.util.spec_from_file_location(f"taxocrawl_plugin_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise PluginError(name, "cannot be read as a Python module")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return _Source(Plugin(name=name, source=str(path)), load)


def _version(module: object) -> str:
    """Of a one-file plugin: what it says, or else what tells one state of the file from another."""
    declared = getattr(module, "__version__", "")
    file = getattr(module, "__file__", None)
    if declared or not file:
        return str(declared)
    return f"sha256:{hashlib.sha256(Path(file).read_bytes()).hexdigest()[:12]}"


def _check_api(module: object) -> None:
    declared = getattr(module, "TAXOCRAWL_API", hookspecs.API)
    versions = declared if isinstance(declared, tuple | list | range) else (declared,)
    if hookspecs.API not in versions:
        shown = " or ".join(map(str, versions))
        raise ValueError(
            f"written for plugin interface {shown}, and taxocrawl {__version__} has "
            f"{hookspecs.API}; install a version of the plugin that was made for it"
        )


@contextmanager
def _apart() -> Iterator[None]:
    """Around a plugin's code in this process: blamed for what it raises, its prints sent where talk
    goes, the working folder given back (P02, P09).
    """
    folder = Path.cwd()
    try:
        with guard(), redirect_stdout(sys.stderr):
            yield
    finally:
        os.chdir(folder)


def _components(loaded: _Loaded) -> tuple[list[Component], list[PluginProblem]]:
    components, problems = [], []
    for kind in KINDS:
        hook = f"register_{kind}"
        for impl in loaded.implementations(hook):
            try:
                with _apart():
                    supplied = _factories(impl.function(), hook)
            except Exception as error:  # a plugin's own code
                problems.append(PluginProblem(plugin=impl.plugin_name, message=describe(error)))
                continue
            components += [
                Component(kind=kind, name=name, plugin=impl.plugin_name, factory=factory)
                for name, factory in supplied.items()
            ]
    return components, problems


def _factories(supplied: object, hook: str) -> Mapping[str, Callable[[object], object]]:
    if not isinstance(supplied, Mapping):
        raise TypeError(f"{hook} returned {supplied!r}, not a mapping")
    for name, factory in supplied.items():
        if not (isinstance(name, str) and name and callable(factory)):
            raise TypeError(f"{hook} returned {name!r}: {factory!r}, not a name and its factory")
    return dict(supplied)
