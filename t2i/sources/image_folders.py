"""Files of images by name, where they may lie in one of several folders."""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from t2i.errors import InputError
from t2i.sources.caption_files import path_problem

SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG", ".webp")
"""What a name without a suffix is tried with, in this order."""


class ImageFolders:
    """Finds files by their paths below any of some folders.

    Each folder is listed once: asking the disk for each of 100,000 files in each of ten folders would take long.
    """

    def __init__(self) -> None:
        self._listings: dict[str, dict[str, os.DirEntry[str]]] = {}
        self._found: dict[str, set[str]] = {}  # folder -> names of files in it

    def find(self, name: str, folders: Iterable[Path], suffixes: Iterable[str] = ("",)) -> Path | None:
        """The first file whose path below a folder is the name with one of the suffixes, or None.

        Args:
            name: may be spelled with Windows' separators, or in another Unicode normal form than the disk has.
            folders: where the file may lie, best first; those that do not exist do no harm.
            suffixes: best first.

        Raises:
            InputError: a folder must not be read.
        """
        spellings = [s for s in dict.fromkeys([name, name.replace("\\", "/")]) if path_problem(s) is None]
        paths = [PurePosixPath(spelling + suffix).parts for spelling in spellings for suffix in suffixes]
        for parts in paths:
            for folder in folders:
                if (entry := self._entry(str(folder), parts)) and _is_file(entry):
                    self._found.setdefault(os.path.dirname(entry.path), set()).add(entry.name)
                    return Path(entry.path)
        return None

    @property
    def used(self) -> list[Path]:
        """Folders in which a file was found."""
        return sorted(map(Path, self._found))

    def others(self) -> list[str]:
        """Paths of the other images in folders in which one was found, sorted."""
        return sorted(
            entry.path
            for folder, found in self._found.items()
            for entry in dict.fromkeys(self._listing(folder).values())  # a name in two normal forms is one entry
            if entry.name not in found and entry.name.endswith(SUFFIXES) and not entry.name.startswith(".")
        )

    def _entry(self, folder: str, components: Iterable[str]) -> os.DirEntry[str] | None:
        """What a path below a folder is, each component in the spelling of the disk."""
        entry = None
        for component in components:
            listing = self._listing(folder if entry is None else entry.path)
            entry = listing.get(component) or listing.get(unicodedata.normalize("NFC", component))
            if entry is None:
                return None
        return entry

    def _listing(self, folder: str) -> dict[str, os.DirEntry[str]]:
        """Name, as it is and in Unicode's normal form C -> what is in a folder; nothing if there is no such folder."""
        if folder not in self._listings:
            try:
                with os.scandir(folder) as entries:
                    listing = {entry.name: entry for entry in entries}
            except (FileNotFoundError, NotADirectoryError):
                listing = {}
            except OSError as error:
                raise InputError(f"folder {folder} cannot be read ({error.strerror}): correct its rights") from error
            normalised = {unicodedata.normalize("NFC", name): entry for name, entry in listing.items()}
            self._listings[folder] = normalised | listing
        return self._listings[folder]


def _is_file(entry: os.DirEntry[str]) -> bool:
    return os.path.isfile(entry.path) if entry.is_symlink() else entry.is_file()  # a link may lead to itself
