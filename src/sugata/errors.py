"""Errors that a user can cause, each one line: what is wrong, where, and the remedy."""


class SugataError(Exception):
    """Base of every error that sugata raises for what a user gave it; the message is one clear line."""


class InvalidArchitecture(SugataError):  # noqa: N818 - the field says "invalid architecture"
    """An assignment of choices that the search space does not contain."""


class RecipeError(SugataError):
    """A recipe with an unknown field, a wrong type or an impossible value."""


class DataError(SugataError):
    """Data that is missing, empty, unreadable or of the wrong kind."""


class InputError(DataError, ValueError):
    """Arrays, frames or labels that cannot be learned from or predicted for: a ValueError to scikit-learn.

    Attributes:
        template: the message, with ``{row}`` where it names a row.
        row: the number of the row, so that who passed on a part of the rows can name it as the user counts.
    """

    def __init__(self, template: str, row: int | None = None) -> None:
        super().__init__(template if row is None else template.replace("{row}", str(row)))
        self.template = template
        self.row = row


class JournalError(SugataError):
    """A journal that cannot be read: newer version, broken line, another run's."""


class RunFolderError(SugataError):
    """A run folder that is missing, incomplete or used by another process."""


class DiskFullError(SugataError):
    """No space left on the device; what was journaled before is safe."""


class LimitError(SugataError):
    """No architecture of the space can meet the limits."""


class TaskError(SugataError):
    """A task, evaluator or user function that cannot be used as it was given."""


class SandboxError(SugataError):
    """A sandbox that this machine cannot offer, or that nobody agreed to do without."""
