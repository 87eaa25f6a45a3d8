"""What can go wrong with a connector.

SourcebookError
├── ConnectorNotFoundError   (NotFoundError)
├── SecretKeyError           (ConfigurationError) a connector's secrets cannot be sealed or opened
├── OriginError              the whole place: it cannot be listed, so nothing is deleted
│   ├── OriginRefusedError   it may not be contacted, or its options make no sense
│   └── OriginBusyError      it asks to be left alone for a while
└── ItemError                one item only; the others go on
"""

from corpus.errors import ConfigurationError, NotFoundError, SourcebookError


class ConnectorNotFoundError(NotFoundError):
    """There is no such connector."""


class SecretKeyError(ConfigurationError):
    """The key of the connectors' secrets is missing or wrong."""


class OriginError(SourcebookError):
    """The place that the connector follows does not answer as it should."""


class OriginRefusedError(OriginError):
    """Sourcebook may not contact this place."""


class OriginBusyError(OriginError):
    """The place that the connector follows asks to be left alone for a while."""

    def __init__(self, message: str, *, seconds: float) -> None:
        """`seconds`: no sync should begin sooner."""
        super().__init__(message)
        self.seconds = seconds


class ItemError(SourcebookError):
    """This item cannot be fetched."""
