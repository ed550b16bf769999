"""Gives fastai back what blurr 1.0.5 (of 2022) imports from it. Import this before blurr.

blurr registers its `show_batch` and `show_results` with `fastai.imports.typedispatch`, which fastai 2.8
replaced by plum's dispatch. Here `typedispatch` adds the function to fastai's own plum dispatcher of that name.
"""

import inspect
from collections.abc import Callable
from typing import Any

import fastai.data.core
import fastai.imports


def _typedispatch(function: Callable[..., Any]) -> Any:
    dispatcher = getattr(fastai.data.core, function.__name__)
    first, second = list(inspect.signature(function).parameters.values())[:2]
    x_type = object if first.annotation is inspect.Parameter.empty else first.annotation
    y_type = object if second.annotation is inspect.Parameter.empty else second.annotation

    if function.__name__ == "show_batch":
        # plum dispatches on the annotations, which are those of blurr's function.
        def show_batch(x: x_type, y: y_type, samples, **options):  # type: ignore[valid-type]
            # fastai passes no dataloaders here; blurr's function requires the argument and copes with None.
            return function(x, y, samples, **({"dataloaders": None} | options))

        dispatcher.dispatch(show_batch)
    else:

        def show_results(x: x_type, y: y_type, samples, outs, **options):  # type: ignore[valid-type]
            return function(x, y, samples, outs, **options)

        dispatcher.dispatch(show_results)
    return dispatcher


if not hasattr(fastai.imports, "typedispatch"):
    fastai.imports.typedispatch = _typedispatch
