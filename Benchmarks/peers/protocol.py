"""The protocol by which forecasts are scored, as ForecastCore's Evaluation has it: panels, targets, origins, figures."""

import csv
import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LEVELS = np.array([0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99])
SCORED_LEVELS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]
RESOURCES = ("memory", "compute")
TARGETS = ("point", "peak")
HORIZONS = (5, 15, 30)
"""Seconds."""
ZERO_SHARE = 0.05
"""Of a series' scale: a quantile below it is taken as 0."""
BUSY_SHARE = 0.2
"""Instances that are busy in more of the scored seconds count for two-sided intervals."""


@dataclass(frozen=True)
class Cell:
    """One resource, target and horizon."""

    resource: int
    target: str
    horizon: int


CELLS = [
    Cell(resource, target, horizon) for resource in range(len(RESOURCES)) for target in TARGETS for horizon in HORIZONS
]


@dataclass(frozen=True)
class Panel:
    """What instances did: arrays by instance and second, the demand by resource before that."""

    applications: np.ndarray
    """An integer for each instance."""
    demand: np.ndarray
    """Bytes, and thousandths of one device."""
    requests: np.ndarray

    @property
    def seconds(self) -> int:
        return self.demand.shape[2]

    def series(self, cell: Cell) -> np.ndarray:
        """What the cell's forecasts made at t foretell of t + horizon: the demand, or its peaks over the horizon."""
        demand = self.demand[cell.resource]
        return demand if cell.target == "point" else trailing_peaks(demand, cell.horizon)

    def scales(self) -> np.ndarray:
        """The causal mean scale of each series at each second: what was seen up to it, leaning to the panel's mean."""
        sums = self.demand.cumsum(axis=2)
        seconds = np.arange(1, self.seconds + 1)
        return (sums + 60 * sums.mean(axis=1, keepdims=True) / seconds) / (seconds + 60)


def read_panel(path: str) -> Panel:
    """Reads a telemetry trace (docs/traces.md); seconds of an instance without a row are seconds without demand."""
    data = Path(path).read_bytes()
    text = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    first = int(float(rows[0]["time_s"]))
    seconds = int(float(rows[-1]["time_s"])) - first + 1
    places = {name: place for place, name in enumerate(dict.fromkeys(row["instance"] for row in rows))}
    types = {name: place for place, name in enumerate(dict.fromkeys(row["application"] for row in rows))}
    applications = np.zeros(len(places), dtype=int)
    demand = np.zeros((len(RESOURCES), len(places), seconds))
    requests = np.zeros((len(places), seconds))
    for row in rows:
        place, second = places[row["instance"]], int(float(row["time_s"])) - first
        applications[place] = types[row["application"]]
        demand[:, place, second] = [float(row["gpu_memory_bytes"]), float(row["gpu_compute_millishare"])]
        requests[place, second] = float(row.get("requests") or 0)
    return Panel(applications, demand, requests)


def trailing_peaks(values: np.ndarray, seconds: int) -> np.ndarray:
    """For each second (last axis), the greatest of the `seconds` values that end with it."""
    padded = np.concatenate([np.zeros((*values.shape[:-1], seconds - 1)), values], axis=-1)
    return np.lib.stride_tricks.sliding_window_view(padded, seconds, axis=-1).max(axis=-1)


Forecasts = dict[Cell, np.ndarray]
"""For each cell, quantiles by instance, origin and level, in the resource's unit."""


def score(forecasts: Forecasts, panel: Panel, origins: range) -> tuple[list[dict], dict]:
    """The figures of each cell and their means, under the names of `presync forecast evaluate --json`."""
    scales = panel.scales()[:, :, list(origins)]
    scored = slice(origins[0], origins[-1] + 1)
    busy = (panel.demand[:, :, scored] > 0).any(axis=0).mean(axis=1) > BUSY_SHARE
    cells = []
    for cell, quantiles in forecasts.items():
        outcomes = panel.series(cell)[:, [origin + cell.horizon for origin in origins]]
        valid = np.sort(np.maximum(quantiles, 0), axis=2)
        valid[valid < ZERO_SHARE * scales[cell.resource][:, :, None]] = 0
        names = {"resource": RESOURCES[cell.resource], "target": cell.target, "horizon": cell.horizon}
        cells.append(names | figures(valid.astype(np.float32), outcomes, busy))
    keys = [key for key in cells[0] if key not in ("resource", "target", "horizon")]
    return cells, {key: float(np.mean([cell[key] for cell in cells])) for key in keys}


def figures(quantiles: np.ndarray, outcomes: np.ndarray, busy: np.ndarray) -> dict[str, float]:
    """Loss and coverage of one cell, pooled over instances and origins; two-sided figures where any instance is busy."""
    distance = outcomes[:, :, None] - quantiles.astype(float)
    losses = 2 * np.maximum(LEVELS * distance, (LEVELS - 1) * distance).sum(axis=(0, 1))
    demand = outcomes.sum() or np.inf
    # In single precision, like the quantiles: an outcome must not lie above one that it equals by rounding.
    came = outcomes.astype(np.float32)[:, :, None]
    covered = (came <= quantiles).mean(axis=(0, 1))
    result = {
        "wql": losses[SCORED_LEVELS].mean() / demand,
        "wql99": losses[12] / demand,
        "coverage90": covered[9],
        "coverage95": covered[10],
        "coverage99": covered[12],
    }
    if busy.any():
        came, quantiles = came[busy, :, 0], quantiles[busy]
        result["two80Busy"] = ((quantiles[:, :, 1] <= came) & (came <= quantiles[:, :, 9])).mean()
        result["two95Busy"] = ((quantiles[:, :, 0] <= came) & (came <= quantiles[:, :, 11])).mean()
    return {key: float(value) for key, value in result.items()}
