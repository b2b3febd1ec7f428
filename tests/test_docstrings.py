"""Every example in a docstring runs and gives what it says."""

import doctest
import pkgutil
from fractions import Fraction
from importlib import import_module

import pulumi
import pytest

import loadfit
from loadfit.core.plain_yaml import parse_yaml
from loadfit.testing import changes, deploy

MODULES = [module.name for module in pkgutil.walk_packages(loadfit.__path__, "loadfit.")]
KNOWN = {"Fraction": Fraction, "parse_yaml": parse_yaml, "changes": changes, "deploy": deploy, "pulumi": pulumi}


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_the_examples_of_a_module_run(name: str) -> None:
    result = doctest.testmod(import_module(name), extraglobs=KNOWN)
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = sum(len(test.examples) for name in MODULES for test in finder.find(import_module(name)) if test.examples)
    assert found > 20
