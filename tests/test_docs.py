"""The documentation is true: complete, fresh, its links lead somewhere and its code runs."""

import inspect
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import docs_store
import duckdb
import pytest

from taxocrawl import errors
from taxocrawl.cli.main import COMMANDS, cli
from taxocrawl.plugins import hookspecs
from taxocrawl.records import OUTCOMES
from taxocrawl.settings import FIELDS
from taxocrawl.store import allowed, schema

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])

sys.path.append(str(ROOT / "quality"))
import build_model_card  # noqa: E402
import build_reference  # noqa: E402
import reference_texts  # noqa: E402

BLOCK = re.compile(r"^(?P<before>[^\n]*)\n+```(?P<kind>\w+)\n(?P<code>.*?)^```", re.DOTALL | re.M)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)
NOT_RUN = "<!-- not run: "


def blocks(kind: str) -> list[object]:
    """Code blocks of a language with the line before each, named by page and number."""
    found: list[object] = []
    for page in PAGES:
        of_kind = [m for m in BLOCK.finditer(page.read_text("utf-8")) if m["kind"] == kind]
        for number, match in enumerate(of_kind, start=1):
            name = f"{page.relative_to(ROOT)}-{number}"
            found.append(pytest.param(match["before"], match["code"], id=name))
    return found


def reference(name: str) -> str:
    return (DOCS / "reference" / name).read_text("utf-8")


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    """The reference as the code is now."""
    return build_reference.pages()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return docs_store.build(tmp_path_factory.mktemp("docs") / "sites.duckdb")


@pytest.mark.parametrize("page", sorted(p.name for p in (DOCS / "reference").glob("*.md")))
def test_the_reference_is_what_the_code_says(page: str, written: dict[str, str]) -> None:
    assert page in written
    assert reference(page) == written[page], "run python quality/build_reference.py"


def test_the_model_card_is_of_the_shipped_model_and_the_newest_measurement() -> None:
    said = (DOCS / "model-card.md").read_text("utf-8")
    assert said == build_model_card.card(), "run python quality/build_model_card.py"


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_has_its_entry(name: str) -> None:
    assert f"### `{name}`\n" in reference("settings.md")


def test_every_hook_has_its_signature() -> None:
    hooks = [f for f in vars(hookspecs).values() if hasattr(f, "taxocrawl_spec")]
    assert len(hooks) == 6
    for hook in hooks:
        parameters = ", ".join(inspect.signature(hook).parameters)
        assert re.search(rf"^{hook.__name__}\({parameters}", reference("hooks.md"), re.M)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_has_its_entry(name: str) -> None:
    for path, command in build_reference.all_commands():
        if path.split()[1] == name:
            entry = reference("commands.md").partition(f"## `{path}`\n")[2].partition("\n## ")[0]
            for option in command.params:
                assert option.opts[0] in entry or isinstance(option, click.Argument)


def test_every_table_column_outcome_and_error_has_its_entry() -> None:
    tables = reference("tables.md")
    for table in schema.tables().values():
        entry = tables.partition(f"## `{table.name}`\n")[2].partition("\n## ")[0]
        assert [c.name for c in table.columns if f"| `{c.name}` |" not in entry] == []
    assert [kind for kind in OUTCOMES if f"| `{kind}` |" not in reference("outcomes.md")] == []
    kinds = [name for name, value in vars(errors).items() if inspect.isclass(value)]
    assert [name for name in kinds if f"| `{name}` |" not in reference("errors.md")] == []
    assert [name for name in kinds if f" {name} " not in f" {errors.__doc__} "] == [
        "TaxocrawlError"
    ]


def test_every_key_of_an_answer_and_column_of_a_view_is_explained() -> None:
    assert set(build_reference.example_answer()) == set(reference_texts.ANSWER_KEYS)
    assert re.findall(r"^.*\|  \|$", reference("views.md") + reference("answer.md"), re.M) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in {slug(h) for h in HEADING.findall(target.read_text("utf-8"))}, link


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda p: p.name)
def test_every_page_is_in_the_navigation(page: Path) -> None:
    assert f" {page.relative_to(DOCS)}\n" in (ROOT / "mkdocs.yml").read_text("utf-8")


def test_the_picture_of_the_demo_is_small_and_asks_nobody_for_anything() -> None:
    picture = (DOCS / "demo.svg").read_text("utf-8")
    assert len(picture) < 300_000
    assert re.findall(r"@import|@font-face|href=|url\((?!#)", picture) == []


def slug(heading: str) -> str:
    """As mkdocs makes it."""
    plain = re.sub(r"[^\w\s-]", "", heading).strip().lower()
    return re.sub(r"[-\s]+", "-", plain)


@pytest.mark.parametrize(("before", "code"), blocks("sql"))
def test_queries_run_and_are_allowed(store: Path, before: str, code: str) -> None:
    queries = [query for query in re.split(r";\s*(?:\n|$)", code) if query.strip()]
    found = 0
    with duckdb.connect(str(store), read_only=True) as connection:
        for query in queries:
            allowed.relations(query)
            found += len(connection.execute(query).fetchall())
    assert found or "may be empty" in before


@pytest.mark.parametrize(("before", "code"), blocks("python"))
def test_python_runs(store: Path, before: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compile(code, "block", "exec")
    if not before.startswith(NOT_RUN):
        monkeypatch.chdir(store.parent)
        exec(compiled, {"__name__": "block"})


def indented_commands() -> list[object]:
    """Command lines in blocks that are set off by four spaces only."""
    found = []
    for page in PAGES:
        lines = re.findall(r"^    (taxocrawl [a-z].*)$", page.read_text("utf-8"), re.M)
        if lines:
            found.append(pytest.param("", "\n".join(lines), id=str(page.relative_to(ROOT))))
    return found


@pytest.mark.parametrize(
    ("before", "code"), [*blocks("sh"), *blocks("console"), *indented_commands()]
)
def test_shell_lines_name_commands_and_options_that_exist(before: str, code: str) -> None:
    for words in taxocrawl_calls(code):
        check_call(words)


def taxocrawl_calls(code: str) -> Iterator[list[str]]:
    """Arguments of every `taxocrawl` in shell lines."""
    for line in code.replace("\\\n", " ").splitlines():
        line = line.removeprefix("$ ")
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.commenters = "#"
        lexer.whitespace_split = True
        words: list[str] | None = None
        for word in lexer:
            if set(word) <= set("|&;<>"):
                if words is not None:
                    yield words
                words = None
            elif words is not None:
                words.append(word)
            elif word == "taxocrawl":
                words = []
        if words is not None:
            yield words


def check_call(words: list[str]) -> None:
    command: click.Command = cli
    context = click.Context(command)
    rest = list(words)
    flags = {flag for param in cli.params for flag in param.opts}
    while rest and rest[0] in flags:
        rest.pop(0)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        child = command.get_command(context, rest.pop(0))
        assert child is not None, words
        command, context = child, click.Context(child, parent=context)
    known = {opt for param in command.params for opt in (*param.opts, *param.secondary_opts)}
    given = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"}
    assert given <= known | {"--help"}, words
