"""Operations with a cache that become one node each of onnxruntime's in an exported graph."""

from typing import Any

import torch
from torch import Tensor

from sugata.nn.positions import rotate

FUSED_HEAD_DIM = 8  # onnxruntime's operator takes multiples of it only
_DOMAIN = "com.microsoft"


def grouped_query_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_key: Tensor,
    past_value: Tensor,
    positions: Tensor,
    bias: Tensor | None,
    heads: tuple[int, int],
) -> tuple[Tensor, Tensor, Tensor]:
    """Causal attention from new tokens to a cache and to themselves.

    Exported, it is `com.microsoft.GroupQueryAttention`, which writes keys and values into the cache in place
    where the caller binds one buffer as past and as present.

    Args:
        query: `(batch, n, heads * head_dim)`.
        key, value: `(batch, n, key-value heads * head_dim)`.
        past_key, past_value: `(batch, key-value heads, past, head_dim)`.
        positions: of the new tokens, `(batch, n)`, the same in all rows.
        bias: added to scores, `(1, heads, n, past + n)`, or None.
        heads: number of query heads and of key-value heads.

    Returns:
        The output `(batch, n, heads * head_dim)` and the caches with the new tokens.
    """
    if torch.onnx.is_in_onnx_export() and int(past_key.shape[3]) % FUSED_HEAD_DIM == 0:
        lasts = positions[:, -1].to(torch.int32)
        inputs = (query, key, value, past_key, past_value, lasts, lasts[0] + 1, bias, *heads)
        mixed, keys, values = _GroupQueryAttention.apply(*inputs)  # type: ignore[no-untyped-call]
        return mixed, keys, values
    return _attend(query, key, value, past_key, past_value, bias, *heads)


def rotate_heads(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate every head of `(batch, n, heads * head_dim)` by angles `(n, head_dim / 2)`, as `rotate` does."""
    if torch.onnx.is_in_onnx_export():
        return _RotaryEmbedding.apply(x, cos, sin)  # type: ignore[no-any-return, no-untyped-call]
    heads = x.view(*x.shape[:-1], -1, 2 * cos.shape[-1])
    return rotate(heads, cos[:, None], sin[:, None]).flatten(-2)


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_key: Tensor,
    past_value: Tensor,
    bias: Tensor | None,
    num_heads: int,
    groups: int,
) -> tuple[Tensor, Tensor, Tensor]:
    batch, length, _ = query.shape
    head_dim = int(past_key.shape[3])
    key = torch.cat((past_key, key.view(batch, length, groups, head_dim).transpose(1, 2)), dim=2)
    value = torch.cat((past_value, value.view(batch, length, groups, head_dim).transpose(1, 2)), dim=2)
    split = query.view(batch, length, groups, num_heads // groups, head_dim).permute(0, 2, 3, 1, 4)
    scores = (split * head_dim**-0.5) @ key[:, :, None].transpose(-1, -2)  # (batch, groups, share, n, total)
    if bias is not None:
        scores = scores + bias.view(1, groups, num_heads // groups, *bias.shape[2:])
    steps = torch.arange(key.shape[2], device=query.device)
    ahead = steps > steps[key.shape[2] - length :, None]
    scores = scores.masked_fill(ahead, float("-inf"))
    mixed = scores.softmax(-1).to(value.dtype) @ value[:, :, None]
    return mixed.permute(0, 3, 1, 2, 4).reshape(batch, length, num_heads * head_dim), key, value


class _GroupQueryAttention(torch.autograd.Function):
    """One node in the traced graph; the trace itself runs the explicit form."""

    @staticmethod
    def forward(
        _context: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        past_key: Tensor,
        past_value: Tensor,
        _lasts: Tensor,
        _total: Tensor,
        bias: Tensor | None,
        num_heads: int,
        groups: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        return _attend(query, key, value, past_key, past_value, bias, num_heads, groups)

    @staticmethod
    def symbolic(g: Any, *arguments: Any) -> Any:
        *inputs, bias, heads, groups = arguments
        if not torch.onnx.symbolic_helper._is_none(bias):
            nothing = g.op("prim::Constant")
            nothing.setType(torch._C.OptionalType.ofTensor())
            inputs += [nothing, nothing, nothing, bias]
        outputs = g.op(
            f"{_DOMAIN}::GroupQueryAttention", *inputs, num_heads_i=heads, kv_num_heads_i=groups, outputs=3
        )
        for output, like in zip(outputs, (inputs[0], inputs[3], inputs[4]), strict=True):
            output.setType(like.type().with_sizes([None] * like.type().dim()))  # caches grow
        return outputs


class _RotaryEmbedding(torch.autograd.Function):
    """One node in the traced graph; the trace itself runs the explicit form."""

    @staticmethod
    def forward(_context: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        heads = x.view(*x.shape[:-1], -1, 2 * cos.shape[-1])
        return rotate(heads, cos[:, None], sin[:, None]).flatten(-2)

    @staticmethod
    def symbolic(g: Any, x: Any, cos: Any, sin: Any) -> Any:
        start = g.op("Constant", value_t=torch.zeros(1, dtype=torch.int64))
        return g.op(f"{_DOMAIN}::RotaryEmbedding", x, start, cos, sin).setTypeAs(x)
