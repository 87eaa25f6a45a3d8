"""What an administrator says about a connector: where its origin is, and what to take from there."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from corpus.errors import InvalidInputError

Patterns = tuple[str, ...]
"""`*` matches across folders: `*.md`, `docs/*`. Without any, every readable kind of file is taken."""

_NO_OTHERS = ConfigDict(extra="forbid")
"""A misspelt option is told, not passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderOptions:
    """A folder on the server's disk."""

    __pydantic_config__ = _NO_OTHERS
    kind: Literal["folder"] = "folder"
    path: str
    include: Patterns = ()
    exclude: Patterns = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GitOptions:
    """A Git repository over HTTPS, or a folder on the server's disk."""

    __pydantic_config__ = _NO_OTHERS
    kind: Literal["git"] = "git"
    url: str
    branch: str = ""
    """Empty takes the repository's default branch."""
    username: str = "oauth2"
    """Goes with the secret `token`; GitLab, GitHub and Gitea accept any."""
    include: Patterns = ()
    exclude: Patterns = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """A bucket of an S3-compatible store. Secrets: `access_key`, `secret_key`, perhaps `session_token`."""

    __pydantic_config__ = _NO_OTHERS
    kind: Literal["s3"] = "s3"
    bucket: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$")]
    endpoint: str = ""
    """Address of the store; empty means Amazon's in `region`."""
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "us-east-1"
    prefix: str = ""
    include: Patterns = ()
    exclude: Patterns = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebsiteOptions:
    """Pages below an address, found by links or in a sitemap."""

    __pydantic_config__ = _NO_OTHERS
    kind: Literal["website"] = "website"
    url: str
    """Where to start; only pages below its folder on the same host are taken. Or the sitemap's address."""
    is_sitemap: bool = False
    """Take the pages that the sitemap at `url` names, and follow no links."""
    max_depth: Annotated[int, Field(ge=0, le=20)] = 3
    """Links to follow from the start."""
    max_pages: Annotated[int, Field(ge=1, le=50_000)] = 1000
    pause_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    """Between two requests; robots.txt may ask for more."""
    username: str = ""
    """Goes with the secret `password`, to pages of the same host and scheme only (HTTP Basic)."""
    exclude: Patterns = ()


Options = Annotated[FolderOptions | GitOptions | S3Options | WebsiteOptions, Field(discriminator="kind")]

SECRETS: dict[str, frozenset[str]] = {
    "folder": frozenset(),
    "git": frozenset({"token"}),
    "s3": frozenset({"access_key", "secret_key", "session_token"}),
    "website": frozenset({"password"}),
}
"""What may be kept secret for each kind."""

_STORED: TypeAdapter[Options] = TypeAdapter(Options)


def options_from(stored: dict[str, Any]) -> Options:
    return _STORED.validate_python(stored)


def options_row(options: Options) -> dict[str, Any]:
    return _STORED.dump_python(options, mode="json")


def changed_options(options: Options, changes: dict[str, Any]) -> Options:
    """Options with some of their values changed; `None` gives one back its default.

    Raises `InvalidInputError`: the kind of a connector never changes, and values must make sense.
    """
    if changes.get("kind", options.kind) != options.kind:
        raise InvalidInputError("A connector's kind cannot change. Remove it, and add another.")
    if unknown := set(changes) - {field.name for field in fields(options)}:
        raise InvalidInputError(f"A {options.kind} connector has no option named '{min(unknown)}'.")
    wanted = {name: value for name, value in (options_row(options) | changes).items() if value is not None}
    try:
        return options_from(wanted)
    except ValidationError as error:
        fault = error.errors()[0]
        raise InvalidInputError(f"The option '{fault['loc'][-1]}' makes no sense: {fault['msg']}.") from error


def is_elsewhere(old: Options, new: Options) -> bool:
    """Whether a connector follows another place than before, so that nothing known of its items holds."""
    return _place(old) != _place(new)


def _place(options: Options) -> tuple[str, ...]:
    match options:
        case FolderOptions(path=place):
            return (place,)
        case GitOptions(url=url, branch=branch):
            return url, branch
        case S3Options(endpoint=endpoint, region=region, bucket=bucket):
            return endpoint or region, bucket
        case WebsiteOptions(url=url):
            return (url,)


def recipient(options: Options) -> tuple[str, str]:
    """To whom secrets are shown: scheme and host. Kept secrets do not follow an address to another one."""
    match options:
        case FolderOptions():
            return "", ""
        case GitOptions(url=url) | WebsiteOptions(url=url) | S3Options(endpoint=url):
            scheme, _, rest = url.lower().partition("://")
            return scheme, rest.partition("/")[0]


def default_name(options: Options) -> str:
    """What a connector is called when nobody names it: the last word of its address."""
    match options:
        case FolderOptions(path=place):
            return Path(place).name or "folder"
        case S3Options(bucket=place):
            return place
        case GitOptions(url=place):
            return place.rstrip("/").rpartition("/")[2].removesuffix(".git") or "repository"
        case WebsiteOptions(url=place):
            return place.partition("://")[2].partition("/")[0] or "website"
