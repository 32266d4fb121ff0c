"""Distributed trainings: a stage starts itself again through torchrun, or was started by it."""

import contextlib
import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from t2i.errors import InputError, PeerLostError, StoppedError
from t2i.params import Params
from t2i.pipeline import run as runner
from t2i.runtime import distributed


def run(stage: Callable[[Params], None]) -> None:
    """Run a training as :func:`t2i.pipeline.run.run` does, in ``runtime.training_processes`` processes."""

    @functools.wraps(stage)  # for the name of the stage
    def training(params: Params) -> None:
        if distributed.launched_by_torchrun():
            with _report_once(), distributed.process_group():
                stage(params)
        elif params.runtime.training_processes > 1 and "RANK" not in os.environ:
            spec = sys.modules[stage.__module__].__spec__  # that of a program knows its real name
            assert spec is not None
            _torchrun(spec.name, params.runtime.training_processes)
        else:
            stage(params)

    runner.run(training, end_with_dvc=False)  # trainings watch their parents themselves and save what they have


def _torchrun(module: str, processes: int) -> None:
    """Run a module as a program in so many processes of this machine.

    Raises:
        SystemExit: one of them failed, or they were stopped; they have reported it.
        InputError: one of them was killed, and none has reported why.
    """
    from torch.distributed import run as torchrun  # takes a second to import
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, torch.get_num_threads() // processes)))
    where = ["--standalone", "--local-addr=localhost", f"--nproc-per-node={processes}"]
    logging.disable(logging.ERROR)  # the processes report their failures themselves
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
    finally:
        logging.disable(logging.NOTSET)


@contextlib.contextmanager
def _report_once() -> Iterator[None]:
    """Only one failing process of a machine prints its message.

    The first process goes first, and those that lost another wait longest. torchrun may end them meanwhile.
    """
    try:
        yield
    except (InputError, StoppedError, PeerLostError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and runner.lack_of_memory(error) is None:
            raise
        time.sleep(2.0 if isinstance(error, PeerLostError) else float(os.environ["RANK"] != "0"))
        error_file = os.environ.get("TORCHELASTIC_ERROR_FILE")  # in a folder beside those of the other processes
        try:
            if error_file:
                (Path(error_file).parents[1] / "reported").touch(exist_ok=False)
        except FileExistsError:
            sys.exit(130 if isinstance(error, StoppedError) else 1)
        if isinstance(error, PeerLostError):
            raise InputError(str(error)) from error
        raise
