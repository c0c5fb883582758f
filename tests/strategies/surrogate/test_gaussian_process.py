"""Processes grown row by row against the textbook's formulas."""

import numpy as np
import pytest

from sugata.strategies.surrogate.gaussian_process import GaussianProcess, Projection

NOISE = 0.1
RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(90, 3))
GRAM = np.exp(-((POINTS[:, None] - POINTS[None]) ** 2).sum(axis=2))
TARGETS = np.sin(POINTS[:70]).sum(axis=1)


def process(count: int) -> GaussianProcess:
    made = GaussianProcess(lambda row, others: GRAM[row, others].astype(np.float32), NOISE)
    for row in range(count):
        made.observe(row)
    return made


def test_prediction_and_evidence_are_those_of_the_inverse_matrix() -> None:
    grown = process(70)
    projection = Projection(grown, slice(None), 90)
    projection.update()
    inverse = np.linalg.inv(GRAM[:70, :70] + NOISE * np.eye(70))
    white = grown.whitened(TARGETS)
    np.testing.assert_allclose(projection.mean(white), GRAM[:, :70] @ inverse @ TARGETS, atol=1e-3)
    explained = np.einsum("ij,jk,ik->i", GRAM[:, :70], inverse, GRAM[:, :70])
    np.testing.assert_allclose(projection.variance(), 1 - explained, atol=1e-4)
    quadratic, logdet = TARGETS @ inverse @ TARGETS, -np.linalg.slogdet(inverse)[1]
    assert grown.log_evidence(white) == pytest.approx(-0.5 * (70 * np.log(quadratic) + logdet), rel=1e-4)


def test_supposed_observations_leave_no_trace() -> None:
    grown = process(10)
    projection = Projection(grown, slice(None), 90)
    projection.update()
    white = grown.whitened(TARGETS[:10])
    mean, variance, mark = projection.mean(white), projection.variance(), projection.mark()
    grown.observe(50)
    projection.update()
    assert projection.variance()[50] < variance[50]
    grown.truncate(10)
    projection.reset(mark)
    np.testing.assert_array_equal(projection.mean(white), mean)
    np.testing.assert_array_equal(projection.variance(), variance)
