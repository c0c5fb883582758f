"""What a run has evaluated already: answers and weights that later trials can share."""

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
        self._answers: dict[str, Trial] = {}  # by deployment and fidelity
        self._trained: dict[str, list[int]] = {}  # by training and fidelity
        self._fidelities: dict[int, Fidelity] = {}
        self._trainings: dict[int, str] = {}
        self._deployments: dict[int, str] = {}

    def add(self, trial: Trial) -> None:
        """Remember a completed trial; adding it again changes nothing."""
        if trial.status is not Status.COMPLETED or trial.cached or trial.number in self._fidelities:
            return
        proposal = trial.proposal
        self._fidelities[trial.number] = proposal.fidelity
        self._answers.setdefault(self._deployment(proposal), trial)
        self._trained.setdefault(self.training(proposal), []).append(trial.number)

    def answer(self, proposal: Proposal) -> Trial | None:
        """The trial that has measured the same already."""
        return self._answers.get(self._deployment(proposal))

    def weights(self, proposal: Proposal, fidelity: Fidelity) -> Path | None:
        """The folder with a checkpoint of the proposal's training at a fidelity."""
        own = fidelity == proposal.fidelity
        key = (
            self.training(proposal) if own else _at(self.space.training_key(proposal.architecture), fidelity)
        )
        numbers = self._trained.get(key, [])
        while numbers:
            folder = trial_folder(self.folder, numbers[0])
            if any(folder.glob("checkpoint*")):
                return folder
            del numbers[0]  # a trial that has ended leaves no checkpoint any more
        return None

    def continued(self, proposal: Proposal) -> Path | None:
        """Where the training that the proposal continues has left its weights, if anywhere."""
        if proposal.continues is None:
            return None
        own = trial_folder(self.folder, proposal.continues)
        fidelity = self._fidelities.get(proposal.continues)
        shared = self.weights(proposal, fidelity) if fidelity else None
        return shared or (own if own.is_dir() else None)

    def training(self, proposal: Proposal) -> str:
        """What is trained, and how far: equal for proposals of which one has to be trained."""
        if proposal.number not in self._trainings:
            key = self.space.training_key(proposal.architecture)
            self._trainings[proposal.number] = _at(key, proposal.fidelity)
        return self._trainings[proposal.number]

    def _deployment(self, proposal: Proposal) -> str:
        if proposal.number not in self._deployments:
            key = self.space.deployment_key(proposal.architecture)
            self._deployments[proposal.number] = _at(key, proposal.fidelity)
        return self._deployments[proposal.number]


def _at(key: str, fidelity: Fidelity) -> str:
    return f"{key} {fidelity}"
