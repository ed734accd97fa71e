import dataclasses
from typing import get_args

import pytest

from taxocrawl import records
from taxocrawl.records import FIELD_NAMES, OUTCOMES, Fields, OutcomeKind, is_retryable


def test_outcomes_are_the_closed_list() -> None:
    assert set(OUTCOMES) == set(get_args(OutcomeKind))
    assert len(OUTCOMES) == 26


@pytest.mark.parametrize(
    ("kind", "detail", "expected"),
    [
        ("classified", "", False),
        ("timeout", "body", True),
        ("dns_failed", "nxdomain", False),
        ("dns_failed", "servfail", True),
        ("tls_failed", "expired", False),
        ("tls_failed", "handshake", True),
        ("http_error", "404", False),
        ("http_error", "429", True),
        ("http_error", "503 retry_after 30", True),
        ("http_error", "", False),
        ("interrupted", "", True),
        ("extractor_failed", "died", True),
    ],
)
def test_retry_follows_kind_and_detail(kind: OutcomeKind, detail: str, expected: bool) -> None:
    assert is_retryable(kind, detail) is expected


def test_every_record_is_frozen_and_keyword_only() -> None:
    classes = [c for c in vars(records).values() if dataclasses.is_dataclass(c)]
    assert len(classes) > 15
    for record in classes:
        assert record.__dataclass_params__.frozen
        assert all(field.kw_only for field in dataclasses.fields(record))
        assert "__slots__" in vars(record)


def test_field_names_are_those_of_fields() -> None:
    assert {*FIELD_NAMES, "language"} == {f.name for f in dataclasses.fields(Fields)}
    assert [name for name, _ in Fields(title="x").items()] == list(FIELD_NAMES)
