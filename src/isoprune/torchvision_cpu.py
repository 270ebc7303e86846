"""torchvision, also where torch was built without CUDA.

The ordinary torchvision wheel is linked against CUDA. Beside a CPU-only torch it skips its compiled
operators, yet still registers helpers for two of them, and the import ends in ``operator torchvision::nms
does not exist``. Networks and transforms need none of these operators: once their schemas are declared, the
import succeeds. Detection operators stay unavailable and say so when called.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

# A library takes its operators with it when it is garbage-collected.
_declared: list[Any] = []


def import_torchvision() -> ModuleType:
    """The module ``torchvision``, imported with its missing operators declared if need be.

    Returns
    -------
    module

    Raises
    ------
    ImportError, RuntimeError
        As the import of torchvision raises them, unless the cause is an undeclared operator.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as problem:
        reason = str(problem)
        if "operator torchvision::" not in reason or "does not exist" not in reason or _declared:
            raise
    import torch

    half_imported = [name for name in sys.modules if name.partition(".")[0] == "torchvision"]
    for name in half_imported:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        library.define(schema)
    _declared.append(library)
    return importlib.import_module("torchvision")
