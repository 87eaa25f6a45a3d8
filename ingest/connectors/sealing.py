"""Secrets at rest: sealed with a key that does not lie in the database.

Fernet (AES-128-CBC with HMAC-SHA256, `cryptography`) seals each value by itself, so that a connector's row
still says which secrets are set. Of several keys the first seals and each opens: that is how keys change.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ingest.connectors.errors import SecretKeyError

KEY_FILE = "secret.key"

_NO_KEYS = "{place} holds no key that Sourcebook can use. `sourcebook connectors new-key` prints one."


def new_key() -> str:
    return Fernet.generate_key().decode()


class Sealing:
    def __init__(self, keys: str, file: Path) -> None:
        """`keys`: the setting, separated by commas, newest first; empty takes those in `file`, one a line.

        The file is made when the first secret comes, and never again.
        """
        self._keys = keys
        self._file = file

    def seal(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """Raises `SecretKeyError` when the key in use makes no sense."""
        if not secrets:
            return {}
        if not self._keys:
            _make_key_file(self._file)
        return _each(secrets, self._ring().encrypt)

    def unseal(self, sealed: Mapping[str, str]) -> dict[str, str]:
        """Raises `SecretKeyError` when the key that sealed them is not among ours."""
        if not sealed:
            return {}
        ring = self._ring()
        return self._opened(lambda: _each(sealed, ring.decrypt))

    def renewed(self, sealed: Mapping[str, str]) -> dict[str, str] | None:
        """Sealed anew with the first key, or `None` when they already are. Raises as `unseal` does."""
        newest = self._fernets()[0]
        try:
            _each(sealed, newest.decrypt)
        except InvalidToken:
            ring = self._ring()
            return self._opened(lambda: _each(sealed, ring.rotate))
        return None

    def _opened(self, work: Callable[[], dict[str, str]]) -> dict[str, str]:
        try:
            return work()
        except InvalidToken as error:
            raise SecretKeyError(
                f"The connector's secrets were sealed with another key than the one in {self._place}. "
                "Put the old key back (behind the new one, to change keys), or give the secrets again."
            ) from error

    def _ring(self) -> MultiFernet:
        return MultiFernet(self._fernets())

    def _fernets(self) -> list[Fernet]:
        text = self._keys or self._file_text()
        try:
            keys = [Fernet(key) for key in text.replace(",", " ").split()]
        except ValueError as error:
            raise SecretKeyError(_NO_KEYS.format(place=self._place)) from error
        if not keys:
            raise SecretKeyError(_NO_KEYS.format(place=self._place))
        return keys

    def _file_text(self) -> str:
        try:
            return self._file.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError as error:
            raise SecretKeyError(
                f"The key of the connectors' secrets, {self._file}, is missing. Put it back from a backup, "
                "or give the secrets again."
            ) from error
        except OSError as error:
            raise SecretKeyError(f"The key {self._file} cannot be read: {error.strerror}.") from error

    @property
    def _place(self) -> str:
        return "SOURCEBOOK_SECRET_KEY" if self._keys else str(self._file)


def _each(values: Mapping[str, str], change: Callable[[bytes], bytes]) -> dict[str, str]:
    return {name: change(value.encode()).decode() for name, value in values.items()}


def _make_key_file(file: Path) -> None:
    """Once: written whole beside its place and then linked there, so that of two processes one wins."""
    if file.exists():
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)  # mode 0600
        written = Path(name)
        try:
            with os.fdopen(descriptor, "w") as target:
                target.write(new_key() + "\n")
                target.flush()
                os.fsync(target.fileno())
            os.link(written, file)
        except FileExistsError:
            return
        finally:
            written.unlink()
    except OSError as error:
        raise SecretKeyError(f"The key {file} cannot be made: {error.strerror}.") from error
