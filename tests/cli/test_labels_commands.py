"""label, labels, review, errors, changes and runs, as a user and a program meet them."""

import csv
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from cli_samples import Run, failed, runner, site, write_run

HOSTILE = "\x1b]0;owned\x07 <script> \u202e [bold]x[/bold] '; DROP TABLE labels; --"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs: club is sure, the three others doubtful, two failed."""
    path = tmp_path_factory.mktemp("cli") / "sites.duckdb"
    write_run(path, site("club.example", ("5", 0.9)), failed("gone.example", "timeout", "body"))
    write_run(
        path,
        site("club.example", ("2", 0.9)),
        site("a.example", ("2", 0.3), ("5", 0.1), sure=False, text=f"Goal. {HOSTILE}"),
        site("b.example", ("2", 0.2), ("5", 0.1), sure=False),
        site("c.example", ("5", 0.2), ("1", 0.1), sure=False),
        failed("gone.example", "dns_failed", "nxdomain"),
        failed("slow.example", "timeout", "body"),
        invalid="no host",
    )
    return path


@pytest.fixture
def run(
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    shutil.copy(sample, tmp_path / "sites.duckdb")
    monkeypatch.chdir(tmp_path)
    return runner(monkeypatch, capsys)


def answer(domain: str) -> list[tuple[str, str]]:
    with duckdb.connect("sites.duckdb", read_only=True) as store:
        return store.execute(
            "SELECT path, decided_by FROM site_categories WHERE domain = ? AND rank = 1 ORDER BY 1",
            [domain],
        ).fetchall()


# --- label


@pytest.mark.parametrize("node", ["5", "baking", "Food > Baking", "food>baking"])
def test_a_label_wins_at_once_however_the_category_is_named(run: Run, node: str) -> None:
    done = run("label", "https://WWW.Club.example/", node, "--by", "ann")
    assert done.code == 0
    assert "is Food > Baking  (ann)" in done.err
    assert answer("club.example") == [("Food > Baking", "label")]


def test_a_later_label_replaces_the_earlier_unless_it_adds(run: Run) -> None:
    run("label", "club.example", "5")
    run("label", "club.example", "4")
    assert answer("club.example") == [("Food", "label")]
    run("label", "club.example", "2", "--add")
    assert answer("club.example") == [("Food", "label"), ("Sports > Soccer", "label")]
    run("label", "club.example", "--none")
    assert answer("club.example") == []
    assert run("label", "club.example", "--remove").code == 0
    assert answer("club.example") == [("Sports > Soccer", "ranker")]


def test_what_a_site_is_not_is_struck(run: Run) -> None:
    done = run("label", "club.example", "Sports", "--not", "--note", HOSTILE, "--json")
    assert [(row["verdict"], row["note"]) for row in done.rows] == [("is_not", HOSTILE)]
    assert answer("club.example") == []


def test_the_speaker_is_the_login_name_unless_named(run: Run) -> None:
    expected = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
    assert run("label", "club.example", "5", "--json").rows[0]["labelled_by"] == expected


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("clubb.example", "5"), 1, "did you mean club.example"),
        (("club.example", "Bakign"), 1, "5 (Food > Baking)"),
        (("club.example", "Youth"), 1, "6 (Food > Youth)"),
        (("club.example", "5", "--taxonomy", "topcis"), 1, "the store has 'topics'"),
        (("club.example", "5", "--taxonomy", "iab-31"), 1, "'iab-3.1'"),
        (("club.example",), 2, "give at least one NODE"),
        (("club.example", "5", "--none"), 2, "give at least one NODE, or --none"),
        (("club.example", "5", "--not", "--remove"), 2, "exclude each other"),
        (("club.example", "5", "--nott"), 2, "'--not'"),
        (("club.example", "5", "-s", "sitez.duckdb"), 2, "did you mean sites.duckdb?"),
        (("club.example", "5", "--page", "https://club.example/x"), 1, "https://club.example/"),
        (("club.example", "5", "--remove"), 1, "has no such label"),
    ],
)
def test_a_mistake_names_the_nearest_that_is_right(
    run: Run, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run("label", *arguments)
    assert (done.code, "Traceback" in done.err) == (code, False)
    assert said in done.err
    with duckdb.connect("sites.duckdb", read_only=True) as store:
        assert store.execute("FROM labels").fetchall() == []


def test_a_site_of_no_run_is_labelled_on_request(run: Run) -> None:
    assert run("label", "new-site.com", "5").code == 1
    assert run("label", "new-site.com", "5", "--new").code == 0
    assert answer("new-site.com") == [("Food > Baking", "label")]


def test_a_page_is_labelled_apart_from_its_site(run: Run) -> None:
    done = run("label", "club.example", "5", "--page", "https://club.example/", "--json")
    assert done.rows[0]["url"] == "https://club.example/"
    assert answer("club.example") == [("Sports > Soccer", "ranker")]


def test_labels_may_name_a_taxonomy_that_no_run_used(run: Run) -> None:
    Path("mine.csv").write_text("id,parent,name\nx,,Xylophones\n")
    assert run("label", "club.example", "xylophones", "--taxonomy", "mine.csv").code == 0
    assert run("label", "club.example", "Dental Health", "--taxonomy", "iab-3.1").code in (0, 1)
    assert ("Xylophones", "label") in answer("club.example")


# --- labels


def test_labels_go_out_and_come_back(run: Run) -> None:
    run("label", "club.example", "5", "--by", "ann", "--note", "=1+1")
    run("label", "a.example", "--none", "--by", "bob")
    exported = run("labels", "export").out
    assert [row["node_id"] for row in csv.DictReader(exported.splitlines())] == ["", "5"]
    assert run("labels", "export", "-o", "labels.jsonl").code == 0
    lines = [json.loads(line) for line in Path("labels.jsonl").read_text().splitlines()]
    assert [row["verdict"] for row in lines] == ["none", "is"]
    for domain in ("club.example", "a.example"):
        run("label", domain, "--remove")
    assert run("labels", "import", "-", given=exported).code == 0
    assert run("labels", "export").out == exported
    done = run("labels", "import", "labels.jsonl")
    assert "2 labels imported, 0 bad rows" in done.err
    assert run("labels", "export").out == exported


BAD = "domain,category\nclub.example,Baking\nclub.example,Bakign\n,5\n"


def test_bad_rows_are_named_and_nothing_is_imported(run: Run) -> None:
    done = run("labels", "import", "-", given=BAD)
    assert done.code == 1
    assert "-, row 3: taxonomy topics has no node 'Bakign'" in done.err
    assert "-, row 4: there is no domain" in done.err
    assert answer("club.example") == [("Sports > Soccer", "ranker")]


def test_partial_imports_the_good_rows_and_json_tells_every_verdict(run: Run) -> None:
    done = run("labels", "import", "-", "--partial", "--json", given=BAD)
    assert done.code == 1
    assert [(row["row"], row["verdict"]) for row in done.rows] == [
        (2, "imported"),
        (3, "bad"),
        (4, "bad"),
    ]
    assert answer("club.example") == [("Food > Baking", "label")]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("lables.csv", "did you mean labels.csv?"),
        ("folder/labels.csv", "there is no folder folder"),
        (".", "Is a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_nearest(
    run: Run, file: str, said: str
) -> None:
    Path("labels.csv").write_text("domain,node\n")
    done = run("labels", "import", file)
    assert done.code == 2
    assert said in done.err


def test_agreement_is_shown_and_told_to_programs(run: Run) -> None:
    assert "no two people" in run("labels", "agreement").err
    for domain, ann, bob in (("a.example", "2", "3"), ("b.example", "5", "5")):
        run("label", domain, ann, "--by", "ann")
        run("label", domain, bob, "--by", "bob")
    tier1, node = run("labels", "agreement", "--json").rows
    assert (tier1["share"], tier1["kappa"], node["share"]) == (1.0, 1.0, 0.5)
    shown = run("labels", "agreement", "--taxonomy", "topics").out
    assert "Sports > Soccer > Youth" in shown
    assert "\x1b[" not in shown


# --- review


def test_review_walks_the_queue_by_keys_and_goes_on_where_it_was(run: Run) -> None:
    done = run("review", "--by", "ann", given="7\n2\ns\n")
    assert done.code == 0
    assert "3 sites to look at in topics" in done.err
    assert "1 answers, 1 skipped" in done.err
    assert "1-5 choose" in done.out
    assert answer("b.example") == [("Food > Baking", "label")]
    again = run("review", "--by", "ann", given="n\n/bak\n1\n")
    assert [line.split()[0] for line in again.out.splitlines() if "(uncertain)" in line] == [
        "a.example",
        "c.example",
    ]
    assert answer("a.example") == []
    assert answer("c.example") == [("Food > Baking", "label")]
    assert "0 sites to look at" in run("review").err


def test_review_shows_hostile_pages_harmlessly(run: Run) -> None:
    """C16"""
    shown = run("review", given="s\ns\nq\n").out
    assert "\\x1b]0;owned\\x07" in shown
    assert "\x1b" not in shown
    assert "[bold]x[/bold]" in shown


def test_review_takes_an_answer_back_and_stops_at_its_limit(run: Run) -> None:
    done = run("review", "--limit", "2", given="1\nu\n2\n2\nn\nn\n")
    assert "2 answers" in done.err
    with duckdb.connect("sites.duckdb", read_only=True) as store:
        said = store.execute("SELECT domain, node_id FROM labels ORDER BY 1").fetchall()
    assert said == [("b.example", "5"), ("c.example", "1")]


def test_a_second_person_reviews_what_the_first_labelled(run: Run) -> None:
    run("review", "--by", "ann", given="1\n1\n1\n")
    done = run("review", "--by", "bob", "--second", given="1\n2\n1\n1\n")
    assert "3 answers" in done.err
    tier1, _ = run("labels", "agreement", "--json").rows
    assert (tier1["n_sites"], round(tier1["share"], 3)) == (3, 0.667)


def test_review_of_an_empty_input_ends_at_once(run: Run) -> None:
    assert run("review", given="").code == 0


# --- errors, changes, runs


def test_errors_are_those_of_the_newest_run(run: Run) -> None:
    rows = run("errors", "--json").rows
    assert [(row["domain"], row["kind"], row["detail"]) for row in rows] == [
        ("gone.example", "dns_failed", "nxdomain"),
        ("no host", "invalid_input", rows[1]["detail"]),
        ("slow.example", "timeout", "body"),
    ]
    assert [r["domain"] for r in run("errors", "--retryable", "--json").rows] == ["slow.example"]
    shown = run("errors")
    assert "gone.example: dns_failed: nxdomain" in shown.out
    assert "3 sites of run" in shown.err


def test_changes_are_between_the_two_newest_runs(run: Run) -> None:
    rows = run("changes", "--json").rows
    changed = {(row["domain"], row["change"], row["before"], row["after"]) for row in rows}
    assert {
        ("club.example", "gained", None, "Sports > Soccer"),
        ("club.example", "lost", "Food > Baking", None),
        ("gone.example", "outcome", "timeout", "dns_failed"),
        ("a.example", "appeared", None, "uncertain"),
    } <= changed
    assert "6 sites differ" in run("changes").err


def test_runs_are_listed_newest_first_and_can_be_named(run: Run) -> None:
    newest, oldest = run("runs", "--json").rows
    assert newest["outcomes"]["uncertain"] == 3
    assert newest["run_id"] in run("runs").out
    back = run("changes", "--from", newest["run_id"], "--to", oldest["run_id"], "--json").rows
    assert ("a.example", "vanished") in {(row["domain"], row["change"]) for row in back}
    done = run("errors", "--run", newest["run_id"][:-1] + "z")
    assert done.code == 1
    assert f"did you mean {newest['run_id']}?" in done.err


def test_a_store_with_one_run_has_no_changes_yet(run: Run) -> None:
    Path("sites.duckdb").unlink()
    write_run(Path("sites.duckdb"), failed("a.example", "empty"))
    done = run("changes")
    assert done.code == 1
    assert "changes are between two runs" in done.err


# --- while a crawl writes

WRITER = """
import sys
import threading
from contextlib import suppress
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from cli_samples import TOPICS, site
from taxocrawl.records import InputLine, Site
from taxocrawl.settings import Settings
from taxocrawl.store.writer import StoreWriter

settings = Settings(flush_s=0.0, taxonomies=("topics",))
options = {"settings": settings, "command": "crawl", "taxonomies": [TOPICS]}
with StoreWriter(Path(sys.argv[1]), **options) as store:
    def add(number):
        domain = f"s{number}.example"
        target = Site(domain=domain, url=f"https://{domain}/", line=number)
        line = InputLine(line=number, raw=domain, site=target)
        store.add(site(domain, ("2", 0.9)), line)
        store.flush()
    add(1)
    print("writing", flush=True)
    number = 1
    while not Path(sys.argv[1] + ".stop").exists():
        number += 1
        add(number)
print(number, flush=True)
"""


def test_a_label_gets_in_while_a_crawl_writes_and_neither_loses_a_row(run: Run) -> None:
    path = Path("sites.duckdb").resolve()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("TAXOCRAWL_")},
    ) as crawl:
        assert crawl.stdout is not None
        assert crawl.stdout.readline() == "writing\n"
        labelled = [run("label", "s1.example", node).code for node in ("5", "4")]
        Path(f"{path}.stop").touch()
        written = int(crawl.stdout.readline())
    assert labelled == [0, 0]
    assert answer("s1.example") == [("Food", "label")]
    with duckdb.connect(str(path), read_only=True) as store:
        counted = store.execute("SELECT count(*) FROM sites WHERE domain LIKE 's_%.example'")
        assert counted.fetchall()[0][0] >= written


# --- on a terminal


def test_review_reads_single_keys_on_a_terminal_and_ctrl_c_keeps_what_was_said(run: Run) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "taxocrawl", "review", "--by", "ann"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={k: v for k, v in os.environ.items() if not k.startswith("TAXOCRAWL_")},
    ) as process:
        os.close(theirs)
        # A key that gets lost would leave both sides waiting for each other.
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        screen = ""
        for shown, times, keys in (
            ("? ", 1, "2"),
            ("c.example", 1, "\x1b[A/bak\x7fk\r1"),
            ("= Food > Baking", 2, ""),
        ):
            while screen.count(shown) < times:
                screen += os.read(ours, 4096).decode()
            os.write(ours, keys.encode())
        process.send_signal(signal.SIGINT)
        while process.poll() is None:
            with suppress(OSError):
                screen += os.read(ours, 4096).decode()
        watchdog.cancel()
    os.close(ours)
    assert process.returncode == 130
    assert "b.example" in screen
    assert answer("b.example") == [("Food > Baking", "label")]
    assert answer("c.example") == [("Food > Baking", "label")]
    assert "interrupted" in screen
