"""Options that several commands share; those of settings take their text and range from there."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from click.shell_completion import CompletionItem

from taxocrawl import settings as settings_module
from taxocrawl.nearest import near_path
from taxocrawl.settings import FIELDS, Settings

Command = TypeVar("Command", bound=Callable[..., object])

STORE = "sites.duckdb"


def of_settings(*names: str) -> Callable[[Command], Command]:
    """A decorator that adds one option for each named setting; not given means None."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = _option(name)(command)
        return command

    return decorate


def _option(name: str) -> Callable[[Command], Command]:
    field = FIELDS[name]
    doc, default = field.metadata["doc"], field.default
    flag = f"--{name.replace('_', '-')}"
    if field.type is bool or isinstance(default, bool):
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=doc)
    if isinstance(default, tuple):
        singular = {
            "taxonomies": "--taxonomy",
            "classifiers": "--classifier",
            "aspects": "--aspect",
            "block_plugins": "--block-plugin",
        }.get(name, flag)
        shown = f"  [default: {', '.join(map(str, default))}]" if default else ""
        complete = complete_taxonomy if name == "taxonomies" else None
        text = f"{doc} (repeatable){shown}"
        return click.option(singular, name, multiple=True, help=text, shell_complete=complete)
    choices = tuple(filter(None, get_args(field.type)))  # '' is what not giving it means
    kind: Any = (
        click.Choice(choices) if choices and all(isinstance(c, str) for c in choices) else None
    )
    shown = "" if default in ("", None) else f"  [default: {default}]"
    return click.option(flag, name, type=kind, default=None, help=f"{doc}{shown}")


def complete_taxonomy(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Packaged taxonomies that a shell may offer, and files."""
    from taxocrawl.taxonomies.formats import PACKAGED

    names = [CompletionItem(name) for name in PACKAGED if name.startswith(incomplete)]
    return [*names, CompletionItem(incomplete, type="file")]


def load_settings(options: dict[str, Any], file: Path | None = None) -> Settings:
    """Settings with the command line's options on top; options that are no settings are ignored."""
    overrides = {
        name: value
        for name, value in options.items()
        if name in FIELDS and value is not None and value != ()
    }
    return settings_module.load(environ=os.environ, overrides=overrides, file=file)


class StorePath(click.Path):
    """A store's file; where one has to be and is not, the nearest name is told."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As `click.Path`."""
        if self.exists and not Path(value).exists():
            near = near_path(value)
            self.fail(f"there is no store {value}{near}", param, ctx)
        return super().convert(value, param, ctx)


class Age(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases only
    """`30d`, `12h`, `2w`, `1.5h`, as seconds."""

    name = "age"
    _SECONDS: Mapping[str, int] = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Seconds."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([mhdw])", str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is no age; write 30d (or m, h, w)", param, ctx)
        return float(match[1]) * self._SECONDS[match[2]]


def store_option(flag: str, doc: str, *, must_exist: bool) -> Callable[[Command], Command]:
    """The option that names the store."""
    kind = StorePath(path_type=Path, dir_okay=False, exists=must_exist)
    names = [flag, "--store"] if flag != "--store" else ["--store"]
    return click.option(
        *names,
        "store",
        type=kind,
        default=STORE,
        show_default=True,
        envvar="TAXOCRAWL_STORE",
        help=doc,
    )
