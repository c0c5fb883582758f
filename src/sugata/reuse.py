"""What a run has evaluated already: answers and weights that later trials can share."""

from collections.abc import Iterator
from pathlib import Path

from sugata.space import SearchSpace
from sugata.trial import Fidelity, Proposal, Status, Trial


def trial_folder(folder: Path, number: int) -> Path:
    """The folder of a trial, such as ``trials/0007``."""
    return folder / f"{number:04d}"


class Evaluated:
    """Which trainings and deployments have been evaluated: by key and fidelity."""

    def __init__(self, space: SearchSpace, folder: Path, fingerprint: str = "") -> None:
        self.space = space
        self.folder = folder
        self.fingerprint = fingerprint
        self._answers: dict[tuple[str, Fidelity], Trial] = {}
        self._trained: dict[tuple[str, Fidelity], list[int]] = {}
        self._fidelities: dict[int, Fidelity] = {}
        self._keys: dict[int, str] = {}

    def add(self, trial: Trial) -> None:
        """Remember a completed trial; adding it again changes nothing."""
        if trial.status is not Status.COMPLETED or trial.cached or trial.number in self._fidelities:
            return
        proposal = trial.proposal
        self._fidelities[trial.number] = proposal.fidelity
        self._answers.setdefault((self._deployment_key(proposal), proposal.fidelity), trial)
        trained = self._trained.setdefault((self.training_key(proposal), proposal.fidelity), [])
        trained.append(trial.number)

    def answer(self, proposal: Proposal) -> Trial | None:
        """The trial that has measured the same already."""
        return self._answers.get((self._deployment_key(proposal), proposal.fidelity))

    def awaited(self, proposal: Proposal, others: Iterator[Proposal]) -> bool:
        """Whether one of the others trains the same as far."""
        key = self.training_key(proposal)
        return any(
            other.fidelity == proposal.fidelity and self.training_key(other) == key for other in others
        )

    def weights(self, proposal: Proposal, fidelity: Fidelity) -> Path | None:
        """The folder with a checkpoint of the proposal's training at a fidelity."""
        numbers = self._trained.get((self.training_key(proposal), fidelity), [])
        folders = (trial_folder(self.folder, number) for number in numbers)
        return next((folder for folder in folders if any(folder.glob("checkpoint*"))), None)

    def continued(self, proposal: Proposal) -> Path | None:
        """Where the training that the proposal continues has left its weights, if anywhere."""
        if proposal.continues is None:
            return None
        own = trial_folder(self.folder, proposal.continues)
        fidelity = self._fidelities.get(proposal.continues)
        shared = self.weights(proposal, fidelity) if fidelity else None
        return shared or (own if own.is_dir() else None)

    def training_key(self, proposal: Proposal) -> str:
        """The space's, computed once a trial."""
        if proposal.number not in self._keys:
            self._keys[proposal.number] = self.space.training_key(proposal.architecture)
        return self._keys[proposal.number]

    def _deployment_key(self, proposal: Proposal) -> str:
        return self.space.deployment_key(proposal.architecture)
