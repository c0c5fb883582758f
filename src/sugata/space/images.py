"""What an image task demands of a network, in one small value."""

from dataclasses import dataclass

from sugata.errors import InvalidArchitecture
from sugata.space.signature import Signature, TensorSpec


@dataclass(frozen=True)
class ImageSizes:
    """Sizes of an image network's input and output.

    Attributes:
        outputs: classes of a classification, values of a regression.
    """

    channels: int
    height: int
    width: int
    outputs: int


def image_sizes(signature: Signature) -> ImageSizes:
    """The sizes in the signature of an image task.

    Raises:
        InvalidArchitecture: the signature is that of another kind of task.
    """
    shapes = [tensor.shape for tensor in (*signature.inputs, *signature.outputs)]
    if len(signature.inputs) == len(signature.outputs) == 1 and [len(shape) for shape in shapes] == [4, 2]:
        _, channels, height, width = shapes[0]
        outputs = shapes[1][1]
        if (
            isinstance(channels, int)
            and isinstance(height, int)
            and isinstance(width, int)
            and isinstance(outputs, int)
        ):
            return ImageSizes(channels, height, width, outputs)
    found = ", ".join(str(shape) for shape in shapes)
    raise InvalidArchitecture(
        f"the task's tensors are {found}; an image network takes one (batch, channels, height, width) of"
        " fixed size and gives one (batch, classes): choose another space or task"
    )


def image_signature(channels: int, height: int, width: int, classes: int) -> Signature:
    """The signature of an image classification."""
    image = TensorSpec("image", ("batch", channels, height, width), "float32")
    return Signature((image,), (TensorSpec("logits", ("batch", classes), "float32", classes),))
