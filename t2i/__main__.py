"""``python -m t2i`` is the command ``t2i``."""

from t2i.cli import main

main()
