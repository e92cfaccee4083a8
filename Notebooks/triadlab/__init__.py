"""Runs Triad and reads its traces, for the notebooks beside it."""

from .plots import lanes, spread, use_style
from .run import Unavailable, have_kvm, triad, triad_json, trace
from .traces import Trace, diff, read_trace

__all__ = [
    "Trace", "Unavailable", "diff", "have_kvm", "lanes", "read_trace", "spread", "trace", "triad", "triad_json",
    "use_style",
]
