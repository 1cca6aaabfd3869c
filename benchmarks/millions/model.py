"""What a size costs, fitted to the sizes that were measured, and the drawing of both."""

from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float64]

FITTED = {
    "flat_cpu_ms": ("flat", "cpu_ms"),
    "codes_cpu_ms": ("codes", "search", "cpu_ms"),
    "codes_p50_ms": ("codes", "search", "p50_ms"),
    "ivf_16_cpu_ms": ("ivf", "search_16", "cpu_ms"),
    "ivf_64_cpu_ms": ("ivf", "search_64", "cpu_ms"),
    "codes_build_cpu_s": ("codes", "build", "cpu"),
    "ivf_build_cpu_s": ("ivf", "build", "cpu"),
    "texts_cpu_s": ("texts", "cpu"),
    "write_cpu_s": ("write", "cpu"),
    "codes_bytes": ("codes", "bytes"),
    "ivf_bytes": ("ivf", "bytes"),
    "texts_bytes": ("texts", "bytes"),
    "vector_bytes": ("vector_bytes",),
    "own_memory": ("memory", "own"),
}
"""Figure: where it stands in the report of a size."""

COLOURS = {"flat": "#555555", "codes": "#1b6ca8", "ivf": "#c2571a"}


def value(size: dict[str, Any], path: tuple[str, ...]) -> float | None:
    """A figure of the report of a size; None where it was not measured."""
    found: Any = size
    for name in path:
        found = cast(dict[str, Any], found).get(name)
        if found is None:
            return None
    return float(found)


def fitted(sizes: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """For each figure ``fixed + per_million * n / 1e6``, by least squares of relative errors.

    Neither part is below 0; ``worst`` is the largest relative error at a size that was measured.
    """
    model: dict[str, dict[str, float]] = {}
    for name, path in FITTED.items():
        pairs = [(size["rows"] / 1e6, found) for size in sizes if (found := value(size, path))]
        if len(pairs) < 2:
            continue
        points: Points = np.array(pairs)
        millions, measured = points[:, 0], points[:, 1]
        parts: Points = np.stack([1 / measured, millions / measured])
        (a, b), (_, c) = np.dot(parts, parts.T).tolist()  # the normal equations, solved by hand
        sum_a, sum_c = np.sum(parts, axis=1).tolist()
        fixed, slope = (
            (c * sum_a - b * sum_c) / (a * c - b * b),
            (a * sum_c - b * sum_a) / (a * c - b * b),
        )
        if fixed < 0 or slope < 0:  # then one part alone
            alone = parts[1 if fixed < 0 else 0]
            best = float(np.sum(alone) / np.dot(alone, alone))
            fixed, slope = (0.0, best) if fixed < 0 else (best, 0.0)
        worst = float(np.max(np.abs((fixed + slope * millions) / measured - 1)))
        model[name] = {"fixed": fixed, "per_million": slope, "worst": worst}
    return model


def table(sizes: list[dict[str, Any]]) -> str:
    """What was measured, as a table of Markdown."""
    columns: dict[str, tuple[tuple[str, ...], str, float]] = {
        "vectors": (("rows",), ",.0f", 1),
        "flat, ms of CPU": (("flat", "cpu_ms"), ",.1f", 1),
        "codes: build, s of CPU": (("codes", "build", "cpu"), ",.1f", 1),
        "p50, ms": (("codes", "search", "p50_ms"), ",.1f", 1),
        "ms of CPU": (("codes", "search", "cpu_ms"), ",.1f", 1),
        "recall@10": (("codes", "search", "recall"), ".3f", 1),
        "IVF: train + build, s of CPU": (("ivf", "build", "cpu"), ",.0f", 1),
        "p50 of 64 lists, ms": (("ivf", "search_64", "p50_ms"), ",.1f", 1),
        "its ms of CPU": (("ivf", "search_64", "cpu_ms"), ",.1f", 1),
        "its recall@10": (("ivf", "search_64", "recall"), ".3f", 1),
        "recall@10 of 16 lists": (("ivf", "search_16", "recall"), ".3f", 1),
        "peak memory, MB": (("memory", "own"), ",.0f", 1e-6),
        "rows, texts, codes on disk, MB": (("disk",), ",.0f", 1e-6),
    }
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for size in sizes:
        own = [("vector_bytes",), ("texts", "bytes"), ("codes", "bytes")]
        whole = {**size, "disk": sum(value(size, way) or 0 for way in own)}
        if "ivf" in size:
            cpu = size["ivf"]["build"]["cpu"] + size["ivf"]["train"]["cpu"]
            whole["ivf"] = {**size["ivf"], "build": {"cpu": cpu}}
        cells = [
            "" if (found := value(whole, way)) is None else f"{found * unit:{form}}"
            for way, form, unit in columns.values()
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw time, recall and size by the number of rows, as measured and as fitted."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    plt: Any = pyplot
    plt.rcParams.update({"svg.hashsalt": "qasearch", "font.size": 8})
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
    _draw_time(axes[0], report)
    _draw_recall(axes[1], report["sizes"])
    _draw_bytes(axes[2], report["sizes"])
    for axis in axes:
        axis.set_xscale("log")
        axis.set_xlabel("vectors of 384 dimensions")
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=7)
    figure.savefig(path, metadata={"Date": None})


def _draw_time(axis: Any, report: dict[str, Any]) -> None:
    kinds = {
        "flat": ("flat", "cpu_ms"),
        "codes": ("codes", "search", "cpu_ms"),
        "ivf": ("ivf", "search_64", "cpu_ms"),
    }
    names = {"flat": "flat_cpu_ms", "codes": "codes_cpu_ms", "ivf": "ivf_64_cpu_ms"}
    for kind, way in kinds.items():
        rows, found = _points(report["sizes"], way)
        axis.plot(rows, found, "o", color=COLOURS[kind], label=kind, markersize=4)
        part = report["model"].get(names[kind])
        if part:
            line = np.geomspace(min(rows), max(rows), 50)
            axis.plot(line, part["fixed"] + part["per_million"] * line / 1e6, color=COLOURS[kind])
    axis.set_yscale("log")
    axis.set_title("CPU of a query, ms (lines: model)")


def _draw_recall(axis: Any, sizes: list[dict[str, Any]]) -> None:
    for kind, way, style in (
        ("codes", ("codes", "search", "recall"), "o-"),
        ("ivf", ("ivf", "search_64", "recall"), "o-"),
        ("ivf", ("ivf", "search_16", "recall"), "o:"),
    ):
        rows, found = _points(sizes, way)
        label = "codes" if kind == "codes" else f"ivf, {way[1].partition('_')[2]} lists read"
        axis.plot(rows, found, style, color=COLOURS[kind], label=label, markersize=4)
    axis.set_title("recall@10")


def _draw_bytes(axis: Any, sizes: list[dict[str, Any]]) -> None:
    for label, way, style in (
        ("rows, on disk", ("vector_bytes",), "o--"),
        ("codes, in memory", ("codes", "bytes"), "o-"),
        ("texts of 16 bytes, on disk", ("texts", "bytes"), "o:"),
        ("peak memory of its own", ("memory", "own"), "s-"),
    ):
        rows, found = _points(sizes, way)
        axis.plot(rows, [each / 1e9 for each in found], style, label=label, markersize=4)
    axis.set_yscale("log")
    axis.set_title("GB")


def _points(sizes: list[dict[str, Any]], way: tuple[str, ...]) -> tuple[list[int], list[float]]:
    pairs = [(size["rows"], found) for size in sizes if (found := value(size, way)) is not None]
    return [rows for rows, _ in pairs], [found for _, found in pairs]
