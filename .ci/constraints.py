"""Writes constraints.txt: the versions of what t2i depends on, directly or not, as installed in this environment.

Names and versions alone. Parts of a CUDA build of PyTorch are left out, so that any build can be installed with them.
"""

import re
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEADER = "# Versions that the committed results were made with; written by `make constraints`.\n"
LEFT_OUT = re.compile(r"(nvidia|cuda)-.*|triton|setuptools|t2i")


def main() -> None:
    """Write constraints.txt."""
    todo, seen = [Requirement("t2i[pretrained]")], set()
    versions: dict[str, str] = {}
    while todo:
        package = todo.pop()
        name = canonicalize_name(package.name)
        if (name, *sorted(package.extras)) in seen:
            continue
        seen.add((name, *sorted(package.extras)))
        versions[name] = distribution(name).version.split("+")[0]
        for requirement in map(Requirement, distribution(name).requires or []):
            extras = package.extras or {""}
            if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(requirement)
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items()) if not LEFT_OUT.fullmatch(name)]
    Path(__file__).parents[1].joinpath("constraints.txt").write_text(HEADER + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
