"""Memory of freed tensors: kept by the C library or returned to the system."""

import ctypes
import sys

# Constants of glibc's malloc.h, and the largest C int
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MAX_INT = 2**31 - 1


def keep_freed_memory(keep: bool) -> None:
    """Whether the C library keeps the memory of freed tensors for the next ones, or returns it to the system at once.

    By default it returns blocks of 32 MiB and more, and a step at the sizes of the paper then spends much of its time
    in getting zeroed pages again. Kept, they cost some memory, since blocks of another size leave gaps. It holds
    for the whole process, on Linux with glibc; elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        threshold = _MAX_INT if keep else 2**17
        mallopt(_MMAP_THRESHOLD, threshold)  # larger blocks come from the system and go back to it
        mallopt(_TRIM_THRESHOLD, threshold)  # so does what is free at the end of the heap beyond this
