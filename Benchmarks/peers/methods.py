"""The methods that are measured. Each forecasts all cells at the origins, and tells how long that took."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import lightgbm
import numpy as np
import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import AutoARIMA, AutoETS, CrostonSBA, HistoricAverage
from statsforecast.utils import ConformalIntervals

from protocol import CELLS, HORIZONS, LEVELS, RESOURCES, Cell, Forecasts, Panel, trailing_peaks

WINDOW = 300
"""Seconds of a series that a method is shown which looks at one series alone."""


@dataclass(frozen=True)
class Outcome:
    forecasts: Forecasts
    seconds: float
    """For all forecasts, without what was trained beforehand."""
    training_seconds: float = 0


@dataclass(frozen=True)
class Method:
    name: str
    run: Callable[[Panel, range], Outcome]
    is_slow: bool
    """Whether it is fitted anew at each origin, so that only some origins can be afforded."""


def rolling_quantiles(panel: Panel, origins: range) -> Outcome:
    """Quantiles of the last 300 s: one of the engine's own baselines once more, which shows that both score alike."""
    begin = time.perf_counter()
    forecasts: Forecasts = {}
    for cell in CELLS:
        series = panel.series(cell)
        windows = [series[:, max(0, origin + 1 - WINDOW) : origin + 1] for origin in origins]
        forecasts[cell] = np.stack([np.quantile(window, LEVELS, axis=1).T for window in windows], axis=1)
    return Outcome(forecasts, time.perf_counter() - begin)


# Gradient-boosted trees

BOOSTING = {
    "objective": "quantile",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 100,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
ROUNDS = 100
FIRST_TRAINED = 60
"""Before this second too little has been seen."""


def gradient_boosting(panel: Panel, origins: range) -> Outcome:
    """LightGBM: a model for each cell and level, global over instances, trained on targets before the first origin."""
    forecasts: Forecasts = {}
    asking, training = 0.0, 0.0
    scales = np.maximum(panel.scales(), 1e-9)
    for cell in CELLS:
        begin = time.perf_counter()
        seen = features(panel, cell.resource)
        # Of what it takes to follow all seconds, the share of those that are asked for.
        asking += (time.perf_counter() - begin) * len(origins) / panel.seconds

        begin = time.perf_counter()
        seconds = np.arange(FIRST_TRAINED, origins[0] - cell.horizon)
        scale = scales[cell.resource]
        targets = panel.series(cell)[:, seconds + cell.horizon] / scale[:, seconds]
        data = lightgbm.Dataset(seen[:, seconds].reshape(-1, seen.shape[2]), targets.ravel(), free_raw_data=False)
        models = [lightgbm.train(BOOSTING | {"alpha": level}, data, ROUNDS) for level in LEVELS]
        training += time.perf_counter() - begin

        begin = time.perf_counter()
        asked = seen[:, list(origins)].reshape(-1, seen.shape[2])
        said = np.stack([model.predict(asked, num_threads=1) for model in models], axis=1)
        forecasts[cell] = said.reshape(len(seen), len(origins), -1) * scale[:, list(origins), None]
        asking += time.perf_counter() - begin
    return Outcome(forecasts, asking, training)


def features(panel: Panel, resource: int) -> np.ndarray:
    """What the trees see, by instance and second: demand in units of the series' scale, rhythm, arrivals, type."""
    scales = panel.scales()
    own, other = (panel.demand[index] / np.maximum(scales[index], 1e-9) for index in (resource, 1 - resource))
    busy = (panel.demand > 0).any(axis=0).astype(float)
    second = np.arange(panel.seconds)
    last_busy = np.maximum.accumulate(np.where(busy > 0, second, -600), axis=1)
    last_idle = np.maximum.accumulate(np.where(busy > 0, -1, second), axis=1)
    columns = [
        *(lagged(own, lag) for lag in range(8)),
        *(trailing_mean(own, seconds) for seconds in (5, 15, 30, 60, 120, 300)),
        *(trailing_peaks(own, seconds) for seconds in (5, 15, 30, 60)),
        other,
        trailing_mean(other, 15),
        trailing_mean(busy, 60),
        trailing_mean(busy, 300),
        np.minimum(second - last_busy, 600),
        second - last_idle,
        panel.requests,
        trailing_mean(panel.requests, 5),
        trailing_mean(panel.requests, 30),
        scales[resource] / np.maximum(scales[resource].mean(axis=0), 1e-9),
        np.broadcast_to(panel.applications[:, None], busy.shape),
    ]
    return np.stack(columns, axis=2)


def lagged(values: np.ndarray, seconds: int) -> np.ndarray:
    return np.pad(values, ((0, 0), (seconds, 0)))[:, : values.shape[1]]


def trailing_mean(values: np.ndarray, seconds: int) -> np.ndarray:
    sums = np.pad(values.cumsum(axis=1), ((0, 0), (seconds, 0)))
    return (sums[:, seconds:] - sums[:, :-seconds]) / seconds


# Statistical models of single series

INTERVAL_ENDS = [
    *(("lo", level) for level in (95, 80, 60, 40, 20)),
    None,
    *(("hi", level) for level in (20, 40, 60, 80, 90, 95, 98)),
]
"""The end of a two-sided interval that is the quantile at each of LEVELS; none at the median."""


def statistical(model: Callable[[int], object]) -> Callable[[Panel, range], Outcome]:
    """A model of statsforecast for so many seconds ahead, fitted anew at each origin to the last 300 s of each series.

    The peak over a horizon does not follow from the quantiles within it: the peaks of past horizons are a series of
    their own, which is forecast one horizon ahead.
    """

    def run(panel: Panel, origins: range) -> Outcome:
        forecasts: Forecasts = {}
        begin = time.perf_counter()
        for resource in range(len(RESOURCES)):
            points = refitted(
                model(HORIZONS[-1]), panel.series(Cell(resource, "point", HORIZONS[-1])), origins, HORIZONS[-1]
            )
            for horizon in HORIZONS:
                forecasts[Cell(resource, "point", horizon)] = points[:, :, horizon - 1]
                peak = Cell(resource, "peak", horizon)
                forecasts[peak] = refitted(model(horizon), panel.series(peak), origins, horizon)[:, :, -1]
        return Outcome({cell: forecasts[cell] for cell in CELLS}, time.perf_counter() - begin)

    return run


def refitted(model: object, series: np.ndarray, origins: range, steps: int) -> np.ndarray:
    """Quantiles by series, origin, second ahead and level."""
    count, end = len(series), origins[-1] + steps + 1
    # Not in bytes: fits stop by absolute tolerances. The last window is that of the last origin.
    unit = series.max() or 1
    table = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(count), end),
            "ds": np.tile(np.arange(end), count),
            "y": (series[:, :end] / unit).ravel(),
        }
    )
    runner = StatsForecast(models=[model], freq=1, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = runner.cross_validation(
            h=steps,
            df=table,
            n_windows=len(origins),
            step_size=origins.step,
            input_size=WINDOW,
            refit=True,
            level=sorted({end[1] for end in INTERVAL_ENDS if end}),
        ).sort_values(["unique_id", "cutoff", "ds"])
    assert list(said["cutoff"].unique()) == list(origins)
    columns = [f"{model}-{end[0]}-{end[1]}" if end else str(model) for end in INTERVAL_ENDS]
    return np.nan_to_num(said[columns].to_numpy()).reshape(count, len(origins), steps, -1) * unit


def croston(steps: int) -> CrostonSBA:
    return CrostonSBA(prediction_intervals=ConformalIntervals(h=steps, n_windows=8))


METHODS = [
    Method("rolling-quantiles-300 (numpy)", rolling_quantiles, is_slow=False),
    Method("LightGBM quantile", gradient_boosting, is_slow=False),
    Method("statsforecast HistoricAverage", statistical(lambda _: HistoricAverage()), is_slow=True),
    Method("statsforecast CrostonSBA", statistical(croston), is_slow=True),
    Method("statsforecast AutoETS", statistical(lambda _: AutoETS(model="ZNN")), is_slow=True),
    Method(
        "statsforecast AutoARIMA",
        statistical(lambda _: AutoARIMA(seasonal=False, approximation=True)),
        is_slow=True,
    ),
]
