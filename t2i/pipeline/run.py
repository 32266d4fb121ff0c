"""Everything around the main function of a stage: parameters, errors in one line, log, metrics, time and memory."""

import json
import logging
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from t2i.errors import InputError, StoppedError
from t2i.files import replacing
from t2i.params import Params
from t2i.params.reader import load
from t2i.pipeline import parents
from t2i.terminal import escape_unencodable, one_line

PREPARED = Path("prepared")
VOCABULARY = Path("models/vocabulary.json")
DAMSM = Path("models/damsm.pt")
JUDGE = Path("models/judge.pt")
GAN = Path("models/gan.pt")
DISCRIMINATORS = Path("models/discriminators.pt")
SNAPSHOTS = Path("models/snapshots")
SCORES = Path("metrics/score_snapshots.json")
SAMPLES = Path("samples")
SUMMARY = Path("summary.txt")
METRICS = Path("metrics")
PLOTS = Path("plots")

_SMALLER_BATCH = "lower batch_size of this stage in the block of `budgets`"
_LESS_MEMORY = {
    "pretrain_damsm": _SMALLER_BATCH,
    "train_judge": _SMALLER_BATCH,
    "train_gan": f"{_SMALLER_BATCH}, or set runtime.gradient_checkpointing to true",
}
_NO_SHARED_MEMORY = (
    "the processes that load images are out of shared memory (/dev/shm), of which containers have little: start it "
    "with more (docker run --shm-size=8g) or with that of the machine (--ipc=host)"
)

log = logging.getLogger(__name__)


def run(stage: Callable[[Params], None], *, end_with_dvc: bool = True) -> None:
    """Run a stage from the repository root; mistakes of the user end it with one line and exit code 1.

    Args:
        stage: its main function.
        end_with_dvc: whether to interrupt it when DVC is gone. Not for what sees to that itself.
    """
    name = stage.__module__.removeprefix("stages.") if stage.__module__ != "__main__" else Path(sys.argv[0]).stem
    begin = time.monotonic()
    escape_unencodable()
    _log_to_stderr(name)
    if "RANK" not in os.environ:  # torchrun ends its processes so, and one of them says why
        signal.signal(signal.SIGTERM, _interrupt)
    if end_with_dvc:
        parents.end_with_dvc()
    try:
        stage(load(Path("params.yaml")))
        log.info("%s, %s", _duration(time.monotonic() - begin), _memory())
    except InputError as error:
        sys.exit(f"{name}: {one_line(str(error))}")
    except (StoppedError, KeyboardInterrupt) as error:
        sys.stderr.write(f"{name}: {str(error) or 'interrupted'}\n")
        sys.exit(130)
    except OSError as error:
        if error.errno not in (28, 122):  # no space, over quota
            raise
        sys.exit(f"{name}: no space left on the disk for {error.filename or 'its results'}; free some and run again")
    except RuntimeError as error:
        if (line := lack_of_memory(error, name)) is None:
            raise
        sys.exit(f"{name}: {line}")


def lack_of_memory(error: BaseException, stage: str = "") -> str | None:
    """What the user can do, if the memory of a GPU is full or that which processes share; else None."""
    torch = sys.modules.get("torch")  # without it there is no such error
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        way_out = _LESS_MEMORY.get(stage, "see with nvidia-smi what else uses it, and run again")
        return f"the memory of the GPU is full: {way_out}"
    text = " ".join(map(str, (error, error.__cause__)))  # words are all that tells
    if "unable to allocate shared memory" in text or "out of shared memory" in text:
        return _NO_SHARED_MEMORY
    return None


def repository() -> Path:
    """The folder that the user sees, also in a queued run, which works in a copy without what git ignores."""
    return Path(os.environ.get("DVC_ROOT", "."))


def weights_folder() -> Path:
    """Where pretrained weights are downloaded to, or put by hand."""
    return repository() / "weights"


def _interrupt(number: int, _: FrameType | None) -> None:
    """End like on Ctrl-C, so that nothing is left half-written."""
    signal.signal(number, signal.SIG_IGN)  # the first one is enough
    raise KeyboardInterrupt("terminated")


def _log_to_stderr(stage: str) -> None:
    """Show the log of t2i and of the stage, a line each; of several processes, that of the first."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(f"{stage}: %(message)s"))
    level = logging.INFO if os.environ.get("RANK", "0") == "0" else logging.ERROR
    for name in ("t2i", "stages", "__main__"):
        logger = logging.getLogger(name)
        logger.handlers, logger.level, logger.propagate = [handler], level, False


def peak_memory() -> int:
    """Peak memory of this process in bytes."""
    try:  # getrusage includes the forked parent's memory: a copy of DVC
        peak = re.search(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:  # no Linux
        peak = None
    return int(peak[1]) * 1024 if peak else _bytes(resource.RUSAGE_SELF)


def _bytes(who: int) -> int:
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _memory() -> str:
    """Peak memory of this process, of the largest process it started if any, and of the GPU if it used one."""
    peaks = [f"peak memory {_gib(peak_memory())}"]
    if workers := _bytes(resource.RUSAGE_CHILDREN):
        peaks.append(f"of the largest process it started {_gib(workers)}")
    torch = sys.modules.get("torch")  # a stage that has not imported it shall not wait for it now
    if torch is not None and torch.cuda.is_initialized():
        peaks.append(f"of the GPU {_gib(torch.cuda.max_memory_allocated())}")
    return ", ".join(peaks)


def _gib(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def write_metrics(stage: str, values: dict[str, Any]) -> None:
    """Write metrics/<stage>.json."""
    with replacing(METRICS / f"{stage}.json") as part:
        part.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
