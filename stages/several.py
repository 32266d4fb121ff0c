"""Trainings by several processes: this stage starts itself again through torchrun, or was started by it."""

import contextlib
import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from stages import runner
from t2i import distributed
from t2i.errors import InputError, LostError, StoppedError
from t2i.params import Params


def run(stage: Callable[[Params], None]) -> None:
    """Run a training as :func:`stages.runner.run` does, in ``runtime.training_processes`` processes."""

    @functools.wraps(stage)  # the runner takes the stage's name from it
    def training(params: Params) -> None:
        if distributed.invited():
            with _one_speaks(), distributed.joined():
                stage(params)
        elif params.runtime.training_processes > 1 and "RANK" not in os.environ:
            spec = sys.modules[stage.__module__].__spec__  # that of a program knows its real name
            assert spec is not None
            _start(spec.name, params.runtime.training_processes)
        else:
            stage(params)

    runner.run(training)


def _start(module: str, processes: int) -> None:
    """Run a module as a program in so many processes of this machine.

    Raises:
        SystemExit: one of them failed, or they were told to stop; they have said so.
        InputError: one of them was killed, and nobody has said why.
    """
    from torch.distributed import run as torchrun  # takes a second to import
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.disable(logging.ERROR)  # what fails says so itself
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, torch.get_num_threads() // processes)))
    where = ["--standalone", "--local-addr=localhost", f"--nproc-per-node={processes}"]
    try:
        torchrun.run(torchrun.parse_args([*where, "-m", module]))
    except SignalException:
        sys.exit(130)
    except ChildFailedError as error:
        ended = [failure.exitcode for failure in error.failures.values() if failure.exitcode > 0]
        if ended:
            sys.exit(ended[0])
        _, first = error.get_first_failure()
        raise InputError(f"a process was ended by {first.signal_name()}; run it again to go on") from None


@contextlib.contextmanager
def _one_speaks() -> Iterator[None]:
    """Let the first process that fails on a machine say why, and not those that fail with it or because of it.

    The very first process has a start, and those that lost another wait longest. torchrun may end them meanwhile.
    """
    try:
        yield
    except (InputError, StoppedError, LostError) as error:
        time.sleep(2.0 if isinstance(error, LostError) else float(os.environ["RANK"] != "0"))
        own = os.environ.get("TORCHELASTIC_ERROR_FILE")  # in a folder of its own, beside those of the others
        try:
            if own:
                (Path(own).parents[1] / "said").touch(exist_ok=False)
        except FileExistsError:
            sys.exit(130 if isinstance(error, StoppedError) else 1)
        if isinstance(error, LostError):
            raise InputError(str(error)) from error
        raise
