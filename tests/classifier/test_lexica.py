"""The table that ships is what the readable lists say."""

from __future__ import annotations

import numpy as np

from leftopen.classifier import lexica
from leftopen.classifier.lexica.lists import listed


def test_the_table_is_made_of_the_lists() -> None:
    built = lexica.Table.of(listed())
    np.testing.assert_array_equal(
        lexica.table().cells, built.cells, err_msg="run tools/lexica.py --table-only"
    )
    assert np.count_nonzero(built.cells) > 200_000


def test_order_does_not_matter_and_packing_loses_nothing() -> None:
    lists = ((lexica.GIVEN, ["ann", "жанна", "x" * 40]), (lexica.PLACE, ["ulm", "ann", "x" * 41]))
    table = lexica.Table.of(lists)
    again = lexica.Table.of([(bit, words[::-1]) for bit, words in reversed(lists)])
    np.testing.assert_array_equal(table.cells, again.cells)
    assert sorted(table.cells[table.cells != 0] & 0xFFFF) == sorted(
        [lexica.GIVEN, lexica.GIVEN, lexica.PLACE, lexica.GIVEN | lexica.PLACE]
    )
    np.testing.assert_array_equal(lexica.Table.unpacked(table.pack()).cells, table.cells)
