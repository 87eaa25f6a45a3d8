"""Why a language model gave no answer.

UnavailableError
└── LanguageModelUnavailableError        nothing listens, or the server failed; try again
    ├── LanguageModelBusyError           429 or 503
    ├── LanguageModelTimeoutError        too slow: first word, next word or whole answer
    └── LanguageModelInterruptedError    the reply broke off
ConfigurationError
└── LanguageModelConfigurationError      wrong address, key or model name
SourcebookError
└── LanguageModelReplyError              the reply cannot be used
    ├── LanguageModelRefusedError        the server withheld the answer
    └── PromptTooLongError               question and passages exceed the model's context
"""

from corpus.errors import ConfigurationError, SourcebookError, UnavailableError


class LanguageModelUnavailableError(UnavailableError):
    """The language model does not answer. Try again in a moment."""


class LanguageModelBusyError(LanguageModelUnavailableError):
    """The language model has too much to do. Try again in a moment."""


class LanguageModelTimeoutError(LanguageModelUnavailableError):
    """The language model took too long. Try again in a moment."""


class LanguageModelInterruptedError(LanguageModelUnavailableError):
    """The language model broke off in the middle of its answer. Try again in a moment."""


class LanguageModelConfigurationError(ConfigurationError):
    """The language model's server refuses the request. Check its address, key and model name."""


class LanguageModelReplyError(SourcebookError):
    """The language model sent a reply that cannot be read."""


class LanguageModelRefusedError(LanguageModelReplyError):
    """The language model's server withheld the answer."""


class PromptTooLongError(LanguageModelReplyError):
    """The question and its passages are too long for the language model."""
