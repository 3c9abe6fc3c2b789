"""Scores forecasters that others wrote on a telemetry trace, by the protocol of `presync forecast evaluate`.

Prints a table, and writes JSON of the shape that `presync forecast evaluate --json` has. `scripts/bench forecast-peers`
runs it, with the engine's own figures beside it.
"""

import argparse
import json
import sys

from methods import METHODS, Method
from protocol import CELLS, HORIZONS, Panel, read_panel, score


def main() -> None:
    arguments = parsed()
    panel = read_panel(arguments.trace)
    first, last = arguments.origins or (panel.seconds * 3 // 5, panel.seconds)
    last = min(last, panel.seconds - HORIZONS[-1] - 1)
    if not 0 <= first <= last:
        sys.exit(f"{arguments.trace}: no origin has {HORIZONS[-1]} s after it")

    results = [result for path in arguments.beside for result in engine(path)]
    for method in METHODS:
        if method.name in arguments.without:
            continue
        results += measured(method, panel, range(first, last + 1), arguments.slow_step)
    for step in (1, arguments.slow_step):
        print_table(f"origins every {step} s from {first} to {last}", [one for one in results if one["step"] == step])
    if arguments.json:
        view = {"trace": arguments.trace, "firstOrigin": first, "lastOrigin": last, "methods": results}
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(view, file, indent=2, sort_keys=True)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace", help="a telemetry trace, plain or gzip")
    parser.add_argument("--origins", type=first_and_last, metavar="FIRST..LAST", help="default: the last 40 %% of it")
    parser.add_argument("--slow-step", type=int, default=60, help="seconds between the origins of slow methods")
    parser.add_argument(
        "--without", action="append", default=[], choices=[method.name for method in METHODS],
        metavar="METHOD", help="leave a method out, named as in the table: AutoARIMA may take hours")
    parser.add_argument("--beside", action="append", default=[], help="JSON of 'presync forecast evaluate'")
    parser.add_argument("--json", help="the file to write")
    return parser.parse_args()


def first_and_last(text: str) -> tuple[int, int]:
    first, last = text.split("..")
    return int(first), int(last)


def engine(path: str) -> list[dict]:
    with open(path, encoding="utf-8") as file:
        view = json.load(file)
    return [method | {"step": view["step"]} for method in view["methods"]]


def measured(method: Method, panel: Panel, origins: range, slow_step: int) -> list[dict]:
    """What a method is worth at all origins, and at every `slow_step`th; there alone where it is slow."""
    asked = origins[::slow_step] if method.is_slow else origins
    print(f"forecast-peers: {method.name}, {len(asked)} origins", file=sys.stderr)
    outcome = method.run(panel, asked)
    if outcome.training_seconds:
        print(f"forecast-peers: trained in {outcome.training_seconds:.0f} s", file=sys.stderr)
    cost = outcome.seconds * 1e6 / (len(CELLS) * len(panel.applications) * len(asked))
    results = []
    for every in [1] if method.is_slow else [1, slow_step]:
        forecasts = {cell: quantiles[:, ::every] for cell, quantiles in outcome.forecasts.items()}
        cells, mean = score(forecasts, panel, asked[::every])
        step = asked.step * every
        results.append(
            {"name": method.name, "step": step, "cells": cells, "mean": mean, "microsecondsPerForecast": cost}
        )
    return results


def print_table(title: str, results: list[dict]) -> None:
    """A row for each method: its loss by cell (memory point 5, 15, 30 s, then peak, then compute) and its means."""
    print(f"\n{title}")
    names = "".join(f"{cell.target[:2]}{cell.horizon:>3} " for cell in CELLS)
    print(f"{'METHOD':30} {names} MEAN  WQL.99    .9   .95   .99  US/FORECAST")
    for result in results:
        mean = result["mean"]
        losses = " ".join(f"{cell['wql']:5.3f}" for cell in result["cells"])
        means = " ".join(f"{mean[key]:5.3f}" for key in ("wql", "wql99", "coverage90", "coverage95", "coverage99"))
        print(f"{result['name']:30} {losses} {means} {result['microsecondsPerForecast']:12.2f}", flush=True)


if __name__ == "__main__":
    main()
