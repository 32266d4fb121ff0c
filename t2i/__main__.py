"""``python -m t2i`` is the command ``t2i``."""

from t2i.apps.cli import main

main()
