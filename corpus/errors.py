"""What can go wrong. One base; a subclass's docstring is its default message.

SourcebookError
├── NotFoundError
│   ├── CollectionNotFoundError
│   └── DocumentNotFoundError
├── InvalidInputError          the caller's request makes no sense
├── ConflictError              the state of the record forbids it
├── UnavailableError           something we depend on does not answer; try again
│   ├── DatabaseAwayError
│   └── StorageFullError
└── ConfigurationError         the settings or the installation are wrong
"""

import errno

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SourcebookError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class NotFoundError(SourcebookError):
    """There is no such thing."""


class CollectionNotFoundError(NotFoundError):
    """There is no such collection."""


class DocumentNotFoundError(NotFoundError):
    """There is no such document."""


class InvalidInputError(SourcebookError):
    """The request makes no sense."""


class ConflictError(SourcebookError):
    """This cannot be done in the present state."""


class UnavailableError(SourcebookError):
    """A service that Sourcebook depends on does not answer. Try again in a moment."""


class DatabaseAwayError(UnavailableError):
    """The database does not answer. Try again in a moment."""


class StorageFullError(UnavailableError):
    """The disk is full: nothing of this was kept. Make space, then try again."""


class ConfigurationError(SourcebookError):
    """The settings or the installation are wrong."""


def is_full_disk(error: BaseException) -> bool:
    """Whether the system refused a write for want of space."""
    return isinstance(error, OSError) and error.errno in _FULL
