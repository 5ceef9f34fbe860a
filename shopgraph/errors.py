"""The errors that shopgraph raises.

ShopgraphError                  ours to report: one line on stderr, or one problem+json
├── UserMistake                 the caller can mend it: exit code 2, HTTP 4xx
│   ├── BadSource               a file or folder to read is missing, broken or has unknown columns
│   ├── BadRecord               one record is invalid: names field, value and rule
│   ├── BadSettings             a setting, URL or flag is wrong
│   ├── NotFound                an id that the shop does not have
│   ├── Conflict                somebody else changed it meanwhile: HTTP 409
│   └── ArtefactMissing         nothing has been trained here yet
├── StoreUnavailable            the store does not answer, or refuses the password
│   └── IncompleteWrite         the outcome of a commit is unknown: send the same event ids again
├── LanguageModelFailed         a language model gave no answer, or none of the form asked for
├── ArtefactDamaged             a file of the artefact is missing, truncated or not the one trained
└── DependencyMissing           an optional part of the installation is absent
"""


class ShopgraphError(Exception):
    """Root of every error that shopgraph raises on purpose; its text is fit for a user's eyes."""


class UserMistake(ShopgraphError):
    """The caller can mend it; the message says how."""


class BadSource(UserMistake):
    """A source of data can't be read."""


class BadRecord(UserMistake):
    """One record breaks a rule."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class BadSettings(UserMistake):
    """A setting has a value that can't be used."""


class NotFound(UserMistake):
    """An id is not in the shop."""


class Conflict(UserMistake):
    """Something was changed by somebody else in between."""


class ArtefactMissing(UserMistake):
    """No trained artefact is there to answer from."""


class StoreUnavailable(ShopgraphError):
    """The store can't be reached or refuses us."""


class IncompleteWrite(StoreUnavailable):
    """A commit was sent and its outcome is unknown; the same event ids may be sent again."""


class LanguageModelFailed(ShopgraphError):
    """A language model did not answer, was not asked (budget, open breaker) or answered out of form."""


class ArtefactDamaged(ShopgraphError):
    """An artefact's files are not those that were trained."""


class DependencyMissing(ShopgraphError):
    """A package that this command needs is not installed."""
