"""Known mobile networks."""

from sugata.spaces.baselines import Baseline
from sugata.spaces.mobile.mnasnet import MnasNetSpace
from sugata.spaces.mobile.proxyless import SKIP, ProxylessSpace
from sugata.spaces.mobile.published import PROXYLESS_MOBILE, PublishedMobileSpace
from sugata.trial import Value


def _proxyless_mobile() -> dict[str, Value]:
    values: dict[str, Value] = dict.fromkeys((choice.name for choice in ProxylessSpace().choices), SKIP)
    for stage, blocks in enumerate(PROXYLESS_MOBILE, start=1):
        for block, (kernel, expansion) in enumerate(blocks, start=1):
            values[f"stage_{stage}_block_{block}"] = f"mbconv_{kernel}x{kernel}_e{expansion}"
    return values


def _mobilenet_v2() -> dict[str, Value]:
    """MobileNetV2's widths, depths and expansions: what the space of MnasNet varies."""
    values = {choice.name: choice.default for choice in MnasNetSpace().choices}
    values |= {"block_1_operation": "sepconv", "block_1_expansion": None}
    return {name: value for name, value in values.items() if value is not None}


BASELINES = (
    Baseline(
        "proxyless_mobile_searched",
        "mobile/proxyless",
        _proxyless_mobile(),
        "ProxylessNAS for a phone's processor (Cai et al. 2019), in the space that found it.",
    ),
    Baseline(
        "mobilenet_v2",
        "mobile/mnasnet",
        _mobilenet_v2(),
        "MobileNetV2's layers (Sandler et al. 2018), with ReLU.",
    ),
    *(
        Baseline(str(name), "mobile/published", {"network": name}, "A published network.")
        for name in PublishedMobileSpace.choices[0].options
    ),
)
