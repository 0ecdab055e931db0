"""The documentation's plot, drawn by hand: two groups of bars as SVG."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.report.figures import Results, Run

_WIDTH, _LABEL, _BAR, _STEP, _HEAD = 760, 190, 18, 26, 44
_SYNC, _FLOOR, _INK, _PAPER = "#1f6feb", "#9aa4b2", "#1f2328", "#ffffff"

_HEAD_OF_FILE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"
  font-family="system-ui, sans-serif" font-size="13" fill="{ink}">
<title>{title}, sync and bare floor: records per second and client CPU per record</title>
<rect width="{width}" height="{height}" fill="{paper}"/>"""


class Panel(NamedTuple):
    title: str
    values: Sequence[float]
    labels: Sequence[str]


def plot(results: Results) -> str:
    """Return an SVG document. Reads nothing but the results, so the same figures give the same file."""
    runs = results.runs
    panels = [
        Panel(
            "records per second (more is better)",
            [run.cost.rate for run in runs],
            [f"{run.cost.rate:,.0f}" for run in runs],
        ),
        Panel(
            "client CPU, µs per record (less is better)",
            [run.cost.cpu_microseconds for run in runs],
            [f"{run.cost.cpu_microseconds:.1f}" for run in runs],
        ),
    ]
    height = len(panels) * (_HEAD + _STEP * len(runs)) + 20
    drawn = [
        line
        for index, panel in enumerate(panels)
        for line in _panel(panel, runs, top=index * (_HEAD + _STEP * len(runs)) + 28)
    ]
    head = _HEAD_OF_FILE.format(width=_WIDTH, height=height, ink=_INK, paper=_PAPER, title=results.crm.title)
    return "\n".join([head, *drawn, "</svg>", ""])


def _panel(panel: Panel, runs: Sequence[Run], top: int) -> Sequence[str]:
    scale = (_WIDTH - _LABEL - 90) / max(panel.values)
    lines = [f'<text x="16" y="{top}" font-weight="600">{panel.title}</text>']
    for index, (run, value, label) in enumerate(zip(runs, panel.values, panel.labels, strict=True)):
        y = top + 12 + index * _STEP
        color = _SYNC if run.name.startswith("sync") else _FLOOR
        width = value * scale
        lines += [
            f'<text x="{_LABEL - 8}" y="{y + 13}" text-anchor="end">{run.name}</text>',
            f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{color}"/>',
            f'<text x="{_LABEL + width + 6:.1f}" y="{y + 13}">{label}</text>',
        ]
    return lines
