"""Write docs/reference/*.md from the code. `--check` writes nothing and fails where one is stale.

    python quality/build_reference.py [--check]

Everything stands in one place: what a setting, a column or an outcome means is said in the code,
and these pages repeat it. tests/test_docs.py fails where they differ.
"""

import argparse
import dataclasses
import inspect
import re
import sys
import tempfile
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click
import duckdb

import taxocrawl
from taxocrawl import answers, errors, protocols, records, settings
from taxocrawl.cli.main import COMMANDS, cli
from taxocrawl.plugins import hookspecs
from taxocrawl.records import Explanation, Outcome, Prediction
from taxocrawl.store import migration, schema
from taxocrawl.store.ddl import Table
from taxocrawl.taxonomies.formats import load

sys.path.append(str(Path(__file__).parent))
from reference_texts import ANSWER_KEYS, ENTRY_KEYS, VIEW_COLUMNS

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
WIDTH = 96
NOTE = "<!-- Written by quality/build_reference.py from the code: change it there. -->\n"


def main() -> int:
    """1 where a page is stale and `--check` was given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if stale")
    check = parser.parse_args().check
    stale = [name for name, text in pages().items() if current(name) != text]
    if check:
        sys.stdout.writelines(f"docs/reference/{name} is stale\n" for name in stale)
        return int(bool(stale))
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    return 0


def current(name: str) -> str:
    """The page as it is now, '' where there is none."""
    path = REFERENCE / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def pages() -> dict[str, str]:
    """Every page by file name."""
    writers: Mapping[str, Callable[[], Iterator[str]]] = {
        "answer.md": answer_page,
        "commands.md": commands_page,
        "errors.md": errors_page,
        "hooks.md": hooks_page,
        "outcomes.md": outcomes_page,
        "python.md": python_page,
        "settings.md": settings_page,
        "tables.md": tables_page,
        "views.md": views_page,
    }
    return {name: NOTE + "\n".join(write()).rstrip() + "\n" for name, write in writers.items()}


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def settings_page() -> Iterator[str]:
    """All settings by section."""
    yield "# Settings\n"
    yield (
        "A setting stands on the command line (`--max-pages 2`), in the environment "
        "(`TAXOCRAWL_MAX_PAGES=2`) or in `taxocrawl.toml` of the working folder (`max_pages = 2`). "
        "The command line wins over the environment, the environment over the file. In Python each "
        "is a keyword of `taxocrawl.crawl` and `taxocrawl.classify`.\n"
    )
    for section, names in sections().items():
        yield f"## {section}\n"
        for name in names:
            yield from setting_entry(name)


def sections() -> dict[str, list[str]]:
    """Names of the settings under the headings that their source has."""
    found: dict[str, list[str]] = {}
    for line in inspect.getsource(settings.Settings).splitlines():
        if heading := re.match(r"    # --- (.+)", line):
            names = found.setdefault(heading[1].capitalize(), [])
        elif (name := re.match(r"    (\w+):", line)) and name[1] in settings.FIELDS:
            names.append(name[1])
    return found


def setting_entry(name: str) -> Iterator[str]:
    """One setting."""
    field = settings.FIELDS[name]
    yield f"### `{name}`\n"
    yield sentence(field.metadata["doc"]) + "\n"
    facts = [f"type `{plain_type(field.type)}`"]
    if field.default_factory is dataclasses.MISSING:
        facts.append(f"default `{field.default!r}`")
    low, high = field.metadata["low"], field.metadata["high"]
    if low is not None:
        facts.append(f"at least {low}" if high is None else f"{low} to {high}")
    used = [flag for flag in (flag_of(name),) if flag]
    facts += [f"option `{flag}` of {commands}" for flag, commands in used]
    yield "; ".join(facts) + ".\n"


def flag_of(setting: str) -> tuple[str, str] | None:
    """The option of a setting, and the commands that take it."""
    flags: dict[str, list[str]] = {}
    for path, command in all_commands():
        for option in command.params:
            if isinstance(option, click.Option) and option.name == setting:
                flags.setdefault(option.opts[0], []).append(f"`{path}`")
    return next(((flag, ", ".join(names)) for flag, names in flags.items()), None)


def plain_type(kind: object) -> str:
    """A type as one writes it."""
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(f'"{choice}"' for choice in typing.get_args(kind))
    text = kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind)
    return re.sub(r"\b(?:[a-z_]+\.)+", "", text)


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return text[0].upper() + text[1:].rstrip(".") + "."


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and subcommand with its whole name, in alphabetical order."""

    def below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield path, command
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                child = command.get_command(click.Context(command), name)
                if child is not None and not child.hidden:
                    yield from below(f"{path} {name}", child)

    for name in sorted(COMMANDS):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        yield from below(f"taxocrawl {name}", command)


def commands_page() -> Iterator[str]:
    """`--help` of every command."""
    yield "# Commands\n"
    yield (
        "Data goes to standard output, talk to standard error. Exit codes: 0 done (sites that fail "
        "are rows), 1 the command failed, 2 usage, 3 every site failed, 130 interrupted, 141 closed"
        " pipe.\n"
    )
    for path, command in (("taxocrawl", cli), *all_commands()):
        context = click.Context(
            command,
            info_name=path,
            max_content_width=WIDTH,
            terminal_width=WIDTH,
            help_option_names=["-h", "--help"],
        )
        shown = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        yield f"## `{path}`\n"
        yield f"```text\n{shown}\n```\n"


def hooks_page() -> Iterator[str]:
    """Hooks with their signatures, and the protocols of what they supply."""
    yield "# Hooks\n"
    yield inspect.cleandoc(hookspecs.__doc__ or "") + "\n"
    for name, hook in hooks().items():
        yield f"## `{name}`\n"
        yield f"```text\n{signature(name, hook)}\n```\n"
        yield inspect.cleandoc(hook.__doc__ or "") + "\n"
    yield "## What a factory returns\n"
    yield inspect.cleandoc(protocols.__doc__ or "") + "\n"
    for name, protocol in vars(protocols).items():
        own = getattr(protocol, "__module__", "") == protocols.__name__
        if own and inspect.isclass(protocol):
            yield from protocol_entry(name, protocol)


def protocol_entry(name: str, protocol: type) -> Iterator[str]:
    """One protocol with its members."""
    yield f"### `{name}`\n"
    yield inspect.cleandoc(protocol.__doc__ or "") + "\n"
    for member, value in vars(protocol).items():
        if isinstance(value, property) and value.fget:
            kind = inspect.signature(value.fget).return_annotation
            yield f"- `{member}: {short(str(plain_annotation(kind)))}`{dash(value.__doc__)}"
        elif inspect.isfunction(value) and not member.startswith("_"):
            yield f"- `{signature(member, value)}`{dash(value.__doc__)}"
    yield ""


def dash(doc: str | None) -> str:
    """The docstring as what follows a name, on one line."""
    return f": {' '.join(inspect.cleandoc(doc).split())}" if doc else ""


def hooks() -> dict[str, Callable[..., object]]:
    """The hook specifications by name, in the order of their source."""
    return {
        name: value
        for name, value in vars(hookspecs).items()
        if inspect.isfunction(value) and hasattr(value, f"{hookspecs.PROJECT}_spec")
    }


def signature(name: str, function: Callable[..., object]) -> str:
    """`name(arguments) -> result`, types as in the source."""
    (definition,) = re.findall(
        rf"def {name}\((.*?)\)( -> .+?)?:(?:  #.*?)?\n", inspect.getsource(function), re.DOTALL
    )
    arguments = " ".join(definition[0].split()).rstrip(",")
    unquoted = re.sub(r'(: |-> )"([^"]+)"', r"\1\2", f"{name}({arguments}){definition[1]}")
    return unquoted.replace("(self, ", "(").replace("(self)", "()")


def plain_annotation(kind: object) -> object:
    """An annotation as text."""
    return kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else kind


def short(text: str) -> str:
    """A type without the modules of its parts."""
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text)


def outcomes_page() -> Iterator[str]:
    """The closed list."""
    yield "# Outcomes\n"
    yield (
        "Every line of a list ends in exactly one of these. They stand in `inputs.outcome`, "
        "`sites.outcome` and in the key `outcome` of an answer; `detail` refines them.\n"
    )
    said = {
        "never": "no",
        "always": "yes",
        "once": "once",
        "resume": "by starting the run again",
        "some": "depends on the detail",
    }
    rows = (
        (f"`{kind}`", rule.meaning, said[rule.retry]) for kind, rule in records.OUTCOMES.items()
    )
    yield from table(("outcome", "meaning", "worth another try"), rows)


def errors_page() -> Iterator[str]:
    """The tree of errors."""
    yield "# Errors\n"
    yield (
        "What stops a command, or is raised in Python. A site that fails is no error but has an "
        "[outcome](outcomes.md). The message names what is wrong, what would be right, and the "
        "cure; its text is fit for the user.\n"
    )
    tree = (errors.__doc__ or "").partition("\n\n")[2]
    yield f"```text\n{tree.rstrip()}\n```\n"
    kinds = [value for value in vars(errors).values() if inspect.isclass(value)]
    rows = (
        (f"`{kind.__name__}`", f"`{kind.__base__.__name__}`", inspect.cleandoc(kind.__doc__ or ""))
        for kind in kinds
        if kind.__base__
    )
    yield from table(("error", "is a", "meaning"), rows)
    yield "All stand in `taxocrawl.errors`.\n"


def tables_page() -> Iterator[str]:
    """Tables and columns of the store."""
    yield "# Tables\n"
    yield (
        "The tables of a store. The [views](views.md) are what people ask more often. Every table "
        "and column carries its comment in the file too: `SELECT * FROM duckdb_columns()`.\n"
    )
    for stored in schema.tables().values():
        yield f"## `{stored.name}`\n"
        yield sentence(stored.comment) + "\n"
        rows = ((f"`{c.name}`", f"`{shown_type(c.type)}`", c.comment) for c in stored.columns)
        yield from table(("column", "type", "meaning"), rows)


def shown_type(kind: str) -> str:
    """A type of DuckDB, structs cut short."""
    return kind if len(kind) < 40 else f"{kind[:36]}..."


def views_page() -> Iterator[str]:
    """Views and macros with their columns, as a new store has them."""
    comments = column_comments(schema.tables().values())
    yield "# Views and macros\n"
    yield "Made anew by every program that writes to the store.\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "empty.duckdb")
        migration.prepare(path, wait_s=1)
        with duckdb.connect(str(path), read_only=True) as store:
            for name, comment in store.execute(_VIEWS).fetchall():
                columns = store.execute(f"DESCRIBE {name}").fetchall()
                yield from view_entry(f"`{name}`", comment, columns, comments)
            for name, parameters, comment in store.execute(_MACROS).fetchall():
                call = f"{name}({', '.join(parameters)})"
                asked = (
                    f"DESCRIBE SELECT * FROM {name}({', '.join(chr(39) * 2 for _ in parameters)})"
                )
                columns = store.execute(asked).fetchall()
                yield from view_entry(f"`{call}`", comment, columns, comments)


_VIEWS = """
    SELECT view_name, comment FROM duckdb_views()
    WHERE NOT internal AND database_name = current_database() ORDER BY view_name
"""
_MACROS = """
    SELECT function_name, parameters, comment FROM duckdb_functions()
    WHERE NOT internal AND function_type = 'table_macro' ORDER BY function_name
"""


def view_entry(
    title: str, comment: str | None, columns: Sequence[Sequence[str]], comments: Mapping[str, str]
) -> Iterator[str]:
    """One view or macro."""
    yield f"## {title}\n"
    yield sentence(comment or "(no comment)") + "\n"
    rows = ((f"`{c[0]}`", f"`{shown_type(c[1])}`", comments.get(c[0], "")) for c in columns)
    yield from table(("column", "type", "meaning"), rows)


def column_comments(stored: typing.Iterable[Table]) -> dict[str, str]:
    """What a column of a view means: as in `sites` if it is from there, else as in any table."""
    found: dict[str, str] = {}
    for one in sorted(stored, key=lambda table: table.name == "sites"):
        found |= {column.name: column.comment for column in one.columns}
    return found | VIEW_COLUMNS


def example_answer() -> dict[str, object]:
    """An answer with every key that there can be."""
    chosen = {"taxonomy": "iab-3.1", "classifier": "ranker", "model_id": "default-1"}
    told = Explanation(
        taxonomy="iab-3.1",
        node_id="492",
        classifier="ranker",
        method="words",
        attributions=(records.Attribution(kind="word", name="cycling", weight=0.36),),
        score=0.88,
        base_value=0.38,
        fidelity=0.58,
    )
    outcome = Outcome(
        domain="harbour-cycling.example",
        kind="classified",
        final_url="https://harbour-cycling.example/",
        message="sure of a category",
        notes=("redirected_to:other.example",),
        plugin_failures=(
            records.PluginFailure(plugin="mine", component="classifier/mine", message="no answer"),
        ),
        predictions=(
            Prediction(node_id="492", tier=2, confidence=0.88, rank=1, asserted=True, **chosen),
            Prediction(node_id="483", tier=1, confidence=0.95, asserted=True, **chosen),
        ),
        explanations=(told,),
    )
    taxonomy = load("iab-3.1")
    return answers.as_json(
        outcome,
        answer_id="1",
        taxonomy=lambda name: taxonomy,
        options=answers.AnswerOptions(top=1, explained=True, run_id="20261121-120000-abcdef"),
    )


def answer_page() -> Iterator[str]:
    """The JSON of an answer."""
    import json

    answer = example_answer()
    yield "# JSON of an answer\n"
    yield (
        "What `taxocrawl classify` prints, one line an input, and what `Answer.as_dict()` gives in "
        "Python.\n"
    )
    yield from table(("key", "meaning"), ((f"`{key}`", ANSWER_KEYS.get(key, "")) for key in answer))
    yield "An entry of `categories` and `candidates`:\n"
    yield from table(("key", "meaning"), ((f"`{key}`", doc) for key, doc in ENTRY_KEYS.items()))
    yield "An example:\n"
    yield f"```json\n{json.dumps(answer, indent=2)}\n```\n"


def python_page() -> Iterator[str]:
    """Public names of the package."""
    yield "# Python\n"
    public = [name for name in taxocrawl.__all__ if not name.startswith("_")]
    functions = [name for name in public if inspect.isfunction(getattr(taxocrawl, name))]
    for name in functions:
        function = getattr(taxocrawl, name)
        yield f"## `taxocrawl.{name}`\n"
        yield f"```text\n{signature(name, function)}\n```\n"
        yield inspect.cleandoc(function.__doc__ or "") + "\n"
    from taxocrawl.store.relations import Store

    for kind in (*(getattr(taxocrawl, n) for n in public if n not in functions), Store):
        yield f"## `{kind.__name__}`\n"
        yield inspect.cleandoc(kind.__doc__ or "") + "\n"
        if dataclasses.is_dataclass(kind):
            for field in dataclasses.fields(kind):
                if not field.name.startswith("_"):
                    yield f"- `{field.name}: {short(str(plain_annotation(field.type)))}`"
        for member, value in vars(kind).items():
            if member.startswith("_"):
                continue
            if isinstance(value, property):
                yield f"- `{member}`{dash(value.__doc__)}"
            elif inspect.isfunction(value):
                yield f"- `{signature(member, value)}`{dash(value.__doc__)}"
        yield ""


if __name__ == "__main__":
    sys.exit(main())
