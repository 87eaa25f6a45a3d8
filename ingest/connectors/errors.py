"""What can go wrong with a connector.

SourcebookError
├── ConnectorNotFoundError   (NotFoundError)
├── OriginError              the whole place: it cannot be listed, so nothing is deleted
│   └── OriginRefusedError   it may not be contacted, or its options make no sense
└── ItemError                one item only; the others go on
"""

from corpus.errors import NotFoundError, SourcebookError


class ConnectorNotFoundError(NotFoundError):
    """There is no such connector."""


class OriginError(SourcebookError):
    """The place that the connector follows does not answer as it should."""


class OriginRefusedError(OriginError):
    """Sourcebook may not contact this place."""


class ItemError(SourcebookError):
    """This item cannot be fetched."""
