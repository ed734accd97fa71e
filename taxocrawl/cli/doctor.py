"""`taxocrawl doctor`: is this installation whole?"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Literal

import click

from taxocrawl.cli.main import EXIT_FAILED
from taxocrawl.cli.options import load_settings, of_settings
from taxocrawl.errors import SettingsError, TaxocrawlError

SPAWN_S = 60.0
MODULES = {
    "xgboost-cpu": "xgboost",
    "sentence-transformers": "sentence_transformers",
    "backports-zstd": "backports.zstd",
}
"""Where the module is called otherwise than the package with `_` for `-`."""
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)""")

NO_SETTINGS = {"TAXOCRAWL_DATA", "TAXOCRAWL_STORE"}
"""Variables that are read elsewhere."""

Status = Literal["ok", "broken", "absent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; `cure` is what to do where it is not `ok`."""

    name: str
    status: Status
    message: str
    cure: str = ""


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@of_settings("model", "encoder", "plugins_dir")
def command(as_json: bool, **options: Any) -> None:
    """Check the installation; say what is wrong and how to mend it.

    Looked at: Python, every required package and its version, the extras, the settings, the model's
    files, the public suffix list, worker processes, DuckDB in this folder, the plugins.
    """
    checks: list[Check] = []
    for check in examine(options):
        checks.append(check)
        if not as_json:
            cure = f"; mend it: {check.cure}" if check.cure else ""
            click.echo(f"{check.status:7} {check.name}: {check.message}{cure}")
    broken = [check for check in checks if check.status == "broken"]
    if as_json:
        report = {"ok": not broken, "checks": [asdict(check) for check in checks]}
        click.echo(json.dumps(report, ensure_ascii=False))
    sys.exit(EXIT_FAILED if broken else 0)


def examine(options: dict[str, Any]) -> Iterator[Check]:
    """Every check, cheap ones first; none ends the others."""
    yield from _packages()
    yield from _one(
        "settings",
        lambda: _settings(options),
        "correct it; `taxocrawl crawl --help` shows most settings",
    )
    yield from _one("public suffix list", _suffixes, "pip install --force-reinstall tldextract")
    yield from _one("taxonomies", _taxonomies, _REINSTALL)
    yield from _one("worker processes", _spawn, "allow this user to start processes")
    yield from _one("store in this folder", _store, "go to a folder that you may write to")
    yield from _model(options)


_REINSTALL = "pip install --force-reinstall taxocrawl"


def _one(name: str, look: Callable[[], str], cure: str) -> Iterator[Check]:
    try:
        message = look()
    except Exception as error:  # whatever is wrong with a foreign library is what we look for
        yield Check(name=name, status="broken", message=_said(error), cure=cure)
    else:
        yield Check(name=name, status="ok", message=message)


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, TaxocrawlError) else f"{type(error).__name__}: {text}"


# --- packages


def _packages() -> Iterator[Check]:
    try:
        about = metadata.metadata("taxocrawl")
        required = metadata.requires("taxocrawl") or []
    except metadata.PackageNotFoundError:
        yield Check(
            name="taxocrawl",
            status="broken",
            message="runs from a folder that is not installed",
            cure="pip install .",
        )
        return
    yield Check(name="taxocrawl", status="ok", message=about["Version"])
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError as error:
        yield Check(
            name="packaging", status="broken", message=_said(error), cure="pip install packaging"
        )
        return
    python = ".".join(map(str, sys.version_info[:3]))
    yield _version("Python", python, Requirement(f"python{about['Requires-Python'] or ''}"), "")
    extras: dict[str, list[Check]] = {}
    for line in required:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        extra = _EXTRA.search(line)
        environment = {"extra": extra[1] if extra else ""}
        if requirement.marker and not requirement.marker.evaluate(environment):
            continue
        if extra:
            extras.setdefault(extra[1], []).append(_package(requirement, extra[1]))
        else:
            yield _package(requirement, "")
    for name, checks in extras.items():
        yield from _extra(name, checks)


def _package(requirement: Any, extra: str) -> Check:
    """Is it there, in a version that fits, and can it be imported?"""
    name = requirement.name
    wanted = f"taxocrawl[{extra}]" if extra else f"{name}{requirement.specifier}"
    cure = f"pip install '{wanted}'"
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Check(name=name, status="broken", message="not installed", cure=cure)
    check = _version(name, installed, requirement, cure)
    if check.status != "ok" or extra:
        # Importing the extras would bring in torch: seconds, to learn little.
        return check
    try:
        import_module(MODULES.get(name.replace(".", "-"), name.replace("-", "_")))
    except Exception as error:  # a broken wheel raises anything: OSError for a missing library
        cure = f"pip install --force-reinstall '{wanted}'"
        message = f"{installed} cannot be imported: {_said(error)}"
        return Check(name=name, status="broken", message=message, cure=cure)
    return check


def _version(name: str, installed: str, requirement: Any, cure: str) -> Check:
    if requirement.specifier.contains(installed, prereleases=True):
        return Check(name=name, status="ok", message=installed)
    message = f"{installed} is installed, {requirement.specifier} is needed"
    return Check(name=name, status="broken", message=message, cure=cure)


def _extra(name: str, checks: list[Check]) -> Iterator[Check]:
    """One line for an extra that is there; absent ones break nothing, wrong versions do."""
    missing = [check.name for check in checks if check.message == "not installed"]
    wrong = [check for check in checks if check.status == "broken" and check.name not in missing]
    yield from wrong
    if missing:
        message = f"optional; lacks {', '.join(missing)}"
        cure = f"pip install 'taxocrawl[{name}]'"
        yield Check(name=f"extra {name}", status="absent", message=message, cure=cure)
    elif not wrong:
        shown = ", ".join(f"{check.name} {check.message}" for check in checks)
        yield Check(name=f"extra {name}", status="ok", message=shown)


# --- what the package does


def _settings(options: dict[str, Any]) -> str:
    import difflib

    from taxocrawl.settings import ENVIRONMENT_PREFIX, FIELDS, SETTINGS_FILE

    load_settings(options)
    for name in os.environ:
        if name.startswith(ENVIRONMENT_PREFIX) and name not in NO_SETTINGS:
            known = [f"{ENVIRONMENT_PREFIX}{field.upper()}" for field in FIELDS]
            near = difflib.get_close_matches(name, known, n=1)
            if near and near[0] != name:
                raise SettingsError(f"{name} is no setting; did you mean {near[0]}?")
    return f"{SETTINGS_FILE} is read" if Path(SETTINGS_FILE).is_file() else "defaults"


def _suffixes() -> str:
    from taxocrawl import domains

    found = domains.registrable("shop.example.co.uk")
    if found != "example.co.uk":
        raise ValueError(f"shop.example.co.uk is said to belong to {found}")
    return "packaged"


def _taxonomies() -> str:
    from taxocrawl.taxonomies import formats

    for name in formats.PACKAGED:
        formats.load(name)
    return f"{len(formats.PACKAGED)} packaged"


def _spawn() -> str:
    """Start a process as the workers are started, and hear from it."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=answer, args=(there,), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(SPAWN_S):
            raise TimeoutError(f"no answer within {SPAWN_S:g} s")
        here.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"the process ended with code {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
        here.close()
    return "start and answer"


def answer(connection: Any) -> None:
    """What the process that `_spawn` starts does."""
    connection.send("here")


def _store() -> str:
    """Make a store here, and take it away again."""
    import tempfile

    from taxocrawl.store.migration import prepare

    with tempfile.TemporaryDirectory(prefix=".taxocrawl-doctor-", dir=Path.cwd()) as folder:
        prepare(Path(folder) / "doctor.duckdb", wait_s=0)
    return "can be written"


def _model(options: dict[str, Any]) -> Iterator[Check]:
    """The model's files, then whether it answers, with the plugins that were loaded for it."""
    from taxocrawl import pipeline
    from taxocrawl.classifiers import model_folder
    from taxocrawl.plugins import loading

    try:
        settings = load_settings(options)
        registry = loading.load(settings)
    except Exception as error:  # a plugin's own code, or what it needs
        cure = "name the plugin in block_plugins, or uninstall it"
        yield Check(name="plugins", status="broken", message=_said(error), cure=cure)
        return
    for problem in registry.problems:
        cure = f"repair or uninstall {problem.plugin}"
        name = f"plugin {problem.plugin}"
        yield Check(name=name, status="broken", message=problem.message, cure=cure)
    yield Check(name="plugins", status="ok", message=", ".join(p.name for p in registry.plugins))

    def files() -> str:
        folder = registry.model_folder()
        count = len(model_folder.verify(folder))
        return f"{model_folder.read_manifest(folder).id}, {count} files as {folder} lists them"

    def runs() -> str:
        pipeline.check_settings(registry, settings)
        return f"{', '.join(settings.classifiers)} for {', '.join(settings.taxonomies)}"

    yield from _one(f"model {settings.model}", files, f"{_REINSTALL}, or name another --model")
    yield from _one("classifiers", runs, "see the model and the settings above")
