"""Tables of search spaces: their layouts, and a converter from the official files."""

from sugata.evaluators.tables.layouts import data_sets, read_table

__all__ = ["data_sets", "read_table"]
