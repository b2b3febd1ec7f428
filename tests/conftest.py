"""What every test runs under."""

from hypothesis import settings

# Machines are noisy and timings decide no test.
settings.register_profile("loadfit", deadline=None)
settings.load_profile("loadfit")
