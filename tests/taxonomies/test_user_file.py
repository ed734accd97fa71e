"""Users' own files: what is understood, and how a mistake is named (M04, M05)."""

import random
import re
import time
from pathlib import Path

import pytest

from taxocrawl.errors import TaxonomyError
from taxocrawl.taxonomies.user_file import read_csv


def write(folder: Path, content: str | bytes, name: str = "own.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize(
    "content",
    [
        "id,parent,name\n1,,Shop\n2,1,Shoes\n",
        "ID\tParent ID\tLabel\n1\t\tShop\n2\t1\tShoes\n",
        "Unique ID;Parent;Name;Tier 1\n1;;Shop;Shop\n2;1;Shoes;Shop\n",
        "name|parent_id|category_id\nShop||1\nShoes|1|2\n",
        '"id","parent","name"\r\n"1","","Shop"\r\n\r\n"2","1","Shoes"\r\n',
        "\ufeffid,parent,name\n1,,Shop\n2,1,Shoes",
        "id,parent,name\r1,,Shop\r2,1,Shoes\r",
        "id,parent,name\n2,1,Shoes\n1,,Shop\n",
        "id,parent,name\n 1 ,,  Shop \n2, 1,Shoes\n",
        "id\tparent\tname\n1\t\tShop\n2\t1\tShoes\n".encode("utf-16"),
    ],
    ids=[
        "csv",
        "tsv, other headings",
        "semicolon, as the IAB writes",
        "bar, other order",
        "quoted, CR LF, blank line",
        "byte order mark, no last line end",
        "CR only",
        "parent below its child",
        "white space",
        "utf-16 of a spreadsheet",
    ],
)
def test_the_same_tree_is_read_from_what_people_write(tmp_path: Path, content: str | bytes) -> None:
    taxonomy = read_csv(write(tmp_path, content))
    assert [taxonomy.path(node_id) for node_id in taxonomy.ids] == ["Shop", "Shop > Shoes"]
    assert taxonomy.name == "own"


def test_optional_columns_become_texts_flags_and_note(tmp_path: Path) -> None:
    header = "id,parent,name,synonyms,examples,description,flags,notes\n"
    row = '1,,Shoes,"boots | sneakers;clogs","Buy boots|Red clogs",What feet wear,x;y,new\n'
    taxonomy = read_csv(write(tmp_path, header + row + "2,,Hats\n"), name="wear")
    texts = taxonomy.texts("1")
    assert texts.synonyms == ("boots", "sneakers", "clogs")
    assert texts.short_examples == ("Buy boots", "Red clogs")
    assert texts.scope == "What feet wear"
    assert (taxonomy["1"].flags, taxonomy["1"].note) == ({"x", "y"}, "new")
    assert taxonomy.texts("2").synonyms == ()
    assert taxonomy.name == "wear"


def test_ids_keep_their_case_and_leading_zeros(tmp_path: Path) -> None:
    taxonomy = read_csv(write(tmp_path, "id,parent,name\n007,,Spies\nab,007,x\nAB,007,y\n"))
    assert taxonomy.ids == ("007", "ab", "AB")


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("id,parent,name\n1,2,a\n2,3,b\n3,1,c\n", 2, "cycle of parents: 1 > 2 > 3 > 1"),
        ("id,parent,name\n1,,a\n2,2,b\n", 3, "cycle of parents: 2 > 2"),
        ("id,parent,name\n1,,a\n2,,b\n1,2,c\n", 4, "id '1' stands in line 2 already"),
        ("id,parent,name\n1,,a\n2,9,b\n", 3, "parent '9' of '2' is no id here"),
        ("id,parent,name\n1,,a\n3,2,c\n2,9,b\n", 4, "parent '9' of '2' is no id here"),
        ("id,parent,name\n1,,Shop\n2,,shop\n", 3, "root 'shop' stands in line 2 already"),
        (b"id,parent,name\n1,,a\n2,1,Caf\xe9\n", 3, "not utf-8"),
        (b"\xff\xfei\x00d", 1, "not utf-16: truncated data"),
        ("id,parent,name\n1,,a\x00b\n", 2, "control character U+0000"),
        ("id,parent,name\n1,,a\x1b[31m\n", 2, "control character U+001B"),
        ("id,parent,name\n,,a\n", 2, "row without an id"),
        ("id,parent,name\n1,,\n", 2, "row without a name"),
        ("id,parent,name\n1,\n", 2, "2 cells"),
        ('id,parent,name\n1,,"a\n', 2, "unexpected end of data"),
        ("1,,Shop\n2,1,Shoes\n", 1, "header must name the columns id, parent, name"),
        ("", 1, "header must name"),
    ],
    ids=[
        "cycle",
        "own parent",
        "duplicate",
        "missing parent",
        "missing grandparent",
        "two roots of one name",
        "latin-1",
        "utf-16 cut short",
        "NUL",
        "escape",
        "no id",
        "no name",
        "short row",
        "open quote",
        "no header",
        "empty",
    ],
)
def test_m04_a_mistake_is_named_with_its_line(
    tmp_path: Path, content: str | bytes, line: int, message: str
) -> None:
    with pytest.raises(TaxonomyError, match=f"own.csv, line {line}: .*{re.escape(message)}"):
        read_csv(write(tmp_path, content))


def test_m04_a_long_cycle_is_shown_short(tmp_path: Path) -> None:
    rows = "".join(f"{i},{(i + 1) % 5000},n{i}\n" for i in range(5000))
    with pytest.raises(TaxonomyError, match=r"cycle of parents: 0 > 1 > 2 > 3 > \.\.\. > 4998 "):
        read_csv(write(tmp_path, "id,parent,name\n" + rows))


@pytest.mark.parametrize("content", ["id,parent,name\n", "id,parent,name\n\n\n"])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(TaxonomyError, match="no rows below the header"):
        read_csv(write(tmp_path, content))


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match=r"gone\.csv: No such file"):
        read_csv(tmp_path / "gone.csv")
    with pytest.raises(TaxonomyError, match="Is a directory"):
        read_csv(tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_random_bytes_give_a_tree_or_a_named_error(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    alphabet = ["1", "2", "a", ",", "\n", '"', ";", "\t", "é", "\r", "|", " "]
    for _ in range(300):
        body = "".join(rng.choices(alphabet, k=rng.randrange(60)))
        try:
            n_nodes = len(read_csv(write(tmp_path, "id,parent,name\n" + body)))
        except TaxonomyError:
            continue
        assert n_nodes > 0


@pytest.mark.parametrize(
    "n_rows", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)], ids=str
)
def test_m05_a_million_rows_load_in_time(tmp_path: Path, n_rows: int) -> None:
    rng = random.Random(7)
    file = tmp_path / "large.csv"
    ids = list(range(n_rows))
    rng.shuffle(ids)
    with file.open("w", encoding="utf-8") as out:
        out.write("id,parent,name\n")
        for i in ids:
            out.write(f"{i},{'' if i < 20 else rng.randrange(i // 10, i)},Category {i}\n")
    start = time.process_time()
    taxonomy = read_csv(file)
    assert len(taxonomy) == n_rows
    assert time.process_time() - start < 30 * n_rows / 1e6
