"""What plugins supply put to the rules of `taxocrawl.testing`, in a process that may die.

A plugin is imported in no other process than that: one that ends the program, hangs or crashes
costs its own verdict.
"""

import difflib
import logging
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from taxocrawl import testing
from taxocrawl.errors import InputError, PluginError
from taxocrawl.plugins import loading
from taxocrawl.plugins.guard import describe, guard
from taxocrawl.plugins.registry import KINDS, Component, Registry
from taxocrawl.settings import Settings

DEADLINE_S = 120.0
"""For one component: LIME takes 14 s for its texts on two busy cores."""

_END = "end"

_CHECKS: Mapping[str, Callable[..., testing.Cost]] = {
    "taxonomies": testing.check_taxonomy,
    "extractors": testing.check_extractor,
    "encoders": testing.check_encoder,
    "classifiers": testing.check_classifier,
    "explainers": testing.check_explainer,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """What the process is about to do: check a component, or, with kind '', import the plugin."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """On one component, or, where `kind` is '', on a whole plugin that cannot be loaded.

    `problem` is '' where it keeps all rules; `milliseconds` of one document, text, page or node.
    """

    plugin: str
    kind: str = ""
    name: str = ""
    problem: str = ""
    milliseconds: float | None = None


def check(
    settings: Settings, plugin: str = "", *, deadline_s: float = DEADLINE_S
) -> Iterator[Verdict]:
    """A verdict on each component of one plugin, or of all but the built-in one.

    InputError if there is no such plugin.
    """
    names = [found.name for found in loading.found(settings) if not found.blocked]
    if plugin and plugin not in (*names, loading.BUILTIN):
        near = difflib.get_close_matches(plugin, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ";"
        known = ", ".join((*names, loading.BUILTIN))
        raise InputError(f"no plugin {plugin!r}{hint} known: {known}")
    for name in [plugin] if plugin else names:
        yield from _check(settings, name, deadline_s)


def _check(settings: Settings, plugin: str, deadline_s: float) -> Iterator[Verdict]:
    """Starts a new process after each that died, for the components that are left."""
    done, together = 0, True
    while True:
        child = _Child(settings, plugin, done, together)
        at_work: _Started | None = _Started(kind="", name="")
        for message in child.messages(deadline_s):
            if isinstance(message, Verdict):
                yield message
                done += bool(message.kind)
            at_work = message if isinstance(message, _Started) else None
        if not child.failure:
            return
        if at_work is None and together:  # another plugin's doing: go on without the others
            together = False
            continue
        yield Verdict(
            plugin=plugin,
            kind=at_work.kind if at_work else "",
            name=at_work.name if at_work else "",
            problem=child.failure,
        )
        if not (at_work and at_work.kind):  # it died before its first component, and would again
            return
        done += 1


class _Child:
    """A process that checks a plugin; `failure` says afterwards how it died, '' if it did not."""

    def __init__(self, settings: Settings, plugin: str, done: int, together: bool) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._connection, there = spawn.Pipe(duplex=False)
        self._process = spawn.Process(target=_work, args=(there, settings, plugin, done, together))
        self._process.start()
        there.close()
        self.failure = ""

    def messages(self, deadline_s: float) -> Iterator[Verdict | _Started | None]:
        """Verdicts, what was started before each, and None once the plugin is imported."""
        try:
            yield from self._received(deadline_s)
        finally:
            self._process.kill()
            self._process.join()
            self._connection.close()

    def _received(self, deadline_s: float) -> Iterator[Verdict | _Started | None]:
        while self._connection.poll(deadline_s):
            try:
                message = self._connection.recv()
            except EOFError:
                self._process.join()
                self.failure = f"its process died (exit code {self._process.exitcode})"
                return
            if message == _END:
                return
            yield message
        self.failure = f"took longer than {deadline_s:g} s and was ended"


# ---- in the process that may die ----------------------------------------------------------------


def _work(there: Connection, settings: Settings, plugin: str, done: int, together: bool) -> None:
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a plugin prints is no data
    logging.disable(logging.WARNING)  # that plugins are skipped is said by their verdicts
    settings = replace(settings, strict_plugins=False)
    others = tuple(found.name for found in loading.found(settings) if found.name != plugin)
    alone = replace(settings, block_plugins=others)
    registry = loading.load(alone)
    problems = [problem.message for problem in registry.problems]
    if plugin != loading.BUILTIN:
        problems += [problem.message for problem in loading.command_problems(alone)]
    there.send(None)
    if together:
        # With the others beside it: a classifier may answer in another plugin's taxonomy.
        try:
            registry = loading.load(settings)
        except PluginError as error:
            problems.append(str(error))
    if not done:
        for message in dict.fromkeys(problems):
            there.send(Verdict(plugin=plugin, problem=message))
    own = [c for kind in KINDS for c in registry.components(kind) if c.plugin == plugin]
    for component in own[done:]:
        there.send(_Started(kind=component.kind, name=component.name))
        there.send(_verdict(component, registry))
    there.send(_END)


def _verdict(component: Component, registry: Registry) -> Verdict:
    verdict = Verdict(plugin=component.plugin, kind=component.kind, name=component.name)
    named = component.kind in ("taxonomies", "classifiers")
    arguments = {"name": component.name} if named else {}
    try:
        with guard():
            cost = _CHECKS[component.kind](
                component.factory, resources=registry.resources(component.plugin), **arguments
            )
    except testing.BrokenRule as error:
        return replace(verdict, problem=str(error))
    except Exception as error:  # a plugin's own code, in a place that no rule foresaw
        return replace(verdict, problem=describe(error))
    return replace(verdict, milliseconds=round(cost.milliseconds_each, 3))
