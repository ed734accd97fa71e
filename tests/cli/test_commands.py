"""The commands as a user runs them: a real process, real exit codes, data on stdout."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from loopback import Loopback, serving

SITES = Path(__file__).parent.parent.parent / "examples" / "demo_sites"
HOSTS = ("tidewater-dental.example", "gaertnerei-moosbach.example", "brightfold-media.example")


@dataclass(frozen=True)
class Shell:
    """A folder to work in, with its store."""

    folder: Path
    connect_to: str

    def run(
        self, *arguments: str, given: str = "", code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """The finished command; its exit code is asserted."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("TAXOCRAWL_")}
        done = subprocess.run(
            [sys.executable, "-m", "taxocrawl", *arguments],
            cwd=self.folder,
            env=environ,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, done.stderr[-3000:]
        return done

    def lines(self, *arguments: str, given: str = "") -> list[dict[str, object]]:
        """The JSON lines that the command printed."""
        return [json.loads(line) for line in self.run(*arguments, given=given).stdout.splitlines()]


@pytest.fixture(scope="module")
def web() -> Iterator[Loopback]:
    with serving(sites=SITES) as running:
        yield running


@pytest.fixture(scope="module")
def shell(web: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    shell = Shell(folder=tmp_path_factory.mktemp("shell"), connect_to=web.connect_to)
    (shell.folder / "list.txt").write_text(
        "\n".join(["# three sites", *HOSTS, HOSTS[0], "no host"])
    )
    done = shell.run("crawl", "list.txt", "--connect-to", shell.connect_to, "--json")
    summary = json.loads(done.stdout)
    assert summary["lines"] == 5
    assert summary["outcomes"] == {
        "classified": 2,
        "parked": 1,
        "duplicate": 1,
        "invalid_input": 1,
    }
    return shell


def test_help_comes_at_once_and_imports_no_model_library() -> None:
    code = "import sys; from taxocrawl.cli.main import cli; cli(['--help'], standalone_mode=False);"
    heavy = (
        "print([m for m in ('torch','xgboost','scrapy','duckdb','tokenizers') if m in sys.modules])"
    )
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", code + heavy], capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.stdout.splitlines()[-1] == "[]"
    assert min(seconds) < 0.5


def test_every_line_of_the_list_has_one_row(shell: Shell) -> None:
    query = "select line, outcome, duplicate_of from inputs order by line"
    rows = shell.lines("sql", "sites.duckdb", query, "--json")
    assert [(row["line"], row["outcome"]) for row in rows] == [
        (2, "classified"),
        (3, "classified"),
        (4, "parked"),
        (5, "duplicate"),
        (6, "invalid_input"),
    ]
    assert rows[3]["duplicate_of"] == 2


def test_sql_prints_csv_in_a_pipe_and_says_when_it_cuts(shell: Shell) -> None:
    done = shell.run("sql", "select domain from sites order by domain", "--max-rows", "1")
    assert done.stdout.splitlines() == ["domain", "brightfold-media.example"]
    assert "cut after 1 rows" in done.stderr


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from read_csv('/etc/passwd')", "read_csv"),
        ("drop table sites", "SELECT"),
        ("select * from sitez", "sites"),
    ],
)
def test_sql_refuses_and_names_the_reason(shell: Shell, query: str, said: str) -> None:
    assert said.lower() in shell.run("sql", query, code=1).stderr.lower()


def test_why_shows_the_words_and_takes_any_spelling_of_the_domain(shell: Shell) -> None:
    shown = shell.run("why", "https://WWW.Tidewater-Dental.example/").stdout
    assert "Dental" in shown
    assert "words left out" in shown
    assert "\x1b[" not in shown


def test_why_of_an_unknown_domain_names_the_nearest(shell: Shell) -> None:
    done = shell.run("why", "tidewater-dentl.example", code=1)
    assert "did you mean tidewater-dental.example" in done.stderr


def test_why_as_json_is_one_object(shell: Shell) -> None:
    (answer,) = shell.lines("why", HOSTS[2], "--json")
    assert (answer["kind"], answer["detail"]) == ("parked", "for_sale")


def test_classify_answers_each_line_in_order_with_its_id(shell: Shell) -> None:
    rows = [
        {
            "id": "a",
            "title": "Dentist",
            "text": "Fillings, crowns and teeth whitening for families.",
        },
        {
            "id": "b",
            "html": "<h1>Garden centre</h1>" + "<p>Roses, compost and garden tools.</p>" * 9,
        },
        {"id": "c", "text": 3},
        {"id": "d", "url": f"http://{HOSTS[0]}/"},
        {"id": 5},
    ]
    given = "\n".join([*map(json.dumps, rows), "not json", ""])
    answers = shell.lines(
        "classify", "-", "--top", "3", "--connect-to", shell.connect_to, given=given
    )
    assert [answer["id"] for answer in answers] == ["a", "b", "c", "d", "5", "6"]
    outcomes = [answer["outcome"] for answer in answers]
    assert outcomes[2::2] == ["invalid_input", "invalid_input"]
    assert outcomes[3] == "classified"
    candidates = answers[0]["candidates"]
    assert isinstance(candidates, list)
    assert len(candidates) == 3
    assert "Dental" in candidates[0]["path"]


def test_a_page_gets_the_same_answer_by_crawl_and_from_its_html(shell: Shell) -> None:
    html = (SITES / HOSTS[1] / "index.html").read_text("utf-8")
    given = json.dumps({"url": f"http://{HOSTS[1]}/", "html": html})
    (answer,) = shell.lines("classify", "-", "--top", "5", given=given)
    stored = shell.lines(
        "sql",
        "select node_id, confidence from predictions "
        f"where url = 'http://{HOSTS[1]}/' and rank <= 5 order by rank",
        "--json",
    )
    candidates = answer["candidates"]
    assert isinstance(candidates, list)
    assert [(c["id"], c["confidence"]) for c in candidates] == [
        (row["node_id"], round(float(str(row["confidence"])), 4)) for row in stored
    ]


def test_a_mistyped_command_names_the_nearest() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "taxocrawl", "clasify"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "classify" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("crawl", "nowhere.txt"), "there is no file nowhere.txt"),
        (("crawl", "a.example", "--max-pages", "0"), "max_pages is 0"),
        (("crawl", "a.example", "--taxonomy", "iab-31"), "did you mean 'iab-3.1'"),
        (("crawl", "a.example", "--classifier", "neerest"), "did you mean 'nearest'"),
        (("crawl", "a.example", "--model", "nowhere"), "no model 'nowhere'"),
        (("classify",), "nothing to classify"),
        (("classify", "page.pdf"), "page.pdf"),
        (("sql", "-s", "none.duckdb", "select 1"), "there is no store"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_cure(
    shell: Shell, arguments: tuple[str, ...], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "taxocrawl", *arguments],
        cwd=shell.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_when_every_site_fails_the_exit_code_says_so(shell: Shell) -> None:
    shell.run("crawl", "127.0.0.1", "-o", "failed.duckdb", code=3)


def test_a_closed_pipe_is_no_error(shell: Shell) -> None:
    query = "select unnest(range(99999)) x"
    command = f"{sys.executable} -m taxocrawl sql '{query}' --max-rows 99999 | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=shell.folder, capture_output=True, text=True
    )
    assert done.returncode == 141
    assert "Traceback" not in done.stderr


def test_doctor_finds_this_installation_whole(shell: Shell) -> None:
    assert "broken" not in shell.run("doctor").stdout


def test_plugins_are_listed_for_programs(shell: Shell) -> None:
    (listed,) = shell.lines("plugins", "--json")
    plugins = listed["plugins"]
    assert isinstance(plugins, list)
    assert [plugin["name"] for plugin in plugins] == ["builtin"]
