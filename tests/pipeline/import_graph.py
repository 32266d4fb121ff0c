"""Code dependencies of stages: which files a stage imports, directly or not, found by reading the code.

    python -m tests.pipeline.import_graph

writes them into dvc.yaml: a folder where a stage uses all of it, else files.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("t2i", "stages")


def _file_of(module: str) -> Path | None:
    path = ROOT / Path(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that do not run when a stage imports the file: type checks, and names exported lazily."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _walk(child)


def _imported(path: Path) -> set[Path]:
    files: set[Path] = set()
    for node in _walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] not in CODE:
                continue
            # importing a.b.c runs a/__init__.py and a/b/__init__.py too
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                if file := _file_of(".".join(parts[:end])):
                    files.add(file)
    return files


def _with_content(files: set[Path]) -> set[str]:
    """Paths relative to the root; empty files do not count."""
    return {file.relative_to(ROOT).as_posix() for file in files if file.stat().st_size}


def code_of(stage: str) -> list[str]:
    """Paths, relative to the root, of stages/<stage>.py and everything it imports."""
    todo, seen = [ROOT / "stages" / f"{stage}.py"], set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += _imported(path)
    return sorted(_with_content(seen))


def expanded(dependencies: list[str]) -> list[str]:
    """Code among the dependencies of a stage, with each folder replaced by its files."""
    files: set[Path] = set()
    for name in dependencies:
        path = ROOT / name
        if name.split("/")[0] in CODE:
            files |= set(path.rglob("*.py")) if path.is_dir() else {path}
    return sorted(_with_content(files))


def folded(files: list[str]) -> list[str]:
    """The shortest list of folders and files that expands to ``files``."""
    used = set(files)

    def fold(folder: Path) -> list[str]:
        inside = _with_content(set(folder.rglob("*.py")))
        if len(inside) > 1 and inside <= used:
            return [folder.relative_to(ROOT).as_posix()]
        below = [name for child in sorted(folder.iterdir()) if child.is_dir() for name in fold(child)]
        own = {file.relative_to(ROOT).as_posix() for file in folder.glob("*.py")}
        return sorted([*below, *(own & used)])

    return [name for code in sorted(CODE) for name in fold(ROOT / code)]


def main() -> None:
    """Write the code dependencies of all stages into dvc.yaml."""
    path = ROOT / "dvc.yaml"
    stage, lines, in_deps = "", [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"  (\w+):.*", line):
            stage = match[1]
        if in_deps and not line.startswith("      - "):
            lines += [f"      - {name}" for name in folded(code_of(stage))]
            in_deps = False
        in_deps = in_deps or line == "    deps:"
        if not (in_deps and re.match(r"      - (stages|t2i)/", line)):
            lines.append(line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
