"""Layers of blocks against other implementations of them: torch's, scikit-learn's, NumPy's."""

from itertools import pairwise
from typing import TypeVar

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sugata.nn.block_network import initialize_block
from sugata.nn.dense import DenseLayer
from sugata.nn.dropout import Dropout, set_generator
from sugata.nn.encoder import EncoderLayer
from sugata.nn.image_blocks import ConvStage, Normalization, ResidualBlock
from sugata.nn.merge import Added, Concatenated
from sugata.nn.ngrams import NGrams
from sugata.nn.recurrent import Recurrent
from sugata.nn.sequence_blocks import SequenceStage
from sugata.nn.sequences import FlatSteps, LastStep, MaxOverSteps, MeanOverSteps, Steps
from sugata.nn.table_embedding import PeriodicNumbers, PiecewiseLinearNumbers, TableEmbedding
from sugata.nn.token_embedding import TokenEmbedding

LENGTHS = (5, 2, 4, 1)
Module = TypeVar("Module", bound=nn.Module)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(module: Module) -> Module:
    initialize_block(module, rng(1))
    return module.eval()


def random(bag: NGrams) -> NGrams:
    """Vectors as if trained."""
    for parameter in bag.parameters():
        parameter.data.normal_(generator=rng(2))
    return bag.eval()


def sequences(dim: int = 3) -> Steps:
    """Four sequences of different lengths, with rubbish where they are padded."""
    kept = torch.arange(5) < torch.tensor(LENGTHS)[:, None]
    return Steps(torch.randn(4, 5, dim, generator=rng()), kept)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
@torch.no_grad()
def test_recurrent_layers_are_torchs_over_packed_sequences(kind: str, bidirectional: bool) -> None:
    ours = drawn(Recurrent(3, 4, 2, kind, bidirectional))  # type: ignore[arg-type]
    theirs = {"gru": nn.GRU, "lstm": nn.LSTM}[kind](3, 4, 2, batch_first=True, bidirectional=bidirectional)
    state = {}
    for suffix, directions in (("", ours.forwards), ("_reverse", ours.backwards)):
        for layer, module in enumerate(directions):
            own = module.state_dict()
            state |= {f"{key.removesuffix('_l0')}_l{layer}{suffix}": value for key, value in own.items()}
    theirs.load_state_dict(state)
    steps = sequences()
    packed = pack_padded_sequence(steps.values, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True)
    torch.testing.assert_close(ours(steps).masked, expected, rtol=1e-5, atol=1e-6)
    without = ours(Steps(steps.values, None)).values
    torch.testing.assert_close(without, theirs(steps.values)[0], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_an_encoder_layer_is_torchs_with_norms_first() -> None:
    ours = drawn(EncoderLayer(8, 2, 16))
    theirs = nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=True).eval()
    names = {
        "self_attn.in_proj_": ours.qkv,
        "self_attn.out_proj.": ours.output,
        "linear1.": ours.up,
        "linear2.": ours.down,
        "norm1.": ours.attention_norm,
        "norm2.": ours.ffn_norm,
    }
    theirs.load_state_dict(
        {
            f"{name}{key}": value
            for name, module in names.items()
            for key, value in module.state_dict().items()
        }
    )
    x, kept = sequences(8)
    expected = theirs(x, src_key_padding_mask=~kept)
    torch.testing.assert_close(ours(x, kept)[kept], expected[kept], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours(x, None), theirs(x), rtol=1e-5, atol=1e-6)
    assert ours(x, torch.zeros_like(kept)).isfinite().all()


@torch.no_grad()
def test_a_bag_of_words_and_pairs_is_what_counting_gives() -> None:
    texts = [[2, 3, 2, 4], [5, 5, 5, 0], [3, 0, 0, 0], [0, 0, 0, 0]]
    ours = random(NGrams(6, 3, 7))
    words = CountVectorizer(token_pattern=r"\S+", vocabulary=[str(i) for i in range(6)])
    counts = words.transform([" ".join(str(word) for word in text if word) for text in texts]).toarray()
    pairs = [[(a * 1_000_003 + b) % 7 for a, b in pairwise(t) if a and b] for t in texts]
    hashed = np.stack([np.bincount(pair, minlength=7) for pair in pairs])
    total = counts @ ours.words.weight.numpy() + hashed @ ours.pairs.weight.numpy()  # type: ignore[union-attr]
    number = np.maximum(1, counts.sum(1) + hashed.sum(1))[:, None]
    np.testing.assert_allclose(ours(torch.tensor(texts)).numpy(), total / number, rtol=1e-5, atol=1e-6)
    ours.scaling = "root"
    np.testing.assert_allclose(ours(torch.tensor(texts)).numpy(), total / number**0.5, rtol=1e-5, atol=1e-6)


def test_dropped_words_take_their_pairs_along() -> None:
    ours = random(NGrams(50, 3, 20, word_dropout=0.5)).train()
    tokens = torch.arange(2, 42)[None]
    set_generator(ours, rng(5))
    found = ours(tokens)
    kept = torch.empty(1, 40).bernoulli_(0.5, generator=rng(5)).bool()
    expected = ours.eval()(torch.where(kept, tokens, 0))
    torch.testing.assert_close(found, expected)


@torch.no_grad()
def test_the_piecewise_linear_encoding_is_numpys_interpolation() -> None:
    ours = PiecewiseLinearNumbers(2, 4)
    x = torch.linspace(-2.9, 2.9, 40)[:, None].repeat(1, 2)
    edges = ours.edges[0].double().numpy()
    expected = np.stack([np.interp(x[:, 0], edges[i : i + 2], [0, 1]) for i in range(len(edges) - 1)], 1)
    np.testing.assert_allclose(ours.encoded(x)[:, 1].numpy(), expected, atol=1e-5)
    assert ours.encoded(torch.tensor([[-5.0, 5.0]]))[0].mean(1).tolist() == [0, 1]


@torch.no_grad()
def test_bins_of_the_training_data_take_the_place_of_the_usual_ones() -> None:
    ours = PiecewiseLinearNumbers(2, 4)
    ours.fill([[0.0, 1.0, 4.0], np.linspace(0, 10, 101).tolist()])
    first, second = ours.encoded(torch.tensor([[2.5, 5.0]]))[0]
    assert first[:3].tolist() == [1, 0.5, 0]
    assert second.mean().item() == pytest.approx(0.5, abs=0.02)
    assert ours.encoded(torch.tensor([[4.0, 0.0]]))[0, 0, :2].tolist() == [1, 1]


@torch.no_grad()
def test_the_periodic_encoding_is_its_formula() -> None:
    ours = drawn(PeriodicNumbers(2, 4))
    x = torch.randn(6, 2, generator=rng())
    for column in range(2):
        angles = 2 * np.pi * np.outer(x[:, column], ours.frequencies[column])
        encoded = np.concatenate([np.sin(angles), np.cos(angles)], 1)
        linear = encoded @ ours.linear.weight[column].numpy() + ours.linear.bias[column].numpy()
        np.testing.assert_allclose(ours(x)[:, column].numpy(), np.maximum(linear, 0), rtol=1e-4, atol=1e-5)


def test_a_row_is_its_numbers_and_the_vectors_of_its_codes() -> None:
    ours = drawn(TableEmbedding(2, (3, 5), (2, 3)))
    found = ours(torch.tensor([[0.5, -1.0, 2.0, 4.0]]))
    first, second = ours.tables
    torch.testing.assert_close(found[0, :2], torch.tensor([0.5, -1.0]))
    torch.testing.assert_close(found[0, 2:4], first.weight[2])  # type: ignore[union-attr]
    torch.testing.assert_close(found[0, 4:], second.weight[4])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("module", "reduce"),
    [
        (MeanOverSteps(), lambda x: x.mean(0)),
        (MaxOverSteps(), lambda x: x.amax(0)),
        (LastStep(), lambda x: x[-1]),
    ],
)
def test_reductions_are_those_of_each_sequence_alone(module: nn.Module, reduce) -> None:
    steps = sequences()
    expected = torch.stack([reduce(x[:n]) for x, n in zip(steps.values, LENGTHS, strict=True)])
    torch.testing.assert_close(module(steps), expected)
    whole = Steps(steps.values, None)
    torch.testing.assert_close(module(whole), torch.stack([reduce(x) for x in steps.values]))
    nothing = Steps(steps.values, torch.zeros_like(steps.kept))  # type: ignore[arg-type]
    assert module(nothing).isfinite().all()
    assert FlatSteps()(steps)[3, 3:].eq(0).all()


@pytest.mark.parametrize("separable", [False, True])
@torch.no_grad()
def test_padding_changes_nothing_in_convolutions_over_time(separable: bool) -> None:
    ours = drawn(SequenceStage(3, 4, 2, 3, separable, 0.0, halve=True))
    steps = sequences()
    found = ours(steps)
    for row, (x, length) in enumerate(zip(steps.values, LENGTHS, strict=True)):
        alone = ours(Steps(x[None, :length], None)).values[0]
        torch.testing.assert_close(found.masked[row, : len(alone)], alone)
        assert found.kept is not None
        assert int(found.kept[row].sum()) == len(alone)


def test_words_come_before_padding_wherever_it_stands() -> None:
    ours = drawn(TokenEmbedding(9, 4))
    front, back = torch.tensor([[0, 0, 3, 5]]), torch.tensor([[3, 5, 0, 0]])
    torch.testing.assert_close(ours(front).values, ours(back).values)
    assert ours(front).kept.tolist() == [[True, True, False, False]]
    middle = ours(torch.tensor([[3, 0, 5, 0]]))
    torch.testing.assert_close(middle.values, ours(back).values)


@torch.no_grad()
def test_a_separable_convolution_costs_less_and_keeps_the_shape() -> None:
    x = torch.randn(2, 8, 7, 7, generator=rng())
    full, thin = (drawn(ConvStage(8, 16, 1, 3, True, separable, 0.0)) for separable in (False, True))
    assert full(x).shape == thin(x).shape == (2, 16, 4, 4)
    count = [sum(p.numel() for p in module.parameters()) for module in (full, thin)]
    assert count == [8 * 16 * 9 + 32, 8 * 9 + 8 * 16 + 32]


@torch.no_grad()
def test_a_residual_block_adds_its_input() -> None:
    block = drawn(ResidualBlock(4, 4, 1))
    block.branch[-1].weight.zero_()
    x = torch.randn(2, 4, 5, 5, generator=rng())
    torch.testing.assert_close(block(x), x.relu())
    assert drawn(ResidualBlock(4, 8, 2))(x).shape == (2, 8, 3, 3)


@torch.no_grad()
def test_a_dense_layer_is_torchs_with_what_is_asked_for() -> None:
    x = torch.randn(6, 4, generator=rng())
    plain = drawn(DenseLayer(4, 4, activation="gelu", residual=True))
    torch.testing.assert_close(plain(x), x + nn.functional.gelu(plain.linear(x)))
    normed = drawn(DenseLayer(4, 3, batch_norm=True))
    assert normed.linear.bias is None
    torch.testing.assert_close(normed(x), normed.norm(normed.linear(x)).relu())  # type: ignore[misc]


@torch.no_grad()
def test_merging_puts_vectors_beside_one_another_or_adds_them() -> None:
    a, b = torch.ones(2, 3), torch.full((2, 5), 2.0)
    assert Concatenated([[], []])(a, b).tolist() == [[1, 1, 1, 2, 2, 2, 2, 2]] * 2
    torch.testing.assert_close(Added([[], []], [3, 3], 3)(a, a), a + a)
    added = drawn(Added([[], []], [3, 5], 5))
    torch.testing.assert_close(added(a, b), added.before[0](a) + b)


def test_dropout_keeps_the_mean_and_draws_from_its_generator() -> None:
    layer, x = Dropout(0.25), torch.ones(20_000)

    def once(seed: int) -> Tensor:
        set_generator(layer, rng(seed))
        return layer(x)

    assert once(0).mean().item() == pytest.approx(1, abs=0.02)
    assert (once(0) == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert torch.equal(once(3), once(3))
    assert not torch.equal(once(3), once(4))
    assert torch.equal(layer.eval()(x), x)


def test_a_normalization_takes_a_number_a_channel_or_one_for_all() -> None:
    layer = Normalization(2, 2)
    layer.fill([1.0, 2.0], [2.0, 4.0])
    assert layer(torch.full((1, 2, 1, 1), 4.0)).flatten().tolist() == [1.5, 0.5]
    layer.fill([1.0], [2.0])
    assert layer(torch.full((1, 2, 1, 1), 4.0)).flatten().tolist() == [1.5, 1.5]


def test_a_module_of_unknown_parameters_is_not_initialized_silently() -> None:
    with pytest.raises(TypeError, match="Bilinear"):
        initialize_block(nn.Sequential(nn.Bilinear(2, 2, 2)), rng())


def test_what_training_may_not_have_begins_with_a_vector_that_says_nothing() -> None:
    row, words = drawn(TableEmbedding(1, (5,), (3,))), drawn(TokenEmbedding(9, 4))
    codes = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]])  # missing, rare or unseen, the most frequent
    assert row(codes).any(1).tolist() == [False, False, True]
    assert words(torch.tensor([[1, 2]])).values.any(2).tolist() == [[False, True]]
