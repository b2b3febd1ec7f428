"""Functions: warm instances of AWS Lambda, sized by the requests that the declared windows bring."""

from loadfit.functions.load import (
    Architecture,
    DatabaseUse,
    DeclaredFunctionPrices,
    FunctionLoad,
    FunctionPolicy,
    FunctionSettings,
    InitPhases,
    PackageType,
)
from loadfit.functions.plan import (
    Alternative,
    Autoscaling,
    BoundBy,
    FunctionPlan,
    ScheduledAction,
    Spillover,
    WindowPlan,
)
from loadfit.functions.sizing import size_function
from loadfit.functions.tuning import MemoryChoice, PowerTuning, TunedMemory, choose_memory, parse_power_tuning
from loadfit.functions.window import Window

__all__ = [
    "Alternative",
    "Architecture",
    "Autoscaling",
    "BoundBy",
    "DatabaseUse",
    "DeclaredFunctionPrices",
    "FunctionLoad",
    "FunctionPlan",
    "FunctionPolicy",
    "FunctionSettings",
    "InitPhases",
    "MemoryChoice",
    "PackageType",
    "PowerTuning",
    "ScheduledAction",
    "Spillover",
    "TunedMemory",
    "Window",
    "WindowPlan",
    "choose_memory",
    "parse_power_tuning",
    "size_function",
]
