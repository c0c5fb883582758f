"""Supernets in files, and starting from another data set's."""

import pytest
import torch
from safetensors.torch import save_file

from sugata.errors import RunFolderError
from sugata.oneshot import (
    Elastic,
    NasBench201Supernet,
    load_supernet,
    save_supernet,
    warm_start,
)
from sugata.space import image_signature
from sugata.spaces.cell import NasBench201Space
from sugata.training import TrainingSettings
from sugata.trial import Fidelity

from .language_toy import Repeating, plain_space, supernet, tiny_space
from .toy import Quiet

pytestmark = pytest.mark.slow
SETTINGS = TrainingSettings(batch_size=16, learning_rate=0.01, base_width=32, weight_decay=0.0)


def cells(channels: int = 4, image_channels: int = 3, classes: int = 4, seed: int = 0) -> NasBench201Supernet:
    made = NasBench201Supernet(
        NasBench201Space(channels=channels, cells=1), image_signature(image_channels, 8, 8, classes)
    )
    made.initialize(torch.Generator().manual_seed(seed))
    return made


def test_what_was_saved_comes_back(tmp_path) -> None:
    for first, second in ((cells(seed=1), cells(seed=2)), (supernet(tiny_space()), supernet(tiny_space()))):
        with torch.no_grad():
            for tensor in first.state_dict().values():
                tensor.add_(1)
        save_supernet(tmp_path / "supernet.safetensors", first)
        load_supernet(tmp_path / "supernet.safetensors", second)
        for name, tensor in first.state_dict().items():
            assert torch.equal(tensor, second.state_dict()[name]), name
    assert [path.name for path in tmp_path.iterdir()] == ["supernet.safetensors"]


def test_a_checkpoint_of_another_space_is_refused_in_one_line(tmp_path) -> None:
    path = tmp_path / "supernet.safetensors"
    save_supernet(path, cells())
    with pytest.raises(RunFolderError, match="space is 'cell/nasbench201' there and 'language/tiny' here"):
        load_supernet(path, supernet(tiny_space()))
    with pytest.raises(RunFolderError, match=r"parameters\.channels is 4 there and 8 here; give the space"):
        warm_start(path, cells(channels=8))
    with pytest.raises(RunFolderError, match=r"not for .* load it with warm_start"):
        load_supernet(path, cells(classes=6))
    save_supernet(path, supernet(tiny_space()))
    with pytest.raises(RunFolderError, match=r"another space: parameters\.options"):
        load_supernet(path, supernet(plain_space()))
    with pytest.raises(RunFolderError, match="there is no such checkpoint"):
        load_supernet(tmp_path / "nothing", cells())
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(RunFolderError, match="not a checkpoint of a supernet"):
        load_supernet(path, cells())
    path.write_bytes(b"no")
    with pytest.raises(RunFolderError, match="not a readable checkpoint"):
        load_supernet(path, cells())


def test_other_classes_and_other_images_take_over_what_fits(tmp_path) -> None:
    path = tmp_path / "supernet.safetensors"
    first, second = cells(seed=1), cells(image_channels=1, classes=6, seed=2)
    save_supernet(path, first)
    before = {name: tensor.clone() for name, tensor in second.state_dict().items()}
    taken = warm_start(path, second)
    assert taken.new == ("classifier.weight", "classifier.bias")
    assert taken.reshaped == ("stem.0.weight",)
    for name, tensor in second.state_dict().items():
        expected = first.state_dict()[name] if name in taken.taken else before[name]
        assert torch.equal(tensor, expected), name
    assert str(taken).endswith("3 new (classifier.weight, classifier.bias, stem.0.weight)")


def test_classes_of_the_same_number_are_new_unless_they_mean_the_same(tmp_path) -> None:
    path = tmp_path / "supernet.safetensors"
    first = cells(seed=1)
    save_supernet(path, first)
    other, same = cells(seed=2), cells(seed=2)
    assert "classifier.weight" in warm_start(path, other).new
    assert warm_start(path, same, same_data=True).new == ()
    assert not torch.equal(other.classifier.weight, first.classifier.weight)
    assert torch.equal(same.classifier.weight, first.classifier.weight)


def test_it_saves_most_of_the_steps_on_another_vocabulary(tmp_path) -> None:
    """How to look four tokens back is learned once; what the tokens are called is new."""
    path = tmp_path / "supernet.safetensors"

    def steps_to_half(shared, task, most: int) -> int:
        """Steps until the largest network predicts with half the loss of chance."""
        method = Elastic(SETTINGS, Fidelity(amount=most, unit="steps"), checks=most // 10, distillation=0.0)
        method.fit(shared, task, Quiet(seed=3))
        chance = torch.log(torch.tensor(float(task.vocabulary)))
        return next((step for step, loss in method.losses if loss < 0.5 * chance), most)

    first = supernet(plain_space(16))
    steps_to_half(first, Repeating(16), 120)
    save_supernet(path, first)
    cold, warm = supernet(plain_space(20)), supernet(plain_space(20))
    taken = warm_start(path, warm)
    assert set(taken.new) == {"embedding.weight", "untied_head.weight"}
    assert taken.reshaped == ()
    cold_steps = steps_to_half(cold, Repeating(20), 100)
    warm_steps = steps_to_half(warm, Repeating(20), 100)
    assert warm_steps < 0.7 * cold_steps
