"""Labelled files as people have them."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet as pq
import pytest

from taxocrawl.errors import InputError
from taxocrawl.taxonomies.tree import Node, Taxonomy
from taxocrawl.training.own_labels import read_file

TREE = Taxonomy(
    "mine",
    [
        Node(id="1", parent_id=None, name="Shops", tier=1),
        Node(id="2", parent_id="1", name="Bicycle shops", tier=2),
        Node(id="3", parent_id=None, name="Health", tier=1),
    ],
)


def write(folder: Path, text: str, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_label_is_an_id_a_name_or_a_path(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "Title,Text,Label\nSpoke,brakes,2\nGear,tubes,bicycle shops\n"
        "Two,bells,Shops > Bicycle shops\n",
    )
    assert [page.primary for page in read_file(path, TREE).pages] == ["2", "2", "2"]


def test_several_labels_stand_in_one_cell_or_a_list(tmp_path: Path) -> None:
    (page,) = read_file(write(tmp_path, "text;label\nbells;Bicycle shops|Health\n"), TREE).pages
    assert (page.primary, page.alternatives) == ("2", ("3",))
    row = json.dumps({"body": "bells", "labels": ["3", "2"]})
    (page,) = read_file(write(tmp_path, row, "l.jsonl"), TREE).pages
    assert (page.primary, page.alternatives) == ("3", ("2",))


def test_parquet_is_read(tmp_path: Path) -> None:
    table = pyarrow.table({"text": ["bells", "pills"], "label": [2, 3]})
    pq.write_table(table, tmp_path / "l.parquet")
    assert [page.primary for page in read_file(tmp_path / "l.parquet", TREE).pages] == ["2", "3"]


def test_an_unknown_label_is_named_with_its_line_and_what_may_be_meant(tmp_path: Path) -> None:
    path = write(tmp_path, "text,label\nbells,2\ntyres,Bicycle shop\npills,\n,3\n")
    with pytest.raises(InputError) as caught:
        read_file(path, TREE)
    message = str(caught.value)
    assert "3 of 4 rows are wrong" in message
    assert "line 3" in message
    assert "'Bicycle shop'" in message
    assert "Shops > Bicycle shops" in message
    assert "line 4: there is no label" in message
    assert "line 5: there is no text" in message


def test_the_same_text_twice_is_one_text_with_all_its_labels(tmp_path: Path) -> None:
    path = write(tmp_path, "text,label\nbells,2\n Bells ,2\nbells,3\npills,3\n")
    found = read_file(path, TREE)
    assert found.merged == 2
    assert [(p.primary, p.alternatives) for p in found.pages] == [("2", ("3",)), ("3", ())]


def test_pages_of_one_site_share_its_registrable_domain(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "text,url,label\nbells,https://www.shop.example.co.uk/a,2\n"
        "tubes,http://blog.example.co.uk/,2\npills,,3\n",
    )
    first, second, third = read_file(path, TREE).pages
    assert first.domain == second.domain == "example.co.uk"
    assert third.domain == third.page_id


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "text,topic\nx,2\n", "needs a column `label`"),
        ("a.csv", "", "no labelled row"),
        ("a.csv", "text,label\nx,2,3\n", "more cells"),
        ("a.csv", 'text,label\n"x,2\n', "cannot be read"),
        ("a.jsonl", '{"text": "x"\n', "line 1: not JSON"),
        ("a.jsonl", "[1]\n", "not a JSON object"),
        ("a.parquet", "no parquet", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        read_file(write(tmp_path, text, name), TREE)


def test_a_missing_file_names_the_one_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "text,label\nx,2\n")
    with pytest.raises(InputError, match=r"labels\.csv"):
        read_file(tmp_path / "lables.csv", TREE)
