"""Reads params.yaml into typed, checked values.

Every stage reads the whole file, so that a mistake anywhere is found by the first stage that runs, and then hands its
own numbers on as keyword arguments. Unknown keys, wrong types and illegal values become one line each.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from t2i.errors import InputError
from t2i.params import Models, Params, Recipes
from t2i.params.budgets import Budget
from t2i.params.datasets import Datasets
from t2i.params.renamed import BLOCKS, new_name

_SHARED = {"preprocess": ("model",), "train_judge": ("model", "recipe"), "gamma3": ("model", "recipe")}
"""Blocks and numbers that make results which DVC keeps when one of these selectors changes."""


def load(path: Path, changes: Iterable[str] = (), **selectors: str) -> Params:
    """Read and check a params.yaml.

    Args:
        changes: ``key=value`` with dotted keys and values in YAML, as ``dvc exp run -S`` takes them.
        selectors: data, model, recipe or budget to choose instead of the file's own.

    Raises:
        InputError: the file is missing, is not YAML, or holds an unknown key, a wrong type or an illegal value.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); run stages from the repository root") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    for change in changes if isinstance(raw, dict) else ():
        _apply(change, raw)
    try:
        return Params.model_validate(_chosen({**raw, **selectors} if isinstance(raw, dict) else raw))
    except ValidationError as error:
        raise InputError(f"{path}: " + "; ".join(_lines(error))) from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _apply(change: str, raw: dict[str, Any]) -> None:
    """Set ``key=value``; a key that does not exist is found by the validation.

    Raises:
        InputError: it is of another form, or runs through something that is no block.
    """
    key, equals, value = change.partition("=")
    *blocks, last = key.split(".")
    block: Any = raw
    for name in blocks:
        block = block.setdefault(name, {}) if isinstance(block, dict) else None
    if not equals or not isinstance(block, dict):
        raise InputError(f"{change!r} sets no number of params.yaml; the form is loss.lambda=0.5")
    try:
        block[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(f"{change!r}: {value!r} is no value in YAML") from error


def _chosen(raw: Any) -> Any:
    """The file with each value that is given by data set, model or recipe replaced by that of the selected one."""
    if not isinstance(raw, dict):
        return raw
    selected = {selector: _name(raw.get(selector)) for selector in ("data", "model", "recipe")}
    chosen = dict(raw)
    for block in ("loss", "sample"):
        if block in raw:
            chosen[block] = _choose(raw[block], block, selected, needed=True)
    for selector, blocks in (("recipe", "recipes"), ("budget", "budgets")):
        if isinstance(raw.get(blocks), dict):
            chosen[blocks] = {
                name: _choose(block, f"{blocks}.{name}", selected, needed=name == _name(raw.get(selector)))
                for name, block in raw[blocks].items()
            }
    return chosen


def _name(selector: Any) -> str | None:
    """The value of a selector; None for what can name no block, of which pydantic tells."""
    return selector if isinstance(selector, str) else None


def _choose(value: Any, where: str, selected: dict[str, Any], *, needed: bool, shared: str = "") -> Any:
    """See :func:`_chosen`; where the selected name is not given, an error if the value is ``needed``, else any."""
    if not isinstance(value, dict) or not value:
        return value
    blocks: dict[str, type[BaseModel]] = {"data": Datasets, "model": Models, "recipe": Recipes}
    for selector, names in ((selector, block.model_fields) for selector, block in blocks.items()):
        if set(value) <= set(names):
            if selector in _SHARED.get(shared, ()):
                raise InputError(f"{where}: may not be given by {selector}: every {selector} shares its result")
            name = selected[selector]
            if name not in value and needed and name in names:
                raise InputError(f"{where}: nothing for {selector} {name}; there are {', '.join(value)}")
            return _choose(value.get(name, next(iter(value.values()))), where, selected, needed=needed, shared=shared)
    return {
        key: _choose(inner, f"{where}.{key}", selected, needed=needed, shared=key if key in _SHARED else shared)
        for key, inner in value.items()
    }


def _lines(error: ValidationError) -> list[str]:
    """One line a problem; where a former key stands, what is missing in its place goes without saying."""
    problems = [dict(problem) for problem in error.errors()]
    former = [line for problem in problems if (line := _former(problem))]
    return former or [_one_line(problem) for problem in problems]


def _former(problem: dict[str, Any]) -> str | None:
    """The line for a former key or value of params.yaml; None for every other problem."""
    location: tuple[str | int, ...] = problem["loc"]
    key = ".".join(map(str, location))
    if problem["type"] == "extra_forbidden":
        successor = new_name(str(location[-2]) if len(location) > 1 else "", str(location[-1]))
    elif location[:2] == ("budgets", "paper32"):
        key, successor = "budgets.paper32", new_name("budgets", "paper32")
    else:
        successor = next((new for old, new in BLOCKS[""].items() if problem["msg"].startswith(_quoted(old))), None)
        key = problem["msg"].removeprefix("Value error, ").split(":")[0]
    return f"{key} is {successor} now" if successor else None


def _quoted(assignment: str) -> str:
    """``data = own`` as pydantic reports it."""
    selector, value = assignment.split(" = ")
    return f"Value error, {selector} = {value!r}"


def _one_line(problem: dict[str, Any]) -> str:
    location: tuple[str | int, ...] = problem["loc"]
    key = ".".join(str(part) for part in location)
    kind = problem["type"]
    if kind == "extra_forbidden":
        known = _keys_of(location[:-1])
        close = difflib.get_close_matches(str(location[-1]), known, 1)
        return f"{key}: unknown key; " + (f"did you mean {close[0]}?" if close else f"legal are {', '.join(known)}")
    if kind == "missing":
        return f"{key}: missing"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if isinstance(problem["input"], dict) or not key:
        return f"{key}: {message}" if key else message
    return f"{key} = {problem['input']!r}: {message}"


def _keys_of(location: tuple[str | int, ...]) -> list[str]:
    """Legal keys of the block at ``location``."""
    section: type[BaseModel] = Params
    for part in location:
        if section is Params and part == "budgets":
            continue
        if part in section.model_fields:
            annotation = section.model_fields[str(part)].annotation
            kinds = [annotation, *get_args(annotation)]  # those of a block that may be null, too
            section = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
        else:  # the name of a budget
            section = Budget
    return [field.alias or name for name, field in section.model_fields.items()]
