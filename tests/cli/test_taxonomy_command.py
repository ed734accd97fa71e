"""Taxonomies on the command line."""

import json
from pathlib import Path

import pytest
from cli_samples import Run

from taxocrawl.taxonomies import formats

MINE = """id,parent,name,synonyms,examples
p2,p,Gardeners,nursery|plants,Roses and compost for your garden
p,,People,,
p1,p,Doctors and dentists,physician|clinic|teeth,We fix your teeth|Book an appointment
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(MINE, encoding="utf-8")
    return path


def test_list_names_every_packaged_taxonomy_with_its_licence(run: Run) -> None:
    (listed,) = run("taxonomy", "list", "--json").rows
    assert {row["name"] for row in listed} >= set(formats.PACKAGED)  # type: ignore[union-attr]
    assert all(row["licence"] and row["source"] for row in listed)  # type: ignore[union-attr]
    shown = run("taxonomy", "list").out
    assert all(name in shown for name in formats.PACKAGED)


def test_show_prints_the_whole_tree_with_ids_and_flags(run: Run) -> None:
    done = run("taxonomy", "show", "iab-3.1")
    tree = formats.load("iab-3.1")
    assert len(done.out.splitlines()) == 1 + len(tree)
    assert "├── Soccer  533" in done.out
    assert "Sensitive Topics  v9i3On  sensitive" in done.out
    assert "\x1b[" not in done.out


def test_show_depth_cuts_the_tree(run: Run) -> None:
    roots = run("taxonomy", "show", "iab-3.1", "--depth", "1").out.splitlines()[1:]
    assert len(roots) == len(formats.load("iab-3.1").roots)


@pytest.mark.parametrize("node", ["483", "Sports", "sports"])
def test_show_prints_all_that_is_known_of_a_node(run: Run, node: str) -> None:
    shown = run("taxonomy", "show", "IAB Content 3.1", node).out
    for part in ("Sports  483", "scope", "not ", "keywords en", "keywords ja", "licence", "CC BY"):
        assert part in shown
    assert "Soccer  533" in shown


def test_show_as_json_has_the_node_and_what_is_below(run: Run) -> None:
    (shown,) = run(
        "taxonomy", "show", "google", "Furniture > Tables", "--lang", "de", "--json"
    ).rows
    assert {node["parent_id"] for node in shown["below"]} >= {shown["id"]}
    assert shown["names"]["de"] == shown["name_in_language"]
    assert shown["licence"]


def test_show_names_in_another_language(run: Run) -> None:
    assert "Tiere" in run("taxonomy", "show", "google", "--depth", "1", "--lang", "de").out


@pytest.mark.parametrize(
    ("text", "options", "best"),
    [
        ("soccer", (), "533"),
        ("Fußball", ("--lang", "de"), "533"),
        ("FUSSBALL", (), "533"),
        ("533", (), "533"),
        ("サッカー", (), "533"),
        ("Hundefutter", ("--taxonomy", "google", "--lang", "de"), "3530"),
    ],
)
def test_search_finds_by_any_wording_in_any_language(
    run: Run, text: str, options: tuple[str, ...], best: str
) -> None:
    (found,) = run("taxonomy", "search", text, *options, "--json").rows
    assert found[0]["id"] == best  # type: ignore[index]


def test_search_that_finds_nothing_says_what_may_help(run: Run) -> None:
    done = run("taxonomy", "search", "qqqq")
    assert (done.code, done.out) == (0, "")
    assert "--meaning" in done.err


def test_map_gives_the_relation(run: Run) -> None:
    (rows,) = run("taxonomy", "map", "483", "--to", "iab-1.0", "--json").rows
    (row,) = rows
    assert (row["id"], row["relation"], row["cattax"]) == ("IAB17", "exact", 1)  # type: ignore[index]
    shown = run("taxonomy", "map", "Sports > Soccer", "--from", "iab-3.1", "--to", "iab-2.2").out
    assert "exact" in shown
    assert "533" in shown


def test_map_without_a_target_gives_every_version(run: Run) -> None:
    (rows,) = run("taxonomy", "map", "483", "--json").rows
    assert {row["taxonomy"] for row in rows} == {  # type: ignore[union-attr]
        *("iab-1.0", "iab-2.0", "iab-2.1", "iab-2.2", "iab-3.0", "iab-ad-product-2.0")
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "iab-31"), "did you mean 'iab-3.1'"),
        (("show", "iab-3.1", "Socer"), "533 (Sports > Soccer)"),
        (("show", "iab-3.1", "--lang", "xx"), "has no names in 'xx'"),
        (("show", "nowhere.csv"), "there is no file"),
        (("search", "x", "--lang", "xx"), "has no words in 'xx'"),
        (("map", "4833", "--to", "iab-1.0"), "483 (Sports)"),
        (("map", "483", "--to", "gogle"), "did you mean 'google'"),
        (("map", "483", "--to", "iab-audience-1.1"), "no crosswalk leads"),
        (("check", "nowhere.csv"), "there is no file nowhere.csv"),
    ],
)
def test_a_mistake_names_the_nearest(run: Run, arguments: tuple[str, ...], said: str) -> None:
    done = run("taxonomy", *arguments)
    assert done.code in (1, 2)
    assert said in done.err
    assert done.out == ""


def test_a_name_that_several_nodes_have_asks_for_the_id(run: Run) -> None:
    done = run("taxonomy", "show", "iab-2.2", "Antarctica")
    assert done.code == 1
    assert "give an id" in done.err


def test_check_gives_a_verdict_on_a_good_file(run: Run, mine: Path) -> None:
    (verdict,) = run("taxonomy", "check", str(mine), "--json").rows
    assert (verdict["readable"], verdict["nodes"], verdict["by_tier"]) == (True, 3, [1, 2])
    assert verdict["with_examples"] == 2
    assert "it can be used" in run("taxonomy", "check", str(mine)).out


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,b,A\nb,a,B\n", "line 2: cycle of parents"),
        ("a,,A\nb,zz,B\n", "line 3: parent 'zz'"),
        ("a,,A\na,,B\n", "line 3: id 'a' stands in line 2"),
        ("a,,\xff\n", "line 2: not utf-8"),
        ("a,,A\nb,,A\n", "line 3: root 'A'"),
    ],
    ids=["cycle", "missing-parent", "duplicate", "encoding", "two-roots"],
)
def test_check_names_the_line_of_a_fault(run: Run, tmp_path: Path, rows: str, said: str) -> None:
    path = tmp_path / "bad.csv"  # M04
    path.write_bytes(("id,parent,name\n" + rows).encode("latin-1"))
    done = run("taxonomy", "check", str(path))
    assert done.code == 1
    assert said in done.err
    as_json = run("taxonomy", "check", str(path), "--json")
    assert as_json.code == 1
    assert said in json.loads(as_json.out)["fault"]


def test_every_command_takes_a_file_of_ones_own(run: Run, mine: Path) -> None:
    assert "Doctors and dentists  p1" in run("taxonomy", "show", str(mine)).out
    (found,) = run("taxonomy", "search", "clinic", "--taxonomy", str(mine), "--json").rows
    assert [row["id"] for row in found] == ["p1"]  # type: ignore[union-attr]


def test_a_file_may_not_take_the_name_of_another_taxonomy(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "google.csv"
    path.write_text(MINE)
    done = run("taxonomy", "show", str(path))
    assert done.code == 1
    assert "rename the file" in done.err


def test_the_documentation_names_every_taxonomy_with_its_code() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "taxonomies.md").read_text("utf-8")
    table = page[: page.index("## Look around")]
    for name, packaged in formats.PACKAGED.items():
        (row,) = [line for line in table.splitlines() if f"`{name}`" in line and "|" in line]
        assert packaged.cattax is None or str(packaged.cattax) in row.split("|")[-2]


def test_search_by_meaning_finds_what_is_called_otherwise(run: Run) -> None:
    (found,) = run("taxonomy", "search", "teeth whitening", "--meaning", "--json").rows
    assert any("Dental" in row["path"] or "Oral" in row["path"] for row in found[:3])  # type: ignore[union-attr]
