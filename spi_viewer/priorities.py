"""Who computes first where there are fewer processor cores than work."""

from __future__ import annotations

import os
import sys
import threading

_NICER_BY = 10


def let_the_window_go_first() -> None:
    """Lower the calling thread's priority: what reads or judges all the time holds up nobody."""
    if sys.platform == "linux":  # elsewhere threads have no niceness of their own
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + _NICER_BY  # only root may lower it
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
