"""Inverted residual blocks."""

import torch

from sugata.nn.mobile import InvertedResidual


def test_the_input_is_added_where_the_shape_is_kept() -> None:
    images = torch.randn(2, 4, 6, 6)
    kept, strided, wider = (
        InvertedResidual(4, 4, 3, 2, 1),
        InvertedResidual(4, 4, 3, 2, 2),
        InvertedResidual(4, 6, 5, 2, 1),
    )
    for block in (kept, strided, wider):
        for parameter in block.branch[-1].parameters():  # the last normalization gives nothing
            torch.nn.init.zeros_(parameter)
    assert torch.equal(kept(images), images)
    assert strided(images).shape == (2, 4, 3, 3)
    assert not strided(images).any()
    assert wider(images).shape == (2, 6, 6, 6)
    assert not wider(images).any()
