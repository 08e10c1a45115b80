"""Settings that arms of a study share."""

from dataclasses import replace
from typing import Any


def with_same_test(settings: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes of settings that also leave all arms the same test rows.

    Tasks test all rows that are left over: an arm that trains on fewer would test more.
    """
    arm = replace(settings, **changes)
    if getattr(arm, "test", 0) is None:
        return {**changes, "test": arm.validation}
    if hasattr(arm, "left_out") and (arm.imbalance or arm.train_imbalance):
        return {**changes, "left_out": "drop"}
    return changes
