"""A busy host is waited for as long as it says, within bounds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ingest.connectors.errors import OriginBusyError
from ingest.connectors.guard import HostRules, guarded_client
from ingest.connectors.http import ALL_WAITS_SECONDS, TRIES, Patience
from tests.servers.site import Answer, Site, site_server


@pytest.fixture
def site() -> Iterator[Site]:
    with site_server() as site:
        site.page("/", text="calm")
        yield site


class Asking:
    """Asks for one page; each pause is noted, and a host that comes to rest does so at its end."""

    def __init__(self, site: Site, *, calm_after: int = 10**9) -> None:
        self.pauses: list[float] = []
        self.befores = 0
        self._site, self._calm_after = site, calm_after
        self._calm = site.answers["/"]
        self._patience = Patience(self._pause)

    def busy(self, status: int, retry_after: str | None) -> None:
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        self._site.answers["/"] = Answer(status=status, headers=headers)

    def ask(self) -> int:
        with (
            guarded_client(HostRules((self._site.host,))) as http,
            self._patience.opened(http, f"{self._site.url}/", before=self._before) as response,
        ):
            return response.status_code

    def _before(self) -> None:
        self.befores += 1

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) >= self._calm_after:
            self._site.answers["/"] = self._calm


@pytest.mark.parametrize("status", [429, 503])
def test_the_wished_pause_is_made_and_then_asked_again(site: Site, status: int) -> None:
    asking = Asking(site, calm_after=2)
    asking.busy(status, "7")
    assert asking.ask() == 200
    assert asking.pauses == [7, 7]
    assert asking.befores == len(site.requests) == 3, "every request keeps the host's own pace"


def test_a_date_is_understood(site: Site) -> None:
    asking = Asking(site, calm_after=1)
    asking.busy(429, format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert asking.ask() == 200
    assert 25 < asking.pauses[0] <= 30


@pytest.mark.parametrize("said", [None, "soon", "-5", "", "1e9"])
def test_without_a_word_the_pauses_grow(site: Site, said: str | None) -> None:
    asking = Asking(site)
    asking.busy(503, said)
    assert asking.ask() == 503, "after some tries the answer is taken as it is"
    assert asking.pauses == [1, 2, 4]
    assert len(site.requests) == TRIES


@pytest.mark.parametrize(("said", "rest"), [("3600", 3600), ("99999999999999", 86_400)])
def test_a_host_that_wants_long_rest_gets_it(site: Site, said: str, rest: float) -> None:
    asking = Asking(site)
    asking.busy(429, said)
    with pytest.raises(OriginBusyError, match="busy") as caught:
        asking.ask()
    assert caught.value.seconds == rest
    assert asking.pauses == []
    assert len(site.requests) == 1


def test_one_sync_does_not_wait_for_ever(site: Site) -> None:
    asking = Asking(site)
    asking.busy(503, "60")
    for _ in range(int(ALL_WAITS_SECONDS / 60 / (TRIES - 1))):
        assert asking.ask() == 503
    with pytest.raises(OriginBusyError):
        asking.ask()
    assert sum(asking.pauses) <= ALL_WAITS_SECONDS


@pytest.mark.parametrize("status", [200, 404, 500, 403])
def test_other_answers_are_taken_at_once(site: Site, status: int) -> None:
    asking = Asking(site)
    asking.busy(status, "7")
    assert asking.ask() == status
    assert asking.pauses == []
