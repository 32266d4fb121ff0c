"""What a stage reads must be what DVC hashes: links, and files that DVC leaves out, in the folder of a data set."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from t2i.errors import InputError
from t2i.terminal import one_line

_UNREAD = {".git", ".hg", "__pycache__"}
"""What DVC leaves out and no reader looks at."""
_TABLES = {".csv", ".tsv", ".json", ".jsonl", ".parquet", ".pickle", ".txt", ".heic", ".heif"}
"""Suffixes of what readers read, beside those of Pillow."""
_SHOWN = 3


def refuse_unhashed(folder: Path) -> None:
    """Refuse a data set of which DVC would not notice every change, so that a later run would keep old pixels.

    DVC follows the link of the whole folder and links to files. It does not look behind links to folders further down,
    into folders that hold a ``.dvc``, and at what a ``.dvcignore`` names. What makes DVC itself fail, in a line that
    says less, is refused too: links to nothing, a ``.dvcignore`` in the folder, names that are not UTF-8.

    Args:
        folder: of the data set, relative to the root of the repository; may be a link, and may be missing.

    Raises:
        InputError: names the first few such links or files, and the way out.
    """
    folder_links: list[str] = []
    for root, entries in _walk(folder):
        for entry in entries:
            if entry.is_symlink() and os.path.isdir(entry.path):
                folder_links.append(entry.path)
            elif problem := _problem(entry, top=root == str(folder)):
                raise _refusal(problem)
    if folder_links:
        raise _refusal(_about_links(folder, folder_links))
    if Path(".dvc").is_dir():
        _refuse_ignored(folder)


def _problem(entry: os.DirEntry[str], top: bool) -> str | None:
    """Why DVC cannot hash something that is no link to a folder, if it cannot."""
    path, removal = entry.path, f"rm {_quoted(entry.path)}"
    if entry.is_symlink() and not os.path.exists(path):
        return f"{path} is a link to {os.readlink(path)}, where nothing is: put the file there, or {removal}"
    if not entry.is_dir() and not entry.is_file():
        return f"{path} is neither a file nor a folder, and DVC cannot hash it: {removal}"
    if not _is_utf8(entry.name):
        return f"the name of {path} is not UTF-8, and DVC cannot hash it: rename it"
    if entry.name == ".dvcignore":
        return f"{path} makes DVC fail, which hashes no data with such a file: {removal}"
    if entry.name == ".dvc" and not top:
        return _other_repository(os.path.dirname(path))
    return None


def _is_utf8(name: str) -> bool:
    """Whether the name of a file is UTF-8 on the disk, whatever encoding Python reads names in."""
    try:
        os.fsencode(name).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _walk(folder: Path) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Each folder and what is in it, in order; of links to folders only the first is followed."""
    waiting = [str(folder)]
    while waiting:
        root = waiting.pop(0)
        try:
            with os.scandir(root) as listing:
                entries = sorted((e for e in listing if e.name not in _UNREAD), key=lambda entry: entry.name)
        except OSError:  # DVC leaves it out as well, and the readers say so
            continue
        yield root, entries
        waiting += [e.path for e in entries if e.is_dir(follow_symlinks=False) and e.name != ".dvc"]


def _about_links(folder: Path, links: list[str]) -> str:
    """What to say of links to folders."""
    commands = []
    for link in links[:_SHOWN]:
        target, quoted = os.path.realpath(link), _quoted(link)
        endless = Path(os.path.realpath(os.path.dirname(link))).is_relative_to(target)
        commands.append(f"rm {quoted}" + f" && cp -rLs {_quoted(target)} {quoted}" * (not endless))
    more = ", ..." * (len(links) > _SHOWN)
    subject = "1 link to a folder" if len(links) == 1 else f"{len(links):,} links to folders"
    return (
        f"{folder} has {subject} ({', '.join(links[:_SHOWN])}{more}), behind which DVC does not notice changes: link "
        f"all of {folder} instead, or replace each by links to its files: {' && '.join(commands)}{more}"
    )


def _refuse_ignored(folder: Path) -> None:
    """Refuse a data set of which a .dvcignore of the repository leaves out something that readers may read."""
    from dvc.fs import localfs  # type: ignore[import-untyped]
    from dvc.ignore import DvcIgnoreFilter  # type: ignore[import-untyped]

    ignore = DvcIgnoreFilter(localfs, os.getcwd())
    suffixes = _TABLES | set(Image.registered_extensions())
    for root, entries in _walk(folder):
        folders = [entry.name for entry in entries if entry.is_dir() and entry.name != ".dvc"]
        files = [e.name for e in entries if not e.is_dir() and Path(e.name).suffix.lower() in suffixes]
        kept = {name for names in ignore(root, folders, files) for name in names}
        for name in folders + files:
            if name not in kept:
                raise _refusal(_about_ignored(os.path.join(root, name), ignore))


def _about_ignored(path: str, ignore: Any) -> str:
    """Why DVC leaves something out, as its own filter says it."""
    rule = ignore.check_ignore(path).pattern_infos[-1].file_info
    if rule.startswith("in sub_repo:"):
        return _other_repository(next(folder for folder in Path(path).parents if folder.name == rule.split(":", 1)[1]))
    return (
        f"DVC leaves {path} out by {rule} and would not notice changes of it: correct that line, or take "
        f"{os.path.basename(path)} out of the data set"
    )


def _other_repository(folder: object) -> str:
    return (
        f"DVC takes {folder} for another repository, since it has a .dvc, and would not notice changes in it: move "
        f"{folder}/.dvc elsewhere"
    )


def _quoted(path: str) -> str:
    """A path for a shell, with escapes (of bash and zsh) for characters that a line cannot show."""
    if path.isprintable():
        return shlex.quote(path)
    text = path.replace("\\", "\\\\").replace("'", "\\'")
    escapes = ("".join(f"\\x{byte:02x}" for byte in os.fsencode(c)) if not c.isprintable() else c for c in text)
    return f"$'{''.join(escapes)}'"


def _refusal(text: str) -> InputError:
    return InputError(one_line(text))
