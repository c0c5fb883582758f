"""What is kept of a docstring and of a function."""

import pytest

from sugata.tasks.code_search import Pair, harvest, pair_of
from sugata.tasks.code_search.pairs import first_paragraph, without_docstring

MODULE = '''
"""A module."""

@cached
def outer(a, b):
    """Add two numbers.

    Longer text.
    """
    # a comment stays
    def inner():
        """Never harvested alone, it is inside."""
        return a
    return inner() + b


class Thing:
    """A class."""

    def __repr__(self):
        """Show this thing nicely."""
        text = "thing"
        return text

    async def fetch(self):
        "Fetch one single thing."
        value = await self.get()
        return value

    def tested(self):
        """Run all of it."""
        x = 1
        return x

    def short(self):
        """Return the answer of it."""
        return 42

    def silent(self):
        x = 1
        return x

    def nothing(self):
        """Do nothing at all."""
'''


def test_documented_functions_of_a_module_are_harvested_without_their_docstrings() -> None:
    found = {pair.name: pair for pair in harvest(MODULE, "package")}
    # Special methods, names with "test", functions of two lines, those without documentation are left out.
    assert set(found) == {"outer", "Thing.fetch"}
    outer = found["outer"]
    assert outer.query == "Add two numbers."
    assert outer.package == "package"
    assert outer.code.startswith("def outer(a, b):\n    # a comment stays\n    def inner():")
    assert "Longer text" not in outer.code
    assert found["Thing.fetch"].code == (
        "async def fetch(self):\n    value = await self.get()\n    return value\n"
    )


def test_source_that_does_not_parse_gives_nothing() -> None:
    assert list(harvest("print 'python 2'", "old")) == []


def test_a_query_is_the_first_paragraph_on_one_line() -> None:
    assert first_paragraph("\n  One\n  two.\n   \n  Three.") == "One two."


@pytest.mark.parametrize("quotes", ['"""', "'''", '"'])
def test_a_docstring_inside_the_code_is_removed(quotes: str) -> None:
    code = f"    def f(x):\n        {quotes}Give x back again.{quotes}\n        return x\n"
    assert without_docstring(code) == "def f(x):\n    return x\n"
    assert pair_of("Give x back again.", code) == Pair("Give x back again.", "def f(x):\n    return x\n")


def test_code_that_does_not_parse_is_taken_from_its_tokens_or_not_at_all() -> None:
    code = 'def f(x):\n    """Print the value x."""\n    print x\n'
    assert pair_of("Print the value x.", code) is None
    pair = pair_of("Print the value x.", code, tokens=["def", "f", "(", "x", ")", ":", "print", "x"])
    assert pair is not None
    assert pair.code == "def f ( x ) : print x"


def test_other_languages_stay_as_they_are() -> None:
    code = "public int add(int a, int b) {\n  return a + b;\n}"
    pair = pair_of("Adds two numbers up.", code)
    assert pair is not None
    assert pair.code == code


def test_a_copy_of_the_query_anywhere_in_the_body_is_refused() -> None:
    code = "def f(x):\n    # give   X back\n    # again\n    return x\n"
    assert pair_of("Give x back", code) is None
    assert pair_of("Return that x", code) is not None


def test_queries_of_fewer_than_three_words_and_functions_without_body_are_refused() -> None:
    assert pair_of("Two words.\n\nAnd many more below.", "def f(x):\n    return x\n") is None
    assert pair_of("Only a docstring here.", 'def f():\n    """Only a docstring here."""\n') is None
