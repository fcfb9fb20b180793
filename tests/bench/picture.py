"""The picture of the benchmarks: one panel a question, a bar a contender, p95 as a whisker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.bench.report import Answer


def draw(answers: Mapping[str, Answer], path: Path) -> None:
    """Draw all answers into a PNG."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    heights = [1.1 + 0.32 * len(answer.rows) for answer in answers.values()]
    figure, panels = pyplot.subplots(
        len(answers), 1, figsize=(9, sum(heights)), height_ratios=heights, layout="constrained", squeeze=False
    )
    for panel, answer in zip(panels[:, 0], answers.values(), strict=True):
        unit = answer.rows[0].unit
        rows = [row for row in answer.rows if row.unit == unit][::-1]
        names = [f"{row.contender}{f', {row.condition}' if row.condition else ''}" for row in rows]
        colours = [
            "#00796b" if row.contender.startswith("rt_magic") else "#cfd8dc" if row.floor else "#90a4ae" for row in rows
        ]
        places = range(len(rows))
        panel.barh(places, [row.median for row in rows], color=colours)
        panel.errorbar(
            [row.median for row in rows], places, fmt="none", ecolor="#37474f", elinewidth=1,
            xerr=[[0] * len(rows), [max(0.0, row.p95 - row.median) for row in rows]],
        )  # fmt: skip
        panel.set_yticks(places, names, fontsize=8)
        values = [row.median for row in rows if row.median > 0]
        if values and max(values) > 50 * min(values):
            panel.set_xscale("log")
        panel.set_title(answer.question, fontsize=10, loc="left")
        panel.set_xlabel(f"{unit}, {'less' if answer.less_is_better else 'more'} is better", fontsize=8)
        panel.tick_params(axis="x", labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
