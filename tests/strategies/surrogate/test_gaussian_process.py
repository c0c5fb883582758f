"""Processes grown row by row against the textbook's formulas."""

import numpy as np
import pytest

from sugata.strategies.surrogate.gaussian_process import Processes, Projection

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(90, 3))
SQUARED = ((POINTS[:, None] - POINTS[None]) ** 2).sum(axis=2)
TARGETS = np.sin(POINTS[:70]).sum(axis=1)


NOISES = (0.1, 0.5)
GRAMS = [np.exp(-SQUARED), np.exp(-SQUARED / 9)]


def processes(count: int) -> Processes:
    made = Processes(lambda kernel, row, others: GRAMS[kernel][row, others].astype(np.float32), 2, NOISES)
    for row in range(count):
        made.observe(row)
    return made


@pytest.mark.parametrize("model", range(4))
def test_prediction_and_evidence_are_those_of_the_inverse_matrix(model: int) -> None:
    grown, gram, noise = processes(70), GRAMS[model // 2], NOISES[model % 2]
    projection = Projection(grown, model, slice(None), 90)
    projection.update()
    inverse = np.linalg.inv(gram[:70, :70] + noise * np.eye(70))
    white = grown.whitened(TARGETS)
    np.testing.assert_allclose(projection.mean(white[model]), gram[:, :70] @ inverse @ TARGETS, atol=1e-3)
    explained = np.einsum("ij,jk,ik->i", gram[:, :70], inverse, gram[:, :70])
    np.testing.assert_allclose(projection.variance(), 1 - explained, atol=1e-4)
    quadratic, logdet = TARGETS @ inverse @ TARGETS, -np.linalg.slogdet(inverse)[1]
    evidence = -0.5 * (70 * np.log(quadratic) + logdet)
    assert grown.log_evidences(white)[model] == pytest.approx(evidence, rel=1e-4)


def test_supposed_observations_leave_no_trace() -> None:
    grown = processes(10)
    projection = Projection(grown, 1, slice(None), 90)
    projection.update()
    white = grown.whitened(TARGETS[:10])[1]
    mean, variance, mark = projection.mean(white), projection.variance(), projection.mark()
    grown.observe(50)
    projection.update()
    assert projection.variance()[50] < variance[50]
    grown.truncate(10)
    projection.reset(mark)
    np.testing.assert_array_equal(projection.mean(white), mean)
    np.testing.assert_array_equal(projection.variance(), variance)
