"""The rows of the contract suite: one file per engine says in which states its server can be met,
and `tests/test_rows.py` asks leftopen for its verdict on each."""
