"""What in the source of a Lambda function makes its cold start slow or lets its connections leak."""

from loadfit.bundle.advice.advice import Advice, Basis
from loadfit.bundle.advice.analysis import advise

__all__ = ["Advice", "Basis", "advise"]
