"""Generated examples: the same ones in every run, without a time limit for a slow machine."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "skewbench",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("skewbench")
