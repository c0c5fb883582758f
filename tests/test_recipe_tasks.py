"""What a recipe may say of its task, and what it is told when it may not."""

import pytest

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.recipe_tasks import CodeSection, ImageSection
from sugata.run.assembly import assemble, fidelity, final_fidelity

FUNNEL = [{"name": "one", "amount": 1, "unit": "epochs"}]
IMAGE = {"task": {"kind": "image"}, "space": "nasbench201", "funnel": FUNNEL}
METRICS = {"objectives": {"metrics": ["accuracy"]}, "promote_by": "accuracy"}


def test_a_task_without_a_kind_is_code() -> None:
    assert isinstance(recipes.parse({"funnel": FUNNEL}).task, CodeSection)
    assert isinstance(recipes.parse({"funnel": FUNNEL, "task": {"data": "x"}}).task, CodeSection)
    assert isinstance(recipes.parse(IMAGE).task, ImageSection)


def test_a_resolved_recipe_is_read_again() -> None:
    first = recipes.load("mnist", {"task.resize": 16})
    assert recipes.parse(first.model_dump(mode="json")) == first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": {"kind": "sound"}}, "field 'task.kind' is 'sound'; use code, code_search, image"),
        (
            {"task": {"kind": "image", "max_bytes": 3}},
            "unknown field 'task.max_bytes'; did you mean",
        ),
        (
            {"task": {"kind": "image", "augment": "crop"}},
            "'task.augment' is 'crop'; it should be a list",
        ),
        ({"task": {"kind": "image", "resize": 0}}, "field 'task.resize' is 0"),
        ({"task": {"kind": "code", "resize": 8}}, "unknown field 'task.resize'"),
        ({"funnel": [{"name": "a", "amount": 5, "unit": "tokens"}]}, "images have no tokens"),
        ({"funnel": [{**FUNNEL[0], "channels": 2}]}, "field 'funnel.0.channels' is 2"),
        (
            {"task": {}, "funnel": [{**FUNNEL[0], "samples": 0.5}]},
            "samples of a training is for",
        ),
        ({"task": {}, "final": {"channels": 2}}, "channels of a training is for task.kind image"),
    ],
)
def test_contradictions_get_one_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipes.parse({**IMAGE, **METRICS, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": "tiny"}, "language/tiny has no image networks; use one such as nasbench201"),
        ({"task": {}}, "cell/nasbench201 has no code models; use a language space"),
        ({"network": {"width": 3}}, "does not take these parameters"),
        ({"task": {"kind": "image", "augment": ["turn"]}}, "task.augment: 'turn' is unknown; use crop"),
    ],
)
def test_space_and_task_must_fit(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        assemble(recipes.parse({**IMAGE, **METRICS, **changes}))


def test_a_larger_network_may_train_as_long_as_the_smaller_did() -> None:
    rungs = [{**FUNNEL[0], "channels": 0.5, "keep": 0.5}, {**FUNNEL[0], "name": "two"}]
    found = recipes.parse({**IMAGE, **METRICS, "funnel": rungs, "final": {"amount": 5, "channels": 3}})
    assert fidelity(0, found.funnel[0]).channels == 0.5
    assert final_fidelity(found).channels == 3
    assemble(found).strategy()
    with pytest.raises(RecipeError, match="must grow"):
        recipes.parse({**IMAGE, **METRICS, "funnel": rungs[::-1]})


def test_the_commented_image_recipe_says_the_same_as_the_shipped_one() -> None:
    import yaml

    text = recipes.commented("mnist")
    assert recipes.parse(yaml.safe_load(text)) == recipes.load("mnist")
    assert "kind: image" in text
    assert "max_bytes" not in text
