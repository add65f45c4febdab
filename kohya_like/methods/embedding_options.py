"""What the methods that train an embedding have in common: its word, size, first values and sentences. Torch-free."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from kohya_like.data.template_sentences import OBJECT, STYLE
from kohya_like.data.templates import Wording, read_templates
from kohya_like.methods.options import MethodOptions, Shapes
from kohya_like.networks.base import NetworkAlgorithm
from kohya_like.schema.option import option

TOKEN_TABLE = "embeddings.token_embedding.weight"
Format = Literal["safetensors", "pt", "bin", "png", "webp", "all"]
ALL_FORMATS = (".safetensors", ".pt", ".bin", ".png")


class EmbeddingOptions(MethodOptions):
    """Options of a word that stands for vectors of its own."""

    sections: ClassVar[tuple[str, ...]] = ()

    token_string: str = option(
        "", "The new word that calls the embedding up in a prompt. Empty: save.output_name, because webui takes the "
        "file's name for it.", group="Word",
    )  # fmt: skip
    num_vectors_per_token: int = option(
        4, "Vectors that stand for the word; each takes one of the 75 places of a prompt. 2 to 8 is usual; more holds "
        "more, and overfits sooner.", ge=1, le=75, group="Word", differs="kohya's 1 is too little for most subjects.",
    )  # fmt: skip
    init_word: str = option(
        "*", "The vectors begin as those of these words, such as the class (cat); what is near is learnt sooner.",
        group="Word",
    )  # fmt: skip
    weights: str | None = option(
        None, "An embedding of any kind of file to go on from, in place of init_word. Empty: a new one.", group="Word",
        level="advanced", path="file",
    )  # fmt: skip
    use_object_template: bool = option(
        False, "Train with 27 sentences such as \"a photo of a WORD\" in place of the captions. For a subject without "
        "captions.", group="Sentences",
    )  # fmt: skip
    use_style_template: bool = option(
        False, "Train with 18 sentences such as \"a painting in the style of WORD\" in place of the captions. For a "
        "style.", group="Sentences",
    )  # fmt: skip
    template_file: str | None = option(
        None, "A text file with sentences of your own, one a line: [name] is the word, [filewords] the picture's "
        "caption. Empty: the captions.", group="Sentences", level="advanced", path="file",
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_kind_of_sentences(self) -> Self:
        given = [key for key in ("use_object_template", "use_style_template", "template_file") if getattr(self, key)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} say the same thing: keep one of them")
        return self

    def word(self, output_name: str) -> str:
        return self.token_string.strip() or output_name.strip()

    def wording(self, output_name: str) -> Wording:
        """What becomes of a caption. Raises UserError for a template file that cannot be used."""
        templates: tuple[str, ...] = ()
        if self.use_object_template:
            templates = OBJECT
        elif self.use_style_template:
            templates = STYLE
        elif self.template_file:
            templates = read_templates(Path(self.template_file))
        return Wording(self.word(output_name), templates)

    def trains(self, part: str, network: NetworkAlgorithm) -> bool:
        return part.startswith("text_encoder") or super().trains(part, network)

    def own_numbers(self, part: str, shapes: Shapes) -> tuple[int, int]:
        """The vectors, which count as one layer of each text encoder."""
        if not part.startswith("text_encoder"):
            return 0, 0
        width = next((shape[1] for name, shape in shapes.items() if name.endswith(TOKEN_TABLE)), 0)
        return 1, self.vectors * width

    @property
    def vectors(self) -> int:
        """How many vectors are trained for each text encoder."""
        return self.num_vectors_per_token
