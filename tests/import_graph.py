"""Which files of the repository a stage imports, directly or not, found by reading the code."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _file_of(module: str) -> Path | None:
    path = ROOT / Path(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imported(path: Path) -> set[Path]:
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] in ("t2i", "stages") and (file := _file_of(name)) and file.stat().st_size:
                found.add(file)
    return found


def code_of(stage: str) -> list[str]:
    """Paths, relative to the root, of stages/<stage>.py and all it imports; empty files do not count."""
    todo, seen = [ROOT / "stages" / f"{stage}.py"], set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += _imported(path)
    return sorted(str(path.relative_to(ROOT)) for path in seen)
