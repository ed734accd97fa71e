"""What a schema is made of, and the statements that make it."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `check` is the condition of a CHECK, in SQL."""

    name: str
    type: str
    comment: str
    check: str = ""

    @property
    def ddl(self) -> str:
        """`name TYPE CHECK (...)`."""
        return f"{self.name} {self.type}" + (f" CHECK ({self.check})" if self.check else "")


@dataclass(frozen=True, slots=True)
class Table:
    """One table. None has a primary key: see FACTS 6.10, it would cost memory for every row."""

    name: str
    comment: str
    columns: tuple[Column, ...]

    def statements(self) -> Iterator[str]:
        """The statements that make the table and its comments."""
        columns = ", ".join(column.ddl for column in self.columns)
        yield f"CREATE TABLE {self.name} ({columns})"
        yield f"COMMENT ON TABLE {self.name} IS {quoted(self.comment)}"
        for column in self.columns:
            yield comment_on(self.name, column)


@dataclass(frozen=True, slots=True)
class AddedColumn:
    """A column that a later step adds; rows already there get `default`, a literal of SQL."""

    table: str
    column: Column
    default: str = "NULL"

    def statements(self) -> Iterator[str]:
        """The statements that add the column and its comment."""
        # DuckDB cannot add a column with a CHECK, so such a column is checked by the writer only.
        yield (
            f"ALTER TABLE {self.table} ADD COLUMN {self.column.name} {self.column.type} "
            f"DEFAULT {self.default}"
        )
        yield comment_on(self.table, self.column)


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered change of the schema."""

    number: int
    says: str
    changes: tuple[Table | AddedColumn, ...]

    def statements(self) -> Iterator[str]:
        """All statements of the step, in order."""
        for change in self.changes:
            yield from change.statements()


def quoted(text: str) -> str:
    """`text` as a literal of SQL: for our own comments only, values are bound."""
    return "'" + text.replace("'", "''") + "'"


def comment_on(table: str, column: Column) -> str:
    """The statement that gives the column its comment."""
    return f"COMMENT ON COLUMN {table}.{column.name} IS {quoted(column.comment)}"
