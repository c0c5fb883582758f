"""Pages that are written from the code say all that the code has."""

import re
import sys
from pathlib import Path

import pytest

from sugata.measure import PROXIES
from sugata.oneshot import METHODS
from sugata.recipe import Recipe, shipped
from sugata.recipe_tasks import TASKS
from sugata.spaces import names
from sugata.spaces.blocks import KINDS
from sugata.strategies import STRATEGIES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The text of all generated pages."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from generated_pages import PAGES
    finally:
        sys.path.remove(str(ROOT / "docs"))
    return {path: write(ROOT) for path, write in PAGES.items()}


def test_every_method_has_a_section_with_its_options(pages: dict[str, str]) -> None:
    for page, known in (("strategies", STRATEGIES), ("one_shot", METHODS), ("spaces", names())):
        for name in known:
            assert f"\n## {name}\n" in pages[f"methods/{page}.md"], name
    for name in PROXIES:
        assert f"\n## {name}\n" in pages["methods/proxies.md"]
    assert "| `population` | `" in pages["methods/strategies.md"]


def test_every_block_has_a_section_with_its_fields(pages: dict[str, str]) -> None:
    for kind in KINDS.values():
        assert f"\n## {kind.name}\n" in pages["methods/blocks.md"]
        assert all(f"| `{field.name}` | " in pages["methods/blocks.md"] for field in kind.fields)


def test_methods_of_papers_cite_them(pages: dict[str, str]) -> None:
    rows = {
        line.split("|")[1].strip(): line
        for line in pages["methods/strategies.md"].splitlines()
        if "](#" in line
    }
    assert rows["[`regularized_evolution`](#regularized_evolution)"].endswith(
        "Real et al. 2019, Deb et al. 2002 |"
    )
    rows = {
        line.split("|")[1].strip(): line
        for line in pages["methods/one_shot.md"].splitlines()
        if "](#" in line
    }
    assert all(line.split("|")[3].strip() for line in rows.values())


def test_every_paper_of_a_method_is_listed_with_its_title(pages: dict[str, str]) -> None:
    for page in ("strategies", "one_shot", "promotion", "proxies"):
        text, _, listed = pages[f"methods/{page}.md"].partition("\n## Papers\n")
        cited = re.findall(r"([A-Z][\w'-]+(?: & [A-Z]\w+| et al\.)? (?:19|20)\d\d)", " ".join(text.split()))
        for citation in cited:
            assert f"{citation}. " in listed, (page, citation)


def test_every_field_of_a_recipe_is_listed_with_its_line(pages: dict[str, str]) -> None:
    page = pages["reference/recipe.md"]
    for section in (Recipe, *TASKS.values()):
        for name, field in section.model_fields.items():
            assert f"| `{name}` | " in page
            assert (field.description or "").replace("|", "\\|") in page
    assert "| `seconds` | duration or null | `null` |" in page
    assert "| `seed` | whole number ≥ 0 | `0` |" in page
    assert "| `cpus` | number > 0 | `1` |" in page
    assert "| `timeout` | duration | `1800s` |" in page
    assert "| `max_bytes` | size | `8MB` |" in page
    assert all(f"`{name}`" in page for name in shipped())


def test_every_command_has_a_section(pages: dict[str, str]) -> None:
    for name in ("search", "resume", "bench strategies", "compress"):
        assert f"\n## sugata {name}\n" in pages["reference/commands.md"]


def test_every_example_is_shown(pages: dict[str, str]) -> None:
    for path in (ROOT / "examples").glob("*.py"):
        assert f"\n## {path.name}\n" in pages["examples.md"]


def test_public_names_are_documented_once(pages: dict[str, str]) -> None:
    api = [text for path, text in pages.items() if "api" in path]
    listed = [line for text in api for line in text.splitlines() if line.startswith("::: ")]
    assert len(listed) == len(set(listed)) > 80
    assert "::: sugata.api.search" in listed
