import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from store_samples import TOPICS, ask, baking, classified, failed, prediction, soccer, write

from taxocrawl.errors import InputError, StoreError, StoreLocked, TaxonomyError
from taxocrawl.records import Outcome
from taxocrawl.store import agreement, history, label_files, labels, review
from taxocrawl.store.labels import Label, add_labels
from taxocrawl.taxonomies.tree import Node, Taxonomy

A = "a.example"


def label(node_id: str | None, by: str = "ann", **others: Any) -> Label:
    values: dict[str, Any] = {"domain": A, "taxonomy": "topics", "labelled_by": by}
    return Label(node_id=node_id, **(values | others))


def deepest(path: Path, domain: str = A) -> list[tuple[str, str]]:
    rows = ask(
        path,
        "SELECT path, decided_by FROM site_categories WHERE domain = ? AND rank = 1 ORDER BY path",
        (domain,),
    )
    return [(path, by) for path, by in rows]


def test_a_taxonomy_comes_back_from_the_store(path: Path) -> None:
    found = labels.taxonomy_of(path, "topics")
    assert found is not None
    assert found.sha256 == TOPICS.sha256
    assert labels.taxonomy_of(path, "none") is None


def test_a_taxonomy_that_no_run_used_can_be_added_for_labels(path: Path) -> None:
    labels.add_taxonomy(path, Taxonomy("mine", [Node(id="x", parent_id=None, name="X", tier=1)]))
    write(path, classified(A))
    assert labels.taxonomies_of(path) == ("topics", "mine")
    add_labels(path, [label("x", taxonomy="mine")])
    assert deepest(path) == [("Sports > Soccer", "ranker"), ("X", "label")]


# --- whose word counts


def test_the_same_person_replaces_what_they_said(path: Path) -> None:
    add_labels(path, [label("2"), label("5")])
    add_labels(path, [label("4")], replace=True)
    assert deepest(path) == [("Food", "label")]
    add_labels(path, [label("1")])
    assert deepest(path) == [("Food", "label"), ("Sports", "label")]


def test_nothing_fits_and_a_category_exclude_each_other(path: Path) -> None:
    add_labels(path, [label("2")])
    add_labels(path, [label(None)])
    assert ask(path, "SELECT node_id FROM labels") == [(None,)]
    add_labels(path, [label("5")])
    assert ask(path, "SELECT node_id FROM labels") == [("5",)]


def test_what_a_person_strikes_takes_their_own_labels_below_with_it(path: Path) -> None:
    add_labels(path, [label("3"), label("5")])
    add_labels(path, [label("1", verdict="is_not")])
    assert ask(path, "SELECT node_id, verdict FROM labels ORDER BY 1") == [
        ("1", "is_not"),
        ("5", "is"),
    ]


def test_of_two_people_the_last_to_say_what_it_is_decides_and_both_words_stay(path: Path) -> None:
    write(path, classified(A))
    add_labels(path, [label("5", "ann")])
    add_labels(path, [label("2", "bob"), label("4", "bob", verdict="is_not")])
    assert deepest(path) == [("Sports > Soccer", "label")]
    add_labels(path, [label(None, "eve")])
    assert deepest(path) == []
    assert ask(path, "SELECT count(*) FROM labels") == [(4,)]


def test_a_newer_strike_of_another_person_hands_the_site_back_to_the_machine(path: Path) -> None:
    write(path, classified(A))
    add_labels(path, [label("5", "ann")])
    add_labels(path, [label("4", "bob", verdict="is_not")])
    assert deepest(path) == [("Sports > Soccer", "ranker")]
    add_labels(path, [label("5", "ann")])
    assert deepest(path) == [("Food > Baking", "label")]


def test_labels_are_removed_by_person_and_category(path: Path) -> None:
    add_labels(path, [label("2", "ann"), label("5", "ann"), label("5", "bob")])
    site = {"domain": A, "taxonomy": "topics"}
    assert labels.remove_labels(path, **site, labelled_by="ann", node_ids=["5"]) == 1
    assert labels.remove_labels(path, **site, labelled_by="eve") == 0
    assert labels.remove_labels(path, **site) == 2


def test_one_label_that_names_nothing_stops_all(path: Path) -> None:
    with pytest.raises(StoreError, match="no category '77'"):
        add_labels(path, [label("2"), label("77")])
    assert ask(path, "FROM labels") == []


def test_text_of_hostile_notes_comes_back_as_it_was(path: Path) -> None:
    note = "'); DROP TABLE labels; -- \x1b]0;x\x07 \u202e =1+1"
    add_labels(path, [label("2", note=note)])
    ((stored, node_path),) = labels.read_labels(path)
    assert (stored.note, node_path) == (note, "Sports > Soccer")


# --- while others hold the store

HOLD = """
import sys, duckdb
store = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def held(path: Path) -> Any:
    """The store, open for writing in another process until a line is sent to it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def test_a_label_waits_for_a_writer_and_says_for_whom(
    path: Path, held: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "SILENT_S", 0.0)
    logged = caplog.handler.emit

    def let_go(record: Any) -> None:
        logged(record)
        held.communicate("\n")

    monkeypatch.setattr(caplog.handler, "emit", let_go)
    add_labels(path, [label("2")])
    assert f"in use by process {held.pid}" in caplog.text
    assert "waiting for up to 30 s" in caplog.text
    assert ask(path, "SELECT node_id FROM labels") == [("2",)]


def test_a_store_that_stays_held_is_refused_by_name(
    path: Path, held: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "SILENT_S", 0.0)
    monkeypatch.setattr(labels, "WAIT_S", 0.0)
    with pytest.raises(StoreLocked, match=f"process {held.pid}"):
        add_labels(path, [label("2")])


# --- files


def judged(rows: list[label_files.FileRow]) -> list[label_files.RowVerdict]:
    def load(name: str) -> Taxonomy:
        if name != "topics":
            raise TaxonomyError(f"unknown taxonomy {name!r}")
        return TOPICS

    return label_files.judge(rows, load=load, taxonomy="topics", labelled_by="ann")


@pytest.mark.parametrize("shape", ["csv", "jsonl"])
def test_an_export_is_read_back_as_it_was(path: Path, shape: label_files.FileFormat) -> None:
    said = [
        label("2", note="=HYPERLINK(1)", domain="b.example"),
        label("5", note='two\nlines, "quoted"', domain="c.example"),
        label("5", "bob", verdict="is_not", url="https://d.example/x,y", domain="d.example"),
        label(None, domain="e.example", created_at=datetime(2026, 11, 1, 12)),
    ]
    add_labels(path, said)
    file = io.StringIO()
    assert label_files.write(labels.read_labels(path), file, shape=shape) == 4
    verdicts = judged(label_files.read(file.getvalue().encode(), name="labels"))
    assert [v.problem for v in verdicts] == [""] * 4
    assert [v.label for v in verdicts] == [stored for stored, _ in labels.read_labels(path)]


def test_an_exported_csv_runs_nothing_in_a_spreadsheet() -> None:
    """C17"""
    file = io.StringIO()
    notes = ["=1+1", "+1", "-1", "@x", "\tx", "\rx"]
    label_files.write([(label("2", note=note), "Food") for note in notes], file, shape="csv")
    assert all(f"'{note[0]}" in file.getvalue() for note in notes)


CSV = """\
Site;Category;By;Verdict
www.B.example;Socer;bob;
https://c.example/page;Food > Baking;;is
;Soccer;;
d.example;Soccer;;maybe
e.example;;;
e.example;;;none
e.example;Soccer;;
e.example;1;;not
f.example;Soccer;x;is;more;cells
"""


def test_every_row_of_a_file_gets_a_verdict_with_its_number() -> None:
    verdicts = judged(label_files.read(CSV.encode("utf-16"), name="labels.csv"))
    good = {v.row: v.label for v in verdicts if v.label}
    assert {row: (x.domain, x.node_id, x.labelled_by) for row, x in good.items()} == {
        3: ("c.example", "5", "ann"),
        7: ("e.example", None, "ann"),
        9: ("e.example", "1", "ann"),
    }
    problems = {v.row: v.problem for v in verdicts if v.problem}
    assert [v.row for v in verdicts] == list(range(2, 11))
    assert "2 (Sports > Soccer)" in problems[2]
    assert problems[4] == "there is no domain"
    assert "'maybe' is none of is, is_not, none" in problems[5]
    assert "there is no category" in problems[6]
    assert problems[8] == "says the contrary of row 7"
    assert problems[10] == "6 cells, the header has 4"


LINES = [
    {"domain": "b.example", "node_id": 2},
    {"domain": "b.example", "node": "5", "taxonomy": "other"},
    {"domain": "b.example", "node": ["5"]},
    ["b.example", "5"],
    {"domain": "b.example", "label": "Baking", "created_at": "yesterday"},
    {"domain": "b.example", "label": "Baking", "created_at": "2026-11-21T10:00:00+01:00"},
]


def test_json_lines_and_a_json_array_are_read_alike() -> None:
    lines = "\n".join(["", *map(json.dumps, LINES), "{", '{"a":' * 30])
    by_line = judged(label_files.read(lines.encode(), name="x"))
    in_array = judged(label_files.read(json.dumps(LINES).encode(), name="x"))
    assert [v.label for v in by_line[:6]] == [v.label for v in in_array]
    assert [v.row for v in by_line] == list(range(2, 10))
    assert [bool(v.label) for v in by_line] == [
        True,
        False,
        False,
        False,
        False,
        True,
        False,
        False,
    ]
    last = by_line[5].label
    assert last is not None
    assert last.created_at == datetime(2026, 11, 21, 9, tzinfo=UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"domain,node\na.example,\xff\n", "line 2: not utf-8"),
        (b"\xff\xfe\x00", "not utf-16"),
        (b"a.example,Soccer\n", "the first row has to name the columns"),
        (b"[1, 2", "not JSON"),
    ],
)
def test_a_file_that_is_no_label_file_says_why(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        label_files.read(data, name="labels.csv")


def test_a_cell_without_end_is_one_bad_row() -> None:
    data = 'domain,node_id\nb.example,2\nc.example,"' + "x" * 200_000
    first, second = judged(label_files.read(data.encode(), name="x"))
    assert first.label
    assert "field larger" in second.problem


# --- review


def unsure(domain: str, *ranked: tuple[str, float]) -> Outcome:
    return Outcome(
        domain=domain,
        kind="uncertain",
        predictions=tuple(
            prediction(node, confidence, rank=rank, asserted=False)
            for rank, (node, confidence) in enumerate(ranked, 1)
        ),
    )


def close(domain: str) -> Outcome:
    predictions = (prediction("2", 0.5, rank=1), prediction("5", 0.4, rank=2, asserted=False))
    return classified(domain, predictions)


def torn(domain: str) -> Outcome:
    return classified(domain, (*soccer(), prediction("5", 0.9, rank=1, classifier="nearest")))


def sure(domain: str) -> Outcome:
    """Its second choice lies above the first: no rival."""
    return classified(domain, (*baking(), prediction("1", 0.1, rank=3, asserted=False)))


@pytest.fixture
def doubtful(path: Path) -> Path:
    write(
        path,
        unsure("s1.example", ("2", 0.3), ("5", 0.1)),
        unsure("s2.example", ("2", 0.3), ("5", 0.2)),
        unsure("f1.example", ("5", 0.4), ("2", 0.1)),
        sure("sure.example"),
        close("close.example"),
        torn("torn.example"),
        failed("gone.example"),
    )
    return path


def walk(path: Path, **options: Any) -> list[tuple[str, str]]:
    """All that wait, in order, with the reason."""
    seen: list[tuple[str, str]] = []
    while item := review.next_in_queue(path, "topics", seen=[d for d, _ in seen], **options):
        seen.append((item.domain, item.reason))
    return seen


def test_the_queue_holds_doubtful_sites_each_unlike_those_before_it(doubtful: Path) -> None:
    assert review.fill_queue(doubtful, "topics") == 5
    assert walk(doubtful) == [
        ("s2.example", "uncertain"),
        ("f1.example", "uncertain"),
        ("torn.example", "disagreement"),
        ("s1.example", "uncertain"),
        ("close.example", "close"),
    ]
    assert review.fill_queue(doubtful, "topics") == 5


def test_what_was_decided_or_skipped_is_so_after_the_next_filling(doubtful: Path) -> None:
    review.fill_queue(doubtful, "topics")
    for act in ("skip", "label"):
        item = review.next_in_queue(doubtful, "topics")
        assert item is not None
        if act == "skip":
            review.skip(doubtful, item)
        else:
            review.decide(doubtful, item, node_id="5", labelled_by="ann")
    assert review.fill_queue(doubtful, "topics") == 4
    assert [domain for domain, _ in walk(doubtful)] == [
        "torn.example",
        "close.example",
        "s1.example",
        "s2.example",
    ]
    assert deepest(doubtful, "f1.example") == [("Food > Baking", "label")]


def test_what_was_labelled_is_not_asked_again_in_other_words(doubtful: Path) -> None:
    add_labels(doubtful, [label("2", domain="s2.example")])
    review.fill_queue(doubtful, "topics")
    assert walk(doubtful)[0] == ("f1.example", "uncertain")


def test_the_queue_is_the_same_each_time_it_is_filled(doubtful: Path) -> None:
    review.fill_queue(doubtful, "topics")
    first = walk(doubtful)
    review.fill_queue(doubtful, "topics")
    assert walk(doubtful) == first


def test_an_answer_can_be_taken_back(doubtful: Path) -> None:
    review.fill_queue(doubtful, "topics")
    item = review.next_in_queue(doubtful, "topics")
    assert item is not None
    review.decide(doubtful, item, node_id=None, labelled_by="ann")
    review.undo(doubtful, item, labelled_by="ann")
    assert review.next_in_queue(doubtful, "topics") == item
    assert ask(doubtful, "FROM labels") == []


def test_an_item_shows_what_is_needed_to_decide(doubtful: Path) -> None:
    review.fill_queue(doubtful, "topics")
    item = review.next_in_queue(doubtful, "topics")
    assert item is not None
    assert [(c.path, c.confidence) for c in item.candidates] == [
        ("Sports > Soccer", 0.3),
        ("Food > Baking", 0.2),
    ]


def test_a_new_run_replaces_what_still_waits(doubtful: Path) -> None:
    review.fill_queue(doubtful, "topics")
    write(doubtful, unsure("new.example", ("4", 0.1)))
    assert review.fill_queue(doubtful, "topics") == 1
    assert walk(doubtful) == [("new.example", "uncertain")]


def test_a_second_look_is_at_what_others_labelled(doubtful: Path) -> None:
    add_labels(doubtful, [label("2", "ann", domain="s1.example")])
    add_labels(doubtful, [label("2", "bob", domain="s2.example")])
    item = review.next_second_look(doubtful, "topics", labelled_by="bob")
    assert item is not None
    assert item.domain == "s1.example"
    review.decide(doubtful, item, node_id="5", labelled_by="bob")
    assert review.next_second_look(doubtful, "topics", labelled_by="bob") is None


def test_a_store_without_answers_has_nothing_to_review(path: Path) -> None:
    assert review.fill_queue(path, "topics") == 0
    assert review.next_in_queue(path, "topics") is None


# --- agreement


def test_kappa_is_that_of_cohens_example_by_hand() -> None:
    # 2 x 2 table 20, 5 / 10, 15: p_o = 35/50, p_e = (25*30 + 25*20) / 2500 = 0.5
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert agreement.kappa(first, second) == pytest.approx(0.4)
    assert agreement.kappa(["a", "b"], ["a", "b"]) == 1
    assert agreement.kappa(["a", "b"], ["b", "a"]) == -1
    assert agreement.kappa(["a", "a"], ["a", "a"]) is None


def test_two_labellers_agree_at_tier_1_and_differ_in_the_category(path: Path) -> None:
    said = {"b.example": ("2", "3"), "c.example": ("5", "5"), "d.example": (None, "4")}
    for domain, (ann, bob) in said.items():
        add_labels(path, [label(ann, "ann", domain=domain), label(bob, "bob", domain=domain)])
    add_labels(path, [label("2", "eve", domain="z.example")])
    tier1, node = agreement.agreements(path)
    assert (tier1.level, tier1.a, tier1.b, tier1.n_sites) == ("tier1", "ann", "bob", 3)
    assert tier1.share == pytest.approx(2 / 3)
    # p_e: Sports 1/3 * 1/3, Food 1/3 * 2/3, none 1/3 * 0
    assert tier1.kappa == pytest.approx((2 / 3 - 1 / 3) / (1 - 1 / 3))
    assert node.share == pytest.approx(1 / 3)
    assert [(d.domain, d.a, d.b) for d in node.disagreements] == [
        ("b.example", ("Sports > Soccer",), ("Sports > Soccer > Youth Soccer",)),
        ("d.example", (), ("Food",)),
    ]


# --- runs side by side


def test_changes_name_the_deepest_categories_and_who_came_and_went(path: Path) -> None:
    write(path, classified(A), classified("b.example"), classified("gone.example"))
    youth = (prediction("3", 0.6, rank=1), prediction("2", 0.7), prediction("1", 0.8))
    write(path, classified(A, youth), failed("b.example"), classified("new.example"))
    found = history.changes(path)
    assert [(c.domain, c.change, c.before, c.after) for c in found.changes] == [
        (A, "gained", None, "Sports > Soccer > Youth Soccer"),
        ("b.example", "outcome", "classified", "timeout"),
        ("b.example", "lost", "Sports > Soccer", None),
        ("gone.example", "vanished", "classified", None),
        ("new.example", "appeared", None, "classified"),
    ]
    back = history.changes(path, before=found.run_after, after=found.run_before)
    assert len(back.changes) == 5
    with pytest.raises(StoreError, match=f"did you mean {found.run_after}"):
        history.changes(path, before=found.run_after[:-1] + "x")


def test_changes_need_two_runs(path: Path) -> None:
    with pytest.raises(StoreError, match="no run yet"):
        history.changes(path)
    run_id = write(path, classified(A))
    with pytest.raises(StoreError, match=f"no run before {run_id}"):
        history.changes(path)


def test_failures_are_those_of_one_run(path: Path) -> None:
    old = write(path, failed("old.example"))
    write(path, failed("b.example", "dns_failed", "nxdomain"), failed("c.example"), classified(A))
    run, found = history.failures(path)
    assert [(f.domain, f.kind) for f in found] == [
        ("b.example", "dns_failed"),
        ("c.example", "timeout"),
    ]
    assert [f.domain for f in history.failures(path, retryable_only=True)[1]] == ["c.example"]
    assert [f.run_id for f in history.failures(path, run_id=old)[1]] == [old]
    assert run != old
