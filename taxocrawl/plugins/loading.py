"""Finding plugins: built in, installed (entry points), and one-file ones from a folder.

Each implementation is called apart (pluggy stops the whole call at the first that raises and does
not name it), so a plugin that fails is skipped and named.
"""

import importlib.util
import logging
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy

from taxocrawl.errors import PluginError
from taxocrawl.plugins import builtin, hookspecs
from taxocrawl.plugins.registry import KINDS, Component, PluginProblem, Registry
from taxocrawl.settings import Settings

if TYPE_CHECKING:
    import click

logger = logging.getLogger(__name__)

BUILTIN = "builtin"


def load(settings: Settings) -> Registry:
    """Registry of all plugins that work; the others are in its `problems`.

    PluginError where two claim one name and, with `strict_plugins`, where any plugin fails.
    """
    manager, problems = _manager(settings)
    components, failed = _components(manager)
    registry = Registry(
        settings,
        iter(components),
        plugins=tuple(name for name, _ in manager.list_name_plugin()),
        problems=(*problems, *failed),
    )
    for problem in registry.problems:
        if settings.strict_plugins:
            raise PluginError(problem.plugin, problem.message)
        logger.warning("plugin %s skipped: %s", problem.plugin, problem.message)
    return registry


def add_commands(cli: "click.Group", settings: Settings) -> tuple[PluginProblem, ...]:
    """Let every plugin add its commands; returns the plugins that failed to."""
    manager, _ = _manager(settings)
    problems = []
    for impl in manager.hook.register_commands.get_hookimpls():
        try:
            impl.function(cli)
        except Exception as error:  # a plugin's own code
            problems.append(_problem(impl.plugin_name, error))
    return tuple(problems)


def _manager(settings: Settings) -> tuple[pluggy.PluginManager, tuple[PluginProblem, ...]]:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(builtin, name=BUILTIN)
    problems = []
    for name, source in _sources(settings):
        try:
            plugin = source.load() if isinstance(source, EntryPoint) else _module(name, source)
            manager.register(plugin, name=name)
            manager.check_pending()
        except Exception as error:  # importing a plugin runs its code
            if manager.has_plugin(name):
                manager.unregister(name=name)
            problems.append(_problem(name, error))
    return manager, tuple(problems)


def _sources(settings: Settings) -> Iterator[tuple[str, EntryPoint | Path]]:
    for point in sorted(entry_points(group=hookspecs.PROJECT), key=lambda point: point.name):
        yield point.name, point
    if settings.plugins_dir:
        folder = Path(settings.plugins_dir)
        if not folder.is_dir():
            raise PluginError(settings.plugins_dir, "the setting plugins_dir names no folder")
        for path in sorted(folder.glob("*.py")):
            yield f"file:{path.name}", path


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"taxocrawl_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise PluginError(name, "cannot be read as a Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _components(
    manager: pluggy.PluginManager,
) -> tuple[list[Component], list[PluginProblem]]:
    components, problems = [], []
    for kind in KINDS:
        # In the order of registration: built-ins, entry points by name, files by name.
        for impl in getattr(manager.hook, f"register_{kind}").get_hookimpls():
            try:
                supplied = impl.function()
                if not isinstance(supplied, Mapping):
                    raise TypeError(f"register_{kind} returned {supplied!r}, not a mapping")
            except Exception as error:  # a plugin's own code
                problems.append(_problem(impl.plugin_name, error))
                continue
            components += [
                Component(kind=kind, name=name, plugin=impl.plugin_name, factory=factory)
                for name, factory in supplied.items()
            ]
    return components, problems


def _problem(name: str, error: Exception) -> PluginProblem:
    message = str(error).splitlines()[0] if str(error) else "no message"
    return PluginProblem(plugin=name, message=f"{type(error).__name__}: {message}")
