"""Networks that teach: exported models, checkpoints of runs, local transformers models."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from sugata import journal
from sugata.compression import load
from sugata.errors import RecipeError, SugataError
from sugata.nn import LanguageModel
from sugata.spaces import space as space_named
from sugata.spaces.language import LanguageSpace
from sugata.training.checkpoint import CHECKPOINT, load_weights
from sugata.training.distillation.observe import Seen, observe

FIELD = "training.distill.teacher"
_EXPORTED, _WEIGHTS = "model.safetensors", ("*.safetensors", "*.bin")
_PROBE = "def probe(values):\n    return [value * 2 for value in values if value]  # größe\n"


class Teacher(ABC):
    """A network that gives logits for tokens, and states and attention for who asks.

    Attributes:
        name: for people.
        tokenizer: None where its tokens are by construction those of the student's task.
    """

    name: str
    tokenizer: Tokenizer | None

    @abstractmethod
    def see(self, tokens: Tensor, *, hidden: bool = False, attention: bool = False) -> Seen:
        """The forward pass over ``(batch, length)``, without gradients."""

    def require_tokenizer(self, student: Tokenizer) -> None:
        """Refuse to compare distributions over other tokens.

        Raises:
            RecipeError: the tokenizer is not the student's.
        """
        if self.tokenizer is not None and not same_tokens(self.tokenizer, student):
            theirs, ours = self.tokenizer.get_vocab_size(), student.get_vocab_size()
            raise RecipeError(
                f"{FIELD}: {self.name} has another tokenizer ({theirs:,} tokens, the student's {ours:,}), so"
                f" it can teach at sequence level only; write texts of it: sugata teach {self.name} --texts"
                " FILE.jsonl, and give that file as the teacher"
            )


class SugataTeacher(Teacher):
    """A language model of ours."""

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer | None, name: str) -> None:
        self.model, self.tokenizer, self.name = model.eval(), tokenizer, name

    @torch.no_grad()
    def see(self, tokens: Tensor, *, hidden: bool = False, attention: bool = False) -> Seen:
        """Moves to where the tokens are."""
        self.model.to(tokens.device)
        return observe(self.model, tokens, hidden=hidden, attention=attention)


class TransformersTeacher(Teacher):
    """A causal model in a local folder of the transformers library; nothing is downloaded."""

    def __init__(self, folder: Path) -> None:
        try:
            import transformers
        except ImportError:
            raise SugataError(
                f"{FIELD}: {folder} needs the package transformers; pip install 'sugata[hf]'"
            ) from None
        try:
            self.model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, dtype=torch.float32, attn_implementation="eager"
            ).eval()
        except Exception as error:  # the library raises dozens of kinds, all of them about the folder
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise SugataError(f"{FIELD}: {folder} cannot be loaded by transformers ({reason})") from None
        self.name, self.folder = str(folder), folder
        self.tokenizer = self._tokenizer(folder)

    @staticmethod
    def _tokenizer(folder: Path) -> Tokenizer:
        if not (folder / "tokenizer.json").is_file():
            raise SugataError(
                f"{FIELD}: {folder} has no tokenizer.json, so its tokens have no meaning; save one"
            )
        return _read_tokenizer(folder)

    @torch.no_grad()
    def see(self, tokens: Tensor, *, hidden: bool = False, attention: bool = False) -> Seen:
        """Logits of the tokenizer's tokens: embeddings are often padded to more."""
        most = getattr(self.model.config, "max_position_embeddings", None)
        if most is not None and tokens.shape[1] > most:
            raise RecipeError(
                f"{FIELD}: {self.name} reads at most {most} tokens, not {tokens.shape[1]};"
                " set training.length"
            )
        self.model.to(tokens.device)
        found = self.model(tokens, output_hidden_states=hidden, output_attentions=attention, use_cache=False)
        logits = found.logits[..., : self.tokenizer.get_vocab_size()] if self.tokenizer else found.logits
        states = tuple(found.hidden_states[1:]) if hidden else ()
        return Seen(logits, states, tuple(found.attentions or ()) if attention else ())


def open_teacher(path: str | Path) -> Teacher:
    """The network in a folder.

    Args:
        path: an exported folder, a folder of a run such as ``runs/NAME/final/0007`` (or its
            ``checkpoint.safetensors``), or a local transformers folder.

    Raises:
        SugataError: there is none, it has no weights, or it writes no text.
    """
    folder = Path(path).expanduser()
    folder = folder.parent if folder.name == CHECKPOINT else folder
    if not folder.is_dir():
        raise SugataError(
            f"{FIELD}: {folder} does not exist; give the folder of a model, stored logits, or a JSONL file"
        )
    if (folder / CHECKPOINT).is_file():
        return _checkpoint(folder)
    config = _config(folder)
    if not any(file.stat().st_size for pattern in _WEIGHTS for file in folder.glob(pattern)):
        raise SugataError(f"{FIELD}: {folder} has no weights (no *.safetensors or *.bin); give a whole model")
    kind = str(config.get("model_type", ""))
    if kind == "sugata":
        return SugataTeacher(load(folder / _EXPORTED).restore(), _read_tokenizer(folder), str(folder))
    if kind.startswith("sugata-"):
        raise SugataError(f"{FIELD}: {folder} is no language model; give one that writes text")
    return TransformersTeacher(folder)


def same_tokens(first: Tokenizer, second: Tokenizer) -> bool:
    """Whether two tokenizers give the same numbers to the same texts."""
    if first.get_vocab() != second.get_vocab():
        return False
    return bool(
        first.encode(_PROBE, add_special_tokens=False).ids
        == second.encode(_PROBE, add_special_tokens=False).ids
    )


def _checkpoint(folder: Path) -> SugataTeacher:
    """A trial or a winner of a run, whose journal says its architecture."""
    where = f"{FIELD}: {folder}"
    run = folder.parent.parent
    if not (run / "journal.jsonl").is_file() or not folder.name.isdigit():
        raise SugataError(f"{where} is no folder of a run such as runs/NAME/final/0007; export it instead")
    record = journal.read(run / "journal.jsonl")
    trial = next((one for one in record.trials if one.number == int(folder.name)), None)
    if trial is None:
        raise SugataError(f"{where}: the run has no trial {int(folder.name)}; export the model instead")
    name = record.header["space"]
    try:
        space = space_named(name)
    except SugataError:
        raise SugataError(f"{where}: its space {name} is not in the catalogue; export it instead") from None
    if not isinstance(space, LanguageSpace):
        raise SugataError(f"{where} is no language model; give one that writes text")
    model = LanguageModel(space.config(trial.proposal.architecture))
    load_weights(folder / CHECKPOINT, model)
    return SugataTeacher(model, None, str(folder))


def _config(folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SugataError(
            f"{FIELD}: {folder} is no folder of a model ({error.__class__.__name__} of config.json);"
            " give an exported folder, a local transformers folder, stored logits, or a JSONL file"
        ) from None
    return found if isinstance(found, dict) else {}


def _read_tokenizer(folder: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises nothing more specific
        raise SugataError(f"{FIELD}: {folder}/tokenizer.json cannot be read ({error})") from None
    tokenizer.encode_special_tokens = True
    return tokenizer
