"""Plans are kept, up to a number, and copies begin without."""

import copy

from sugata.oneshot.plans import Plans


def test_a_plan_is_made_once_and_a_copy_makes_its_own() -> None:
    made: list[str] = []

    def make() -> str:
        made.append("plan")
        return f"plan {len(made)}"

    plans: Plans[str, str] = Plans()
    assert plans.get("a", make) == plans.get("a", make) == "plan 1"
    assert copy.deepcopy(plans).get("a", make) == "plan 2"
    assert plans.get("a", make) == "plan 1"


def test_the_oldest_plan_goes_when_there_are_too_many() -> None:
    plans: Plans[int, int] = Plans()
    for key in range(513):
        plans.get(key, lambda key=key: key)  # type: ignore[misc]
    assert plans.get(512, lambda: -1) == 512
    assert plans.get(0, lambda: -1) == -1
