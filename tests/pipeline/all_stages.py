"""Run stages in this process, in the folder of a clone: ``python -m tests.pipeline.all_stages NAME ...``."""

import importlib
import sys

from t2i.pipeline.run import run

if __name__ == "__main__":
    for name in sys.argv[1:]:
        run(importlib.import_module(f"stages.{name}").main)
