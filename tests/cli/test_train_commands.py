"""From a user's labels to a model that classifies, as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

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


def taxocrawl(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TAXOCRAWL_")}
    done = subprocess.run(
        [sys.executable, "-m", "taxocrawl", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stderr[-3000:]
    return done


def test_labels_become_a_model_that_answers_by_itself(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(MINE)
    (tmp_path / "labels.csv").write_text(LABELS)
    done = taxocrawl(
        tmp_path, "train", "labels.csv", "--taxonomy", "mine.csv", "--out", "m", "--json"
    )
    assert json.loads(done.stdout)["n_texts"] == 6
    (tmp_path / "mine.csv").unlink()  # the folder has its own
    text = "New saddles and wheels for your mountain bike"
    answer = json.loads(taxocrawl(tmp_path, "classify", "--model", "m", "--text", text).stdout)
    assert answer["categories"][0]["path"] == "Shops > Bicycle shops"
    assert answer["plugin_errors"] == []
    done = taxocrawl(tmp_path, "evaluate", "labels.csv", "--model", "m", "--json")
    report = json.loads(done.stdout)
    assert {m["name"] for m in report["measures"]} >= {"node_accepted", "macro_f1"}
    assert "the model loads" in taxocrawl(tmp_path, "model", "verify", "m").stdout
    (tmp_path / "m" / "ranker.ubj").write_bytes(b"damaged")
    assert "ranker.ubj" in taxocrawl(tmp_path, "model", "verify", "m", code=1).stderr
    listed = taxocrawl(tmp_path, "model", "list", "m", "--json").stdout.splitlines()
    (row,) = [row for row in map(json.loads, listed) if row["name"] == "m"]
    assert row["taxonomy"] == "mine"
    assert "expected sha256" in row["problem"]


def test_wrong_use_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(MINE)
    (tmp_path / "labels.csv").write_text("text,label\nbells,Bicycle shop\n")
    done = taxocrawl(
        tmp_path, "train", "labels.csv", "--taxonomy", "mine.csv", "--out", "m", code=2
    )
    assert "line 2" in done.stderr
    assert "Shops > Bicycle shops" in done.stderr
    done = taxocrawl(tmp_path, "train", "labels.csv", "--out", "m", code=2)
    assert "--taxonomy is missing" in done.stderr
