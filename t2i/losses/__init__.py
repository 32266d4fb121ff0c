"""Losses, one idea a file.

In distributed training each process gives its own rows, and every loss is that of the whole batch: means and
contrasts exchange what they need, once a loss, through :mod:`t2i.runtime.distributed`.
"""
