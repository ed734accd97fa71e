"""From a user's labels to a model that classifies, as a user runs it."""

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")

from cli_samples import Run, runner, site, write_run

from taxocrawl.settings import SHIPPED_MODELS
from taxocrawl.training import own_fit

pytestmark = [pytest.mark.torch, pytest.mark.slow]

MINE = """id,parent,name,synonyms
health,,Health,clinic|doctor
dentist,health,Dentists,teeth|dental practice
shops,,Shops,
bikes,shops,Bicycle shops,
"""
LABELS = """title,text,label
Dr Bright,We fill and whiten your teeth,Dentists
Smile,Dental check-ups for children and implants,dentist
Brace yourself,Orthodontics and braces for teens,Health > Dentists
Spoke,Repair of brakes and gears for road bikes,bikes
Two wheels,Cargo bikes and electric bicycles to try,Bicycle shops
Chain reaction,Helmets and tyres and tubes,bikes
"""
TOPICS = """id,parent,name
1,,Sports
2,1,Soccer
4,,Food
5,4,Baking
"""
BIKE = "New saddles and wheels for your mountain bike"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "mine.csv").write_text(MINE)
    (tmp_path / "labels.csv").write_text(LABELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own_fit, "LEAST_STEPS", 20)  # seconds a command
    return runner(monkeypatch, capsys)


def test_labels_become_a_model_that_answers_by_itself(run: Run) -> None:
    done = run("train", "labels.csv", "--taxonomy", "mine.csv", "--out", "m", "--json")
    assert json.loads(done.out)["n_texts"] == 6
    Path("mine.csv").unlink()  # the folder has its own
    (answer,) = run("classify", "--model", "m", "--text", BIKE).rows
    assert answer["categories"][0]["path"] == "Shops > Bicycle shops"
    Path("costs.csv").write_text("true,predicted,cost\nHealth,Shops,5\n*,none,0.2\n")
    (report,) = run("evaluate", "labels.csv", "--model", "m", "--costs", "costs.csv", "--json").rows
    assert {m["name"] for m in report["measures"]} >= {"node_accepted", "macro_f1", "cost"}
    assert "the model loads" in run("model", "verify", "m").out
    Path("m/ranker.ubj").write_bytes(b"damaged")
    done = run("model", "verify", "m")
    assert done.code == 1
    assert "ranker.ubj" in done.err
    (row,) = [row for row in run("model", "list", "m", "--json").rows if row["name"] == "m"]
    assert row["taxonomy"] == "mine"
    assert "expected sha256" in row["problem"]


def test_another_encoder_is_copied_into_the_folder(run: Run) -> None:
    shutil.copytree(SHIPPED_MODELS / "default" / "encoder", "other")
    done = run("train", "--taxonomy", "mine.csv", "--encoder", "other", "--out", "m")
    assert "no labelled text" in done.out
    wrong = run("train", "--taxonomy", "mine.csv", "--encoder", "othr", "--out", "n")
    assert (wrong.code, Path("n").exists()) == (1, False)
    assert "othr is no encoder folder" in wrong.err
    shutil.rmtree("other")
    (answer,) = run("classify", "--model", "m", "--text", BIKE).rows
    assert answer["categories"][0]["path"] == "Shops > Bicycle shops"


def test_what_people_labelled_in_a_store_is_learnt(run: Run) -> None:
    Path("topics.csv").write_text(TOPICS)
    texts = {
        "a": "Goal and keeper",
        "b": "The league and its clubs",
        "c": "Bread, dough",
        "d": "Cake",
    }
    write_run(
        Path("sites.duckdb"),
        *(site(f"{name}.example", ("2", 0.3), text=text) for name, text in texts.items()),
    )
    done = run("train", "--store", "sites.duckdb", "--taxonomy", "topics.csv", "--out", "m")
    assert done.code == 2
    assert "has no labelled site" in done.err
    for name, node in zip(texts, "2255", strict=True):
        run("label", f"{name}.example", node)
    done = run("train", "--store", "sites.duckdb", "--taxonomy", "topics.csv", "--out", "m")
    assert "4 texts of 2 nodes" in done.out
    done = run("evaluate", "--store", "sites.duckdb", "--model", "m", "--json")
    assert done.rows[0]["n_texts"] == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bad.csv", "--taxonomy", "mine.csv"), "line 2"),
        (("bad.csv", "--taxonomy", "mine.csv"), "Shops > Bicycle shops"),
        (("labels.csv",), "--taxonomy is missing"),
        (("--search", "3"), "need --taxonomy and labels"),
        (("--taxonomy", "mine.csv", "--search", "3"), "give labelled texts"),
        (("labels.csv", "--taxonomy", "mine.csv", "--out", "."), "holds no model"),
    ],
)
def test_wrong_use_is_told(run: Run, arguments: tuple[str, ...], said: str) -> None:
    Path("bad.csv").write_text("text,label\nbells,Bicycle shop\n")
    done = run("train", "--out", "m", *arguments)
    assert (done.code, "Traceback" in done.err) == (2, False)
    assert said in done.err
    assert not Path("m").exists()
