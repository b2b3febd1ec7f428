"""What the docstrings of a model's fields say.

They are read from source when somebody asks. That takes longer than sizing a load, which has no use for them: so models
do not read them as they are made (pydantic's ``use_attribute_docstrings``).
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel

__all__ = ["descriptions"]


@cache
def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """The docstring of each field that has one, its own or inherited, by the field's name.

    Nothing is known of a class whose source is not there.
    """
    owners = [owner for owner in reversed(model.__mro__) if issubclass(owner, BaseModel) and owner is not BaseModel]
    return {name: said for owner in owners for name, said in _docstrings(owner)}


def _docstrings(owner: type[BaseModel]) -> Iterator[tuple[str, str]]:
    try:
        source = inspect.getsource(owner)
    except OSError:
        return
    declared = ast.parse(textwrap.dedent(source)).body[0]
    for field, after in pairwise(declared.body if isinstance(declared, ast.ClassDef) else ()):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield name, inspect.cleandoc(said)
            case _:
                pass
