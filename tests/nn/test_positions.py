"""Position encodings against the formulas of their papers."""

import math

import torch

from sugata.nn.positions import alibi_slopes, rotary, rotate, sinusoidal


def test_sinusoidal_follows_the_formula() -> None:
    table = sinusoidal(torch.arange(50), 6)
    for position in (0, 1, 49):
        for pair in range(3):
            angle = position / 10_000 ** (2 * pair / 6)
            assert math.isclose(table[position, 2 * pair].item(), math.sin(angle), abs_tol=1e-5)
            assert math.isclose(table[position, 2 * pair + 1].item(), math.cos(angle), abs_tol=1e-5)


def test_sinusoidal_of_an_odd_width_ends_with_a_sine() -> None:
    assert sinusoidal(torch.arange(4), 5).shape == (4, 5)


def test_rotary_scores_depend_on_distance_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(1, 2, 8, generator=generator).expand(20, 2, 8) for _ in range(2))
    angles = rotary(torch.arange(20), 8, 10_000.0)
    scores = torch.einsum("qhd,khd->hqk", rotate(query, *angles), rotate(key, *angles))
    for distance in (0, 3, 10):
        diagonal = scores.diagonal(-distance, 1, 2)
        torch.testing.assert_close(diagonal, diagonal[:, :1].expand_as(diagonal), atol=1e-5, rtol=1e-5)
    assert (scores[:, 10, 0] - scores[:, 10, 10]).abs().min() > 1e-3


def test_rotation_keeps_lengths() -> None:
    x = torch.randn(2, 9, 3, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(rotate(x, *rotary(torch.arange(9), 8, 10_000.0)).norm(dim=-1), x.norm(dim=-1))


def test_alibi_slopes_are_the_published_ones() -> None:
    assert alibi_slopes(8) == [2.0**-n for n in range(1, 9)]
    assert alibi_slopes(1) == [2.0**-8]
    # 12 heads: the 8 slopes of 8 heads, then every other one of the 16 slopes of 16 heads.
    assert alibi_slopes(12) == [2.0**-n for n in range(1, 9)] + [2.0**-n for n in (0.5, 1.5, 2.5, 3.5)]
    assert len(alibi_slopes(6)) == 6
