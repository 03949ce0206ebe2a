"""The picture of a grid: dark blue where little would be liquidated, yellow where much would, the price in white.

A pure function of arrays; it asks no database.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC
from io import BytesIO

import numpy as np
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator

from liqgrid.api.grids import Grid
from liqgrid.engine.market.arrays import F32, F64, I64
from liqgrid.engine.market.times import utc_range

FORMATS = ("png", "svg", "pdf")
SIMULATED = "SIMULATED  "
_BACKGROUND, _INK, _FAINT = "#0a0e1a", "#e6e9f2", "#8d97b0"
_COLOURS = LinearSegmentedColormap.from_list(
    "liqgrid",
    [(0.0, "#070b1d"), (0.14, "#0d1c4d"), (0.32, "#143f8f"), (0.52, "#13789f"), (0.7, "#27ab8f"), (0.86, "#a3d54a"),
     (1.0, "#fff23d")],
)  # fmt: skip
# Amounts are raised to this power before they get a colour, so that far, thin levels are seen beside near, thick ones.
_POWER = 0.65
# This part of the cells that hold anything is below the brightest colour; a few extreme ones do not darken the rest.
_BRIGHTEST = 0.998
_WIDTH_PIXELS = 1640
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Heatmap:
    """What is drawn: ``amount`` (T, R) of both sides in ``unit`` per cell, over times (T,) and price rows.

    ``close_ms`` (T,) ascending multiples of ``interval_ms``, some may be missing; ``price_edges`` (R + 1,)
    ascending and geometric; ``high``, ``low``, ``close`` (T,) quote per base, NaN where unknown.
    """

    title: str
    venues: str
    model: str
    unit: str
    interval_ms: int
    close_ms: I64
    price_edges: F64
    amount: F32
    high: F64
    low: F64
    close: F64


def to_heatmap(grid: Grid) -> Heatmap:
    """Return what is drawn of a served grid."""
    request, made = grid.request, grid.instruments[0]
    return Heatmap(
        title=f"{SIMULATED if made.simulated else ''}{request.pair}  {request.interval}",
        venues=", ".join(grid.venues),
        model=f"liqgrid model {made.model_version}, parameters {made.parameters_hash}",
        unit=grid.unit,
        interval_ms=request.interval.ms,
        close_ms=grid.close_ms,
        price_edges=grid.price_edges,
        amount=grid.long + grid.short,
        high=grid.high,
        low=grid.low,
        close=grid.close,
    )


def draw(heatmap: Heatmap, file_format: str) -> bytes:
    """Return the picture as a file of one of ``FORMATS``."""
    figure = Figure(figsize=(16, 9), dpi=120, facecolor=_BACKGROUND)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.065, 0.105, 0.855, 0.765), facecolor=_COLOURS(0.0))
    brightest = _brightest(heatmap.amount)
    image = _draw_cells(axes, heatmap, brightest)
    _draw_price(axes, heatmap)
    _label_prices(axes, heatmap)
    _label_times(axes)
    _draw_scale(figure, image, heatmap, brightest)
    _write_around(figure, axes, heatmap)
    buffer = BytesIO()
    # without the date, so that the same grid gives the same file
    metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[file_format]
    figure.savefig(buffer, format=file_format, facecolor=_BACKGROUND, metadata=metadata)
    return buffer.getvalue()


def _whole_raster(heatmap: Heatmap) -> F64:
    """Return the cells with a column for every close from first to last, (N, R); NaN where one is missing.

    Few columns are repeated, so that there is at least one for every pixel.
    """
    at = (heatmap.close_ms - heatmap.close_ms[0]) // heatmap.interval_ms  # (T,)
    cells = np.full((int(at[-1]) + 1, heatmap.amount.shape[1]), np.nan)
    cells[at] = heatmap.amount
    return np.repeat(cells, math.ceil(_WIDTH_PIXELS / len(cells)), axis=0)  # a column has sharp edges


def _days(ts_ms: I64) -> F64:
    days: F64 = ts_ms / _DAY_MS  # matplotlib counts days since 1970
    return days


def _brightest(amount: F32) -> float:
    """Return the amount that gets the brightest colour."""
    filled = amount[amount > 0]
    return float(np.quantile(filled, _BRIGHTEST)) if len(filled) else 1.0


def _draw_cells(axes: Axes, heatmap: Heatmap, brightest: float) -> AxesImage:
    start_ms, stop_ms = int(heatmap.close_ms[0]) - heatmap.interval_ms, int(heatmap.close_ms[-1])
    # geometric rows are even in log price, so the price axis is linear in ln(price)
    extent = (
        start_ms / _DAY_MS, stop_ms / _DAY_MS, math.log(heatmap.price_edges[0]), math.log(heatmap.price_edges[-1]),
    )  # fmt: skip
    return axes.imshow(
        _whole_raster(heatmap).T,
        origin="lower",
        aspect="auto",
        extent=extent,
        cmap=_COLOURS,
        norm=PowerNorm(_POWER, vmin=0, vmax=brightest, clip=True),
        interpolation="auto",
        interpolation_stage="data",
    )


def _draw_price(axes: Axes, heatmap: Heatmap) -> None:
    # over the bar the prices are of, with a break where bars are missing
    middle = _days(heatmap.close_ms) - heatmap.interval_ms / _DAY_MS / 2  # (T,)
    breaks = np.flatnonzero(np.diff(heatmap.close_ms) > heatmap.interval_ms) + 1
    days = np.insert(middle, breaks, middle[breaks])
    low, high, close = (np.insert(np.log(x), breaks, np.nan) for x in (heatmap.low, heatmap.high, heatmap.close))
    axes.fill_between(days, low, high, step="mid", color="white", alpha=0.32, linewidth=0)
    axes.plot(days, close, color="white", linewidth=1.1, solid_joinstyle="round")
    known = np.flatnonzero(np.isfinite(heatmap.close))
    if len(known):
        now = float(heatmap.close[known[-1]])
        axes.axhline(math.log(now), color="white", linewidth=0.7, linestyle=(0, (1, 3)), alpha=0.8)
        axes.annotate(
            price_text(now), (1, math.log(now)), xycoords=axes.get_yaxis_transform(), xytext=(5, 0),
            textcoords="offset points", va="center", fontsize=10, color=_BACKGROUND, annotation_clip=False,
            bbox={"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none"},
        )  # fmt: skip


def _label_prices(axes: Axes, heatmap: Heatmap) -> None:
    low, high = float(heatmap.price_edges[0]), float(heatmap.price_edges[-1])
    prices = price_ticks(low, high)
    axes.set_ylim(math.log(low), math.log(high))
    axes.yaxis.set_major_locator(FixedLocator([math.log(price) for price in prices]))
    axes.yaxis.set_major_formatter(FixedFormatter(tick_texts(prices)))


def price_ticks(low: float, high: float, most: int = 12) -> list[float]:
    """Return round prices within [low, high] for a logarithmic axis, ascending, at most ``most`` of them."""
    exponents = range(math.floor(math.log10(low)) - 3, math.ceil(math.log10(high)) + 1)
    steps = [digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 2.5, 5)]
    for step in steps:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [round(n * step, 12) for n in range(first, last + 1) if n > 0]
    return []


def price_text(price: float) -> str:
    """Return a price with the digits that matter: ``64,850``, ``0.1234``."""
    if price >= 1000:
        return f"{price:,.0f}"
    digits = max(0, 4 - math.floor(math.log10(price)) - 1)
    return f"{price:,.{digits}f}"


def tick_texts(prices: list[float]) -> list[str]:
    """Return prices with as many decimals as it takes to tell all of them."""
    decimals = next((n for n in range(12) if all(math.isclose(round(p, n), p, rel_tol=1e-9) for p in prices)), 12)
    return [f"{price:,.{decimals}f}" for price in prices]


def amount_text(amount: float) -> str:
    """Return an amount in thousands, millions or billions: ``12.5 M``."""
    for size, name in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if amount >= size:
            return f"{amount / size:.3g}{name}"
    return f"{amount:.3g}"


def _label_times(axes: Axes) -> None:
    locator = dates.AutoDateLocator(tz=UTC, minticks=6, maxticks=12)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        dates.ConciseDateFormatter(  # type: ignore[no-untyped-call]
            locator,
            tz=UTC,
            show_offset=False,
            formats=["%Y", "%b %Y", "%d %b", "%H:%M", "%H:%M", "%S"],
            zero_formats=["", "%b %Y", "%d %b", "%d %b", "%H:%M", "%H:%M"],
        )
    )
    axes.tick_params(colors=_FAINT, labelcolor=_INK, labelsize=11, length=4)
    for spine in axes.spines.values():
        spine.set_color("#2a3350")


def _draw_scale(figure: Figure, image: AxesImage, heatmap: Heatmap, brightest: float) -> None:
    box = figure.add_axes((0.69, 0.928, 0.23, 0.018))
    scale = figure.colorbar(image, cax=box, orientation="horizontal", extend="max", extendfrac=0.03)
    scale.outline.set_visible(False)
    scale.set_ticks([amount for amount in MaxNLocator(5).tick_values(0, brightest) if amount <= brightest])
    scale.ax.xaxis.set_major_formatter(FuncFormatter(lambda amount, _: amount_text(amount)))
    scale.ax.tick_params(colors=_FAINT, labelcolor=_INK, labelsize=9, length=3)
    height = heatmap.price_edges[1] / heatmap.price_edges[0] - 1
    figure.text(0.92, 0.953, f"{heatmap.unit} per {100 * height:.2g} % of price", color=_INK, fontsize=10, ha="right")


def _write_around(figure: Figure, axes: Axes, heatmap: Heatmap) -> None:
    left = 0.065
    covered = utc_range(int(heatmap.close_ms[0]) - heatmap.interval_ms, int(heatmap.close_ms[-1]))
    figure.text(left, 0.932, heatmap.title, color="white", fontsize=21, fontweight="bold")
    figure.text(left, 0.897, f"{heatmap.venues}  ·  {covered}", color=_INK, fontsize=12)
    figure.text(left, 0.025, "modelled liquidation levels, not observed positions", color=_FAINT, fontsize=9.5)
    figure.text(0.92, 0.025, heatmap.model, color=_FAINT, fontsize=9.5, ha="right")
    axes.set_ylabel(f"price, {heatmap.unit}", color=_INK, fontsize=11)
    axes.set_xlabel("UTC", color=_INK, fontsize=11)
    for height, va, text in (
        (0.975, "top", "shorts, liquidated by a rise"),
        (0.025, "bottom", "longs, liquidated by a fall"),
    ):
        axes.text(
            0.012, height, text, transform=axes.transAxes, va=va, color=_INK, fontsize=10.5,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": _BACKGROUND, "edgecolor": "none", "alpha": 0.75},
        )  # fmt: skip
