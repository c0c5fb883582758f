"""What mkdocs calls: pages that are generated from the code, and links to files outside of this folder."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from generated_pages import PAGES

ROOT = Path(__file__).parents[1]
_RESULTS = "benchmarks/results"  #: files that pages may link to; they become part of the site


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages, and the files of results."""
    for path, write in PAGES.items():
        files.append(File.generated(config, path, content=write(ROOT)))
    for found in sorted((ROOT / _RESULTS).iterdir()):
        files.append(File.generated(config, f"{_RESULTS}/{found.name}", abs_src_path=str(found)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links that leave this folder, right in the repository, to their places in the site."""
    here = posixpath.dirname(page.file.src_uri)

    def inside(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", here, match[1]))
        if target.startswith("examples/"):
            name = posixpath.basename(target)
            target = f"examples.md#{name.replace('.', '')}" if name else "examples.md"
        elif not target.startswith(_RESULTS):
            return match[0]
        return f"]({posixpath.relpath(target, here or '.')})"

    return re.sub(r"\]\((\.\./[^)#]+)\)", inside, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Write the roles of docstrings as plain code, and the colon before an example as one."""
    return re.sub(r":(?:class|meth|func|mod|attr|data):<code>", "<code>", html).replace("::</p>", ":</p>")


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Refuse a page that loads something from the network."""
    if found := re.search(r"<(?:script|img|iframe)[^>]+src=.?https?://|<link[^>]+href=.?https?://", output):
        raise PluginError(f"{page.file.src_uri} loads from the network: {found[0]}")
    return output
