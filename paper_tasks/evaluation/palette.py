"""The colors and the look of every plot: of an evaluation, of a benchmark and of the notebooks."""

from typing import Any

from cycler import cycler
from matplotlib.typing import RcKeyType

# Okabe and Ito's colors, which people with any color vision can tell apart. Grey is for what is only compared with.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#999999"
SKY, YELLOW, BLACK, BROWN = "#56B4E9", "#E69F00", "#000000", "#7F4F24"

# For `matplotlib.rc_context` or `plt.rcParams.update`.
LOOK: dict[RcKeyType, Any] = {
    "axes.axisbelow": True,
    "axes.formatter.min_exponent": 4,
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, PURPLE, GREY]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.figsize": (7.5, 4),
    "grid.color": "#E5E5E5",
    "image.cmap": "cividis",
    "legend.frameon": False,
}
