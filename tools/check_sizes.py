"""Hold the size budget of STYLE: files up to 600 lines, functions up to 60; an allow-list holds exceptions and reasons.

An entry of the allow-list that is no longer over budget is an error too, so that the list only holds what needs it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE_LINES = 600
FUNCTION_LINES = 60
ALLOWED = ROOT / "tools" / "allowed_sizes.toml"


def sources() -> list[Path]:
    """Return the Python files under version control."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listed.stdout.splitlines()]


def over_budget(path: Path) -> Iterator[tuple[str, int]]:
    """Yield what is too long in a file: its own name or `name:function`, and the number of lines."""
    text = path.read_text()
    name = path.relative_to(ROOT).as_posix()
    if text.count("\n") > FILE_LINES:
        yield name, text.count("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{name}:{node.name}", lines


def main() -> int:
    """Print what breaks the budget and return the number of such places."""
    allowed: dict[str, str] = tomllib.loads(ALLOWED.read_text())
    found = {name: lines for path in sources() for name, lines in over_budget(path)}
    wrong = [f"{name}: {lines} lines" for name, lines in found.items() if name not in allowed]
    wrong += [f"{name}: allowed, but within the budget" for name in allowed if name not in found]
    print("\n".join(sorted(wrong)) or f"sizes: {len(allowed)} allowed exceptions, nothing else over budget")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(bool(main()))
