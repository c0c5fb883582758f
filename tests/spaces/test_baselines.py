"""Known architectures: members of their spaces, with known figures."""

import pytest

from sugata.errors import RecipeError
from sugata.space import DictionarySpace
from sugata.spaces import Baseline, baseline, baselines, space
from sugata.spaces.language import LanguageSpace


def parameters(known: Baseline) -> int:
    made = space(known.space)
    return sum(block.parameters for block in made.outline(made.architecture(known.architecture)))


@pytest.mark.parametrize("known", baselines(), ids=lambda b: b.name)
def test_every_baseline_is_in_its_space_with_all_its_fields_listed(known):
    assert dict(space(known.space).architecture(known.architecture)) == dict(known.architecture)
    assert known.description


def test_gpt2_has_its_known_size():
    assert parameters(baseline("gpt2")) == 49_026_816
    assert round(parameters(baseline("gpt2")) * 2 / 2**20, 1) == 93.5


def test_llama_has_the_parameters_of_its_formula():
    hidden, ffn, layers, vocabulary = 512, 1280, 6, 50_000
    layer = 4 * hidden**2 + 3 * hidden * ffn + 2 * hidden
    assert parameters(baseline("llama")) == 2 * vocabulary * hidden + layers * layer + hidden


def test_every_large_baseline_has_a_tiny_counterpart_of_the_same_type():
    large = {known.name: known for known in baselines("full")}
    tiny = {known.name: known for known in baselines("language/tiny")}
    assert set(tiny) == {f"tiny_{name}" for name in large} != set()
    for name, known in large.items():
        for field in ("architecture", "normalization", "quantization", "pruning_ratio"):
            assert tiny[f"tiny_{name}"].architecture[field] == known.architecture[field]
        assert parameters(tiny[f"tiny_{name}"]) < 2_500_000


def test_the_baselines_of_a_space_are_those_that_it_contains():
    assert [known.name for known in baselines(LanguageSpace("medium"))] == ["gpt2"]
    narrow = LanguageSpace("tiny", {"architecture": ["mamba", "rwkv"]})
    assert [known.name for known in baselines(narrow)] == ["tiny_mamba"]
    assert baselines(DictionarySpace({"depth": [2, 4]})) == ()


def test_an_unknown_baseline_is_answered_with_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'tiny_llama'"):
        baseline("tiny_lama")
    with pytest.raises(RecipeError, match="unknown space"):
        baselines("nowhere")
