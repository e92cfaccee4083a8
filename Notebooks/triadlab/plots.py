"""Plots that several notebooks use."""

import matplotlib.pyplot as plt
import numpy as np

from .traces import NUMBERS

# Okabe and Ito's colours, which people with any colour vision tell apart.
COLOURS = {
    "supervisor": "#999999", "user": "#56b4e9", "trap": "#d55e00", "interrupt": "#e69f00", "device": "#0072b2",
    "exit": "#cc79a7", "emulate": "#009e73", "reflect": "#d55e00", "inject": "#e69f00",
}


def use_style():
    """Plain plots that are readable from the last row."""
    plt.rcParams.update({
        "figure.figsize": (10, 4), "figure.dpi": 110, "font.size": 11, "axes.spines.top": False,
        "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25, "legend.frameon": False,
    })


def lanes(traces, kinds=("trap", "interrupt", "device", "exit"), start=0, end=None):
    """Events of several machines over the one clock: a lane for each, a row of ticks for each kind."""
    figure, axes = plt.subplots(len(traces), 1, sharex=True, figsize=(10, 1.1 + 1.15 * len(traces)), squeeze=False)
    for axis, trace in zip(axes[:, 0], traces):
        shown = [kind for kind in kinds if (trace.records["kind"] == NUMBERS[kind]).any()]
        for row, kind in enumerate(shown):
            clocks = trace.records.loc[trace.records["kind"] == NUMBERS[kind], "clock"]
            axis.vlines(clocks, row + 0.1, row + 0.9, color=COLOURS[kind], linewidth=0.6)
        axis.set_yticks(np.arange(len(shown)) + 0.5, shown)
        axis.set_ylim(0, max(len(shown), 1))
        axis.set_title(trace.name, loc="left", fontsize=11)
        axis.grid(False)
    axes[-1, 0].set_xlabel("instructions that the guest has retired")
    axes[-1, 0].set_xlim(start, end or max(int(trace.records["clock"].max()) for trace in traces))
    figure.tight_layout()
    return figure


def spread(series, title, label):
    """Horizontal bars with their numbers."""
    series = series.sort_values()
    figure, axis = plt.subplots(figsize=(10, 0.9 + 0.38 * len(series)))
    bars = axis.barh(series.index, series.values, color="#0072b2")
    axis.bar_label(bars, [f" {value:,.0f}" if value >= 10 else f" {value:,.3g}" for value in series.values])
    axis.set_title(title, loc="left")
    axis.set_xlabel(label)
    axis.grid(axis="y", visible=False)
    axis.margins(x=0.12)
    figure.tight_layout()
    return figure
