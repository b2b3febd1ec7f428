"""What every test runs under."""

import os

from hypothesis import settings

# Machines are noisy and timings decide no test. Where a change is judged, the same examples are drawn each time, so
# that a failure is the change's own; on a developer's machine they are new ones.
settings.register_profile("loadfit", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("loadfit")
