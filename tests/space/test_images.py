"""Signatures of image tasks."""

import pytest

from sugata.errors import InvalidArchitecture
from sugata.space import ImageSizes, Signature, TensorSpec, image_signature, image_sizes

IMAGE = TensorSpec("image", ("batch", 3, 32, 24), "float32")


def test_sizes_of_classification_and_regression() -> None:
    assert image_sizes(image_signature(3, 32, 24, 10)) == ImageSizes(3, 32, 24, 10)
    value = TensorSpec("value", ("batch", 2), "float32")
    assert image_sizes(Signature((IMAGE,), (value,))) == ImageSizes(3, 32, 24, 2)


@pytest.mark.parametrize(
    "signature",
    [
        Signature((IMAGE, IMAGE), (TensorSpec("logits", ("batch", 10), "float32", 10),)),
        Signature(
            (TensorSpec("image", ("batch", 3, "height", 24), "float32"),),
            (TensorSpec("x", ("batch", 2), ""),),
        ),
        Signature(
            (TensorSpec("tokens", ("batch", "length"), "int64"),), (TensorSpec("x", ("batch", 2), ""),)
        ),
    ],
)
def test_a_signature_without_fixed_sizes_is_refused(signature: Signature) -> None:
    with pytest.raises(InvalidArchitecture, match="fixed size"):
        image_sizes(signature)
