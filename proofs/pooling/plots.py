"""What was measured, drawn: small SVG files, the same for the same measurements."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadfit.databases.plan import PoolState
from proofs.pooling.clients import MAX_CONNECTIONS, Course, direct, pooled, server_connections
from proofs.pooling.waiting import LOADS, waits
from proofs.postgresql.records import Connect, Operation, Sample, by_slice

__all__ = ["PLOTS", "draw"]

STYLE: Any = {
    "svg.hashsalt": "loadfit",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
BAD, GOOD, OTHER = "#c0392b", "#2471a3", "#7f8c8d"
SLICE_SECONDS = 0.5


def draw(folder: Path) -> None:
    """Draws all, with what has been measured already.

    Args:
        folder: That is there.
    """
    # White behind it: SVG is transparent otherwise, and black text cannot be read on a dark page.
    with mpl.rc_context(STYLE):
        for name, make in PLOTS.items():
            make().savefig(folder / name, metadata={"Date": None}, facecolor="white")


def rollout() -> Figure:
    """Errors and server connections over time, before and after."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    courses = (
        (direct(MAX_CONNECTIONS), 197, "20 x 30 straight to PostgreSQL, which has 197 for them"),
        (pooled(1), 50, "20 x 10 through 2 x 25 of PgBouncer, 50 planned"),
    )
    for column, (course, limit, title) in enumerate(courses):
        top, bottom = axes[0][column], axes[1][column]
        top.set_title(title, fontsize=9)
        _connections(top, course, limit)
        _errors(bottom, course)
        bottom.set_xlabel("seconds")
        for one in (top, bottom):
            turn = course.times.steady
            one.axvspan(turn, course.times.whole, color="#f2f3f4", zorder=0, linewidth=0)
        top.text(course.times.steady + 0.3, 5, "rollout", color=OTHER)
    axes[0][0].set_ylabel("server connections")
    axes[1][0].set_ylabel("errors in half a second")
    axes[1][0].legend(loc="upper left")
    return figure


def _connections(axes: Axes, course: Course, limit: int) -> None:
    samples = sorted((one for one in course.records if isinstance(one, Sample)), key=lambda one: one.at)
    axes.step(
        [one.at - course.began for one in samples],
        [server_connections(one) for one in samples],
        where="post",
        color=GOOD,
        linewidth=1.2,
    )
    axes.axhline(limit, color=OTHER, linestyle="--", linewidth=0.8)
    axes.set_ylim(0, 220)


def _errors(axes: Axes, course: Course) -> None:
    refused = [one.end for one in course.records if isinstance(one, Connect) and one.error]
    failed = [one.end for one in course.records if isinstance(one, Operation) and not one.done]
    bottom: dict[int, int] = {}
    for moments, color, label in ((failed, BAD, "transactions failed"), (refused, "#e59866", "connections refused")):
        counts = by_slice(moments, course.began, SLICE_SECONDS)
        axes.bar(
            [(number + 0.5) * SLICE_SECONDS for number in counts],
            list(counts.values()),
            width=SLICE_SECONDS,
            bottom=[bottom.get(number, 0) for number in counts],
            color=color,
            label=label,
        )
        bottom = {number: bottom.get(number, 0) + counts[number] for number in {*bottom, *counts}}
    if not bottom:
        axes.text(0.5, 0.5, "none", color=OTHER, ha="center", transform=axes.transAxes)


def waiting() -> Figure:
    """The wait that is predicted for every utilization, and what was measured at some."""
    figure = Figure(figsize=(5.5, 3.4), layout="constrained")
    axes = figure.subplots()
    shares = [number / 1000 for number in range(550, 985, 5)]
    drawn: set[int] = set()
    for load in LOADS.values():
        size = load.server_connections or 1
        color = BAD if size == 10 else GOOD
        measured = [one for one in waits().values() if one.load.server_connections == size]
        if size in drawn:
            continue
        drawn.add(size)
        at = [replace(load, per_second=share * size / load.mean_ms * 1000) for share in shares]
        predicted = [one.plan.p99_wait_ms[PoolState.STEADY] for one in at]
        label = f"{size} connections, {load.mean_ms:.0f} ms"
        axes.plot(shares, predicted, color=color, linewidth=1.2, label=f"predicted: {label}")
        axes.plot([one.busy for one in measured], [one.p99_ms for one in measured], "o", color=color, label="measured")
    axes.set_yscale("log")
    axes.set_yticks([10, 30, 100, 300, 1000, 3000], ["10", "30", "100", "300", "1,000", "3,000"])
    axes.minorticks_off()
    axes.set_ylim(bottom=10)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("server connections that are busy")
    axes.set_ylabel("99th percentile of waiting, ms")
    axes.legend()
    return figure


PLOTS: Mapping[str, Callable[[], Figure]] = {"pooling-rollout.svg": rollout, "pooling-waiting.svg": waiting}
