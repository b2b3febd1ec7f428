"""All utilities."""

from utilities.calls import *
from utilities.frames import *
from utilities.sums import *
