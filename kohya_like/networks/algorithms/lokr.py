"""LoKr: Kronecker product of a small and a large matrix.

    ΔW = W1 ⊗ W2 · α / R          W1 [a, c], W2 [b, d, k, k], O = a · b, I = c · d

Each of the two is whole, or a product of rank R: W1 = A B where both are decomposed, W2 = A B or with a Tucker core
T [R, R, k, k]. Where both are whole there is no rank, and the scale is 1.

The output changes by y[p, q] = Σ W1[p, s] (W2 x[s])[q] where x is cut into c pieces x[s] of d channels, so that ΔW is
never made.  KronA, arXiv:2212.10650; sizes, keys and initial values as in LyCORIS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from kohya_like.networks.base import LayerShape, ParamSpec, Shape
from kohya_like.networks.cells import NO_CONTEXTS, NO_NORMS, NO_PAIR
from kohya_like.networks.factorization import factorization
from kohya_like.networks.low_rank import LowRank
from kohya_like.schema.errors import FormatError
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Drop, Weights

W1, W1_A, W1_B = "lokr_w1", "lokr_w1_a", "lokr_w1_b"
W2, W2_A, W2_B, T2 = "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"
LARGEST_FACTOR = 4096
KERNELS = (1, 9, 25, 49)  # k·k that may stand in the width of a decomposed W2


def _uniform(shape: Shape) -> ParamSpec:
    """Kaiming uniform with a = √5."""
    return ParamSpec(shape, init="uniform", bound=prod(shape[1:]) ** -0.5)


class LoKr(LowRank):
    """Options and formula of LoKr."""

    title: ClassVar[str] = "LoKr"
    paper: ClassVar[str] = "https://arxiv.org/abs/2212.10650"
    why_not: ClassVar[Mapping[str, str]] = {**NO_NORMS, **NO_CONTEXTS, **NO_PAIR}
    folds: ClassVar[tuple[str, ...]] = (W1, W1_A)

    name: Literal["lokr"] = option("lokr", "LoKr: the Kronecker product of a small and a large matrix.")
    conv_dim: int | None = option(
        None, "Rank for the 3x3 convolutions of the residual blocks, usually half of dim or less. Empty: they are not "
        "trained.", ge=1, le=4096, group="Size", differs="LyCORIS takes dim when it is unset.",
    )  # fmt: skip
    factor: int = option(
        -1, "Size of the small matrix; a large one makes a small file. -1: as near to square as the layer allows.",
        ge=-1, le=LARGEST_FACTOR, group="Size",
    )  # fmt: skip
    decompose_both: bool = option(
        False, "Make the small matrix a product of low rank too, where that is smaller.", group="Size",
        level="advanced",
    )  # fmt: skip
    full_matrix: bool = option(
        False, "Keep both matrices whole; the rank then counts for nothing.", group="Size", level="advanced"
    )
    use_tucker: bool = option(
        False, "Give the 3x3 convolutions a Tucker core: a smaller file at the same rank.", group="Size",
        level="advanced", shown_if="conv_dim",
    )  # fmt: skip
    unbalanced_factorization: bool = option(
        False, "Take the two sizes of the outputs the other way round.", group="Size", level="expert"
    )

    def for_layer(self, layer: LayerShape, path: str) -> Self | None:
        own = super().for_layer(layer, path)
        whole = own is not None and {W1, W2} <= own.parameters(layer).keys()
        return own.model_copy(update={"alpha": float(own.dim), "rs_lora": False}) if own and whole else own

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        rank, kernel = self.dim, layer.kernel
        a, b, c, d = _sizes(layer.out, layer.in_, self.factor, self.unbalanced_factorization)
        if self.decompose_both and rank < max(a, c) / 2 and not self.full_matrix:
            found = {W1_A: _uniform((a, rank)), W1_B: _uniform((rank, c))}
        else:
            found = {W1: _uniform((a, c))}
        if self.full_matrix or rank >= max(b, d) / 2:
            found[W2] = self._zero((b, d, *kernel))
        elif self.use_tucker and layer.is_wide:
            found |= {T2: _uniform((rank, rank, *kernel)), W2_A: _uniform((rank, b)), W2_B: self._zero((rank, d))}
        else:
            found |= {W2_A: _uniform((b, rank)), W2_B: self._zero((rank, d * prod(kernel)))}
        return found | self.variants(layer)

    def _zero(self, shape: Shape) -> ParamSpec:
        """Zero, or the scalar is: training starts from the base model."""
        return _uniform(shape) if self.use_scalar else ParamSpec(shape)

    def _halves(self, w: Weights, layer: LayerShape) -> tuple[Tensor, Tensor]:
        """W1 with the scale in it, and W2 [b, d, k, k]."""
        small = w[W1] if W1 in w else w[W1_A] @ w[W1_B]
        if W2 in w:
            large = w[W2]
        elif T2 in w:
            from kohya_like.networks.algebra import core_times

            large = w[W2_A].T @ core_times(w[T2], w[W2_B])
        else:
            large = w[W2_A] @ w[W2_B]
        if not (W1 in w and W2 in w):
            small = small * self.scale
        return small, large.reshape(layer.out // small.shape[0], layer.in_ // small.shape[1], *layer.kernel)

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        from torch import kron

        small, large = self._halves(w, layer)
        return kron(small.reshape(*small.shape, *(1 for _ in layer.kernel)), large)

    def shortcut(self, w: Weights, x: Tensor, layer: LayerShape, drop: Drop | None = None) -> Tensor:
        small, large = self._halves(w, layer)
        if layer.kind == "linear":
            pieces = x.reshape(*x.shape[:-1], small.shape[1], -1)  # [.., c, d]
            change = (small @ layer.apply(pieces, large)).flatten(-2)  # [.., a·b]
        else:
            batch, (height, width) = x.shape[0], x.shape[2:]
            pieces = layer.apply(x.reshape(batch * small.shape[1], -1, height, width), large)  # [B·c, b, H, W]
            mixed = small @ pieces.reshape(batch, small.shape[1], -1)  # [B, a, b·H·W]
            change = mixed.reshape(batch, layer.out, *pieces.shape[2:])
        return drop(change) if drop else change

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return W1 in shapes or W1_A in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        whole_1, whole_2, tucker = W1 in shapes, W2 in shapes, T2 in shapes
        if missing := [key for key in _needed(whole_1, whole_2) if key not in shapes]:
            raise FormatError(f"a LoKr without {' and '.join(missing)}")
        alpha = constants.get("alpha", 0.0)
        if whole_1 and whole_2:
            rank = max(1, round(alpha))
            alpha = float(rank)
        else:
            rank = shapes[W1_A][1] if not whole_1 else shapes[W2_A][0 if tucker else 1]
        a, c = shapes[W1] if whole_1 else (shapes[W1_A][0], shapes[W1_B][1])
        b = shapes[W2][0] if whole_2 else shapes[W2_A][1 if tucker else 0]
        width = shapes[W2][1] if whole_2 else shapes[W2_B][1]
        widths = [width] if whole_2 or tucker else [width // size for size in KERNELS if width % size == 0]
        found: dict[str, Any] = {
            "dim": rank, "alpha": alpha or float(rank), "decompose_both": not whole_1, "use_tucker": tucker,
            "full_matrix": whole_1 and whole_2, **_factor((a, b, c), widths),
        }  # fmt: skip
        return cls(**found, **cls.told_variants(shapes, a * b))


def _needed(whole_1: bool, whole_2: bool) -> tuple[str, ...]:
    return (*((W1,) if whole_1 else (W1_A, W1_B)), *((W2,) if whole_2 else (W2_A, W2_B)))


def _sizes(out: int, in_: int, factor: int, unbalanced: bool) -> tuple[int, int, int, int]:
    """a, b, c, d."""
    (a, b), (c, d) = factorization(out, factor or -1), factorization(in_, factor or -1)
    return (b, a, c, d) if unbalanced else (a, b, c, d)


def _factor(sizes: tuple[int, int, int], widths: list[int]) -> dict[str, object]:
    """The options that cut a layer into these sizes a, b, c and one of the possible d."""
    a, b, c = sizes
    for factor, unbalanced in _candidates(a, b, c, widths):
        if any(_sizes(a * b, c * d, factor, unbalanced) == (a, b, c, d) for d in widths):
            return {"factor": factor, "unbalanced_factorization": unbalanced}
    raise FormatError(f"a LoKr of sizes no factor gives: {a} x {b} outputs and {c} pieces of the inputs")


def _candidates(a: int, b: int, c: int, widths: list[int]) -> Iterator[tuple[int, bool]]:
    for unbalanced in (False, True):
        for factor in dict.fromkeys((-1, max(a, c), min(a, c), b, *widths)):
            if factor <= LARGEST_FACTOR:
                yield factor, unbalanced


register("algorithm", "lokr", LoKr)
