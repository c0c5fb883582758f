"""Columns of a table: what each kind makes of them, against scikit-learn's preprocessing."""

import json

import numpy as np
import pandas as pd
import pytest

from sugata.errors import InputError
from sugata.tasks.prepared import TableAdapter
from sugata.tasks.prepared.adapters import adapter_from_json

preprocessing = pytest.importorskip("sklearn.preprocessing")

RNG = np.random.default_rng(0)
ROWS = 2000


def fitted(name: str, values: object, **given: object) -> tuple[TableAdapter, np.ndarray]:
    """An adapter of one column, and what it makes of its own rows."""
    frame = pd.DataFrame({name: values})
    adapter = TableAdapter.fit(frame, **given)  # type: ignore[arg-type]
    return adapter, adapter.transform(frame)


def kind(values: object) -> str:
    return TableAdapter.fit(pd.DataFrame({"x": values})).columns[0].kind


def test_symmetric_numbers_are_standardized() -> None:
    numbers = RNG.normal(5, 3, ROWS)
    _, found = fitted("x", numbers)
    expected = preprocessing.StandardScaler().fit_transform(numbers[:, None])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_skewed_numbers_become_normal_as_the_quantile_transformer_makes_them() -> None:
    numbers = np.exp(2 * RNG.normal(size=ROWS))
    _, found = fitted("x", numbers)
    transformer = preprocessing.QuantileTransformer(
        n_quantiles=1000, output_distribution="normal", subsample=None
    )
    expected = transformer.fit_transform(numbers[:, None])
    inside = np.abs(expected) < 3  # the outermost rows are clipped: half a row there, 1e-7 here
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-4)
    assert np.abs(found).max() < 3.6


def test_a_skewed_column_of_few_values_has_the_middle_of_each_values_shares() -> None:
    numbers = RNG.choice([1.0, 2.0, 3.0, 50.0], ROWS, p=[0.1, 0.5, 0.3, 0.1])
    _, found = fitted("x", numbers)
    transformer = preprocessing.QuantileTransformer(
        n_quantiles=1000, output_distribution="normal", subsample=None
    )
    expected = transformer.fit_transform(numbers[:, None])
    inside = (numbers > 1) & (numbers < 50)
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-3)


def test_where_most_rows_are_zero_a_zero_is_no_extreme() -> None:
    numbers = np.where(RNG.random(ROWS) < 0.92, 0.0, RNG.exponential(1000, ROWS))
    _, found = fitted("x", numbers)
    assert np.abs(found[numbers == 0]).max() < 0.2
    assert found[numbers > 0].min() > 1


def test_missing_numbers_become_the_median_with_a_flag() -> None:
    imputation = pytest.importorskip("sklearn.impute")
    numbers = RNG.normal(size=ROWS)
    numbers[::7] = np.nan
    adapter, found = fitted("x", numbers)
    filled = imputation.SimpleImputer(strategy="median", add_indicator=True).fit_transform(numbers[:, None])
    expected = preprocessing.StandardScaler().fit_transform(filled[:, :1])
    np.testing.assert_allclose(found, np.concatenate([expected, filled[:, 1:]], 1), atol=1e-5)
    assert adapter.features == ("x", "x is missing")


def test_numbers_that_are_missing_at_prediction_alone_become_the_median() -> None:
    adapter, found = fitted("x", [1.0, 2.0, 3.0, 4.0, 50.0])
    assert found.shape == (5, 1)
    assert adapter.transform(pd.DataFrame({"x": [np.nan]})) == adapter.transform(pd.DataFrame({"x": [3.0]}))


def test_categories_have_codes_by_frequency_and_the_rare_share_one() -> None:
    values = ["b"] * 9 + ["a"] * 6 + ["c"] * 3 + ["once", None]
    adapter, found = fitted("x", values)
    assert found[:, 0].tolist() == [2] * 9 + [3] * 6 + [4] * 3 + [1, 0]
    assert adapter.categories == (5,)
    assert adapter.transform(pd.DataFrame({"x": ["new", "a", None]}))[:, 0].tolist() == [1, 3, 0]


def test_categories_are_those_of_the_ordinal_encoder_under_other_numbers() -> None:
    values = RNG.choice(list("abcdef"), ROWS)
    _, found = fitted("x", values)
    expected = preprocessing.OrdinalEncoder().fit_transform(values[:, None])
    pairs = set(zip(found[:, 0].tolist(), expected[:, 0].tolist(), strict=True))
    assert len(pairs) == len(set(values))


def test_a_column_of_very_many_categories_is_capped() -> None:
    values = [f"id{number}" for number in RNG.integers(0, 1500, 30_000)]
    adapter, found = fitted("x", values)
    assert adapter.categories[0] <= 1002
    assert found.max() == adapter.categories[0] - 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3], "number"),
        (["1.5", "2", "?", None], "number"),
        ([True, False, True], "truth"),
        ([True, None, False], "truth"),
        (["01234", "04321", "00001"], "category"),
        (pd.Categorical([1, 2, 1]), "category"),
        (["red", "green", "red"], "category"),
        (pd.to_datetime(["2024-01-01", "2024-05-02", None]), "date"),
        (["2024-01-31", "2023-12-05", "2022-10-10"], "date"),
        (["the first of many", "a second long text", "words and more words"], "words"),
        ([None, None, None], "number"),
    ],
)
def test_the_kind_of_a_column_is_found_in_its_values(values: object, expected: str) -> None:
    assert kind(values) == expected


def test_rows_that_are_lists_keep_the_types_of_their_values() -> None:
    adapter = TableAdapter.fit([[1.5, "a"], [float("nan"), "b"], [3.5, "a"]])
    assert [column.kind for column in adapter.columns] == ["number", "category"]
    assert adapter.transform([[float("nan"), "a"]])[0, 1] == 1  # the flag of a missing number


def test_a_kind_that_is_given_is_taken() -> None:
    adapter, found = fitted("zip", [10115, 10115, 80331, 80331], kinds={"zip": "category"})
    assert (adapter.columns[0].kind, found[:, 0].tolist()) == ("category", [2, 2, 3, 3])
    with pytest.raises(InputError, match="kinds: no column 'zap'; they are zip"):
        fitted("zip", [1, 2], kinds={"zap": "category"})
    with pytest.raises(InputError, match="kinds: 'colour' of column 'zip' is unknown"):
        fitted("zip", [1, 2], kinds={"zip": "colour"})


def test_equal_words_are_hashed_alike_in_any_order() -> None:
    texts = ["Mr. John Smith", "smith john mr.", "Mrs. Ann Jones", None]
    adapter = TableAdapter.fit(pd.DataFrame({"x": texts}), kinds={"x": "words"})
    found = adapter.transform(pd.DataFrame({"x": texts}))
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert not found[3].any()


def test_numbers_come_first_and_codes_last_whatever_the_order_of_columns() -> None:
    frame = pd.DataFrame(
        {
            "c": ["x", "y"] * 20,
            "n": range(40),
            "t": [True, False] * 20,
            "d": pd.date_range("2024", periods=40),
        }
    )
    adapter = TableAdapter.fit(frame)
    spec = adapter.spec("table")
    assert adapter.features == ("n", "t", "d days", "c", "d month", "d weekday")
    assert (spec.shape, spec.categories) == (("batch", 6), (4, 13, 8))
    found = adapter.transform(frame)
    for column, count in zip(found.T[3:], spec.categories, strict=True):
        assert column.min() >= 0
        assert column.max() < count


def test_columns_are_found_by_name_in_any_order_and_after_json() -> None:
    frame = pd.DataFrame(
        {
            "n": np.exp(2 * RNG.normal(size=50)),
            "c": RNG.choice(["x", "y"], 50),
            "d": pd.date_range("2024-01-30", periods=50, freq="31h"),
            "w": [f"some free text number {i}" for i in range(50)],
            "t": RNG.random(50) < 0.5,
        }
    )
    adapter = TableAdapter.fit(frame)
    again = adapter_from_json(json.loads(json.dumps(adapter.to_json())))
    assert again == adapter
    np.testing.assert_array_equal(adapter.transform(frame), again.transform(frame[["w", "t", "c", "d", "n"]]))


def test_statistics_have_the_quantiles_that_piecewise_linear_encodings_need() -> None:
    adapter, found = fitted("x", RNG.normal(size=ROWS))
    facts = adapter.statistics(found)
    assert np.all(np.diff(facts["edges"][0]) > 0)
    assert facts["edges"][0][0] == pytest.approx(found.min())


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"x": [1.0], "y": ["a"]}, "columns are missing that the model was fitted with: z"),
        ({"x": [1.0], "y": ["a"], "z": [2.0], "w": [3]}, "the model was not fitted with: w; leave them out"),
        ({"x": ["abc"], "y": ["a"], "z": [2.0]}, "column 'x', row 0: 'abc' is no number"),
        ({"x": [np.inf], "y": ["a"], "z": [2.0]}, "column 'x', row 0: infinity"),
    ],
)
def test_other_tables_at_prediction_get_one_line(frame: dict[str, object], message: str) -> None:
    adapter = TableAdapter.fit(pd.DataFrame({"x": [1.0, 2, 3], "y": ["a", "b", "a"], "z": [1.0, 2, 4]}))
    with pytest.raises(InputError, match=message):
        adapter.transform(pd.DataFrame(frame))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (pd.DataFrame({"x": [[1], [2]]}), "column 'x': argument must be a string or a number, not list"),
        (np.zeros((0, 2)), "there are no rows"),
        (np.zeros(3), "Reshape your data"),
        (pd.DataFrame(np.zeros((2, 2)), columns=["x", "x"]), "two columns are called 'x'"),
        (np.zeros((2, 2), complex), "Complex data not supported"),
    ],
)
def test_what_is_no_table_gets_one_line(raw: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TableAdapter.fit(raw)


def test_an_array_of_another_width_is_refused() -> None:
    adapter = TableAdapter.fit(RNG.normal(size=(10, 3)))
    with pytest.raises(InputError, match="X has 2 features, but the model was fitted with 3"):
        adapter.transform(RNG.normal(size=(4, 2)))


@pytest.mark.parametrize("scale", [1e-18, 1.0, 1e18])
def test_numbers_of_any_scale_are_standardized(scale: float) -> None:
    _, found = fitted("x", scale * np.linspace(1, 2, ROWS))
    assert (found.mean(), found.std()) == pytest.approx((0, 1), abs=1e-5)


def test_a_number_far_from_all_of_training_stays_finite() -> None:
    adapter = TableAdapter.fit(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    assert adapter.transform(pd.DataFrame({"x": [1e300, -1e300]}))[:, 0].tolist() == [1e4, -1e4]
