"""What every stage does around its one call: read params.yaml, report mistakes in one line, write results whole."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from t2i.errors import InputError, StoppedError
from t2i.params import Params
from t2i.params_file import load

PREPARED = Path("prepared")
VOCABULARY = Path("models/vocabulary.json")
DAMSM = Path("models/damsm.pt")
JUDGE = Path("models/judge.pt")
GAN = Path("models/gan.pt")
SAMPLES = Path("samples")
WEIGHTS = Path("weights")
SUMMARY = Path("summary.txt")
METRICS = Path("metrics")
PLOTS = Path("plots")


def run(stage: Callable[[Params], None]) -> None:
    """Run a stage from the repository root; mistakes of the user end it with one line and exit code 1."""
    name = stage.__module__.removeprefix("stages.") if stage.__module__ != "__main__" else Path(sys.argv[0]).stem
    try:
        stage(load(Path("params.yaml")))
    except InputError as error:
        sys.exit(f"{name}: {error}")
    except (StoppedError, KeyboardInterrupt) as error:
        print(f"{name}: {str(error) or 'interrupted'}", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno not in (28, 122):  # no space, over quota
            raise
        sys.exit(f"{name}: no space left on the disk for {error.filename or 'its results'}; free some and run again")


def write_metrics(stage: str, values: dict[str, Any]) -> None:
    """Write metrics/<stage>.json."""
    METRICS.mkdir(exist_ok=True)
    part = METRICS / f"{stage}.json.part"
    part.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    os.replace(part, METRICS / f"{stage}.json")
