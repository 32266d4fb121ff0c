"""Why a file that was downloaded is not what it was meant to be, in one line."""

import mmap
import re
import zipfile
from pathlib import Path

from t2i.terminal import one_line

_KINDS = (
    (rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)", "is a web page, as a download that failed leaves it: get it again"),
    (rb"version https://git-lfs", "is a pointer of Git LFS and not the file itself: run `git lfs pull`"),
    (rb"\x1f\x8b|7z\xbc\xaf|Rar!|.{257}ustar", "is an archive: unpack it"),
    (
        rb".{8}\{\s*\"",
        "is a safetensors file: convert it with torch.save(safetensors.torch.load_file(...), ...)",
    ),
)
_EXECUTES = "which would execute code: save model.state_dict()"


def wrong_kind(path: Path) -> str | None:
    """What a file is that is plainly no pickle and no checkpoint, and the way out; None if it may be one.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(512)
    return next((line for pattern, line in _KINDS if re.match(pattern, start, re.IGNORECASE | re.DOTALL)), None)


def why_not_loaded(path: Path, error: Exception) -> str:
    """Why ``torch.load(..., weights_only=True)`` failed, and the way out."""
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror}): put the file there"
    if (kind := wrong_kind(path)) is not None:
        return kind
    if _starts_with_zip(path):
        members = _members(path)
        if not members:
            return "is cut short or damaged, as a download that was interrupted leaves it: get it again"
        if "data.pkl" not in members:
            return "is an archive: unpack it"
        if "constants.pkl" in members:
            return f"is a TorchScript archive, {_EXECUTES}"
    if _contains(path, b"torch.nn.modules."):  # the class of a layer
        return f"holds a whole module saved by torch.save(model), {_EXECUTES}"
    if named := re.search(r"GLOBAL (\S+) was not an allowed global", str(error)):
        return f"holds more than tensors ({one_line(named[1])[:100]}), {_EXECUTES}"
    if "Unsupported operand 149" in str(error):  # FRAME, with which pickles of newer protocols begin
        return "was saved with a pickle protocol above 3, which torch does not read safely: save it with the default"
    return f"is no checkpoint, or a damaged one ({type(error).__name__}): get it again"


def _starts_with_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _members(path: Path) -> set[str]:
    """Names of the files in a zip archive, without their folders; none if it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {Path(name).name for name in archive.namelist()}
    except Exception:  # a damaged archive can fail in any way
        return set()


def _contains(path: Path, content: bytes) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return view.find(content) >= 0
