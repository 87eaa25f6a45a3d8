"""The compose file agrees with the settings and gives no secret and no port away."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from api.settings import Settings

ROOT = Path(__file__).parents[1]
SECRET = re.compile(r"PASSWORD|KEY|TOKEN|SECRET")


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def setting_names(model: type[BaseModel], prefix: str) -> set[str]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        full = f"{prefix}{name.upper()}"
        names.add(full)
        fields = getattr(field.annotation, "__dataclass_fields__", None)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= setting_names(field.annotation, f"{full}__")
        elif fields:
            names |= {f"{full}__{inner.upper()}" for inner in fields}
    return names


def test_every_service_has_a_health_check(services: dict[str, dict[str, Any]]) -> None:
    assert services
    assert [
        name for name, service in services.items() if not service.get("healthcheck", {}).get("test")
    ] == []


def test_who_is_waited_for_is_there(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for needed, condition in service.get("depends_on", {}).items():
            assert needed in services
            assert condition == {"condition": "service_healthy"}


def test_every_setting_is_known(services: dict[str, dict[str, Any]]) -> None:
    used = {
        name
        for service in services.values()
        for name in service.get("environment", {})
        if name.startswith("SOURCEBOOK_")
    }
    assert used
    assert used <= setting_names(Settings, "SOURCEBOOK_")


def test_secrets_come_from_outside_and_have_no_default(services: dict[str, dict[str, Any]]) -> None:
    checked = 0
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            interpolated = re.findall(r"\$\{([A-Z_]+)(.*?)\}", str(value))
            if SECRET.search(name):
                assert interpolated, f"{name} is written down"
            for variable, rest in interpolated:
                if SECRET.search(variable):
                    checked += 1
                    assert rest.startswith(":?"), f"{variable} may be empty or has a default"
    assert checked


def test_nothing_listens_beyond_this_machine(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for port in service.get("ports", []):
            assert str(port).startswith("127.0.0.1:"), f"{name} publishes {port}"
        if service.get("network_mode") == "host":
            assert "--host" not in service["command"], f"{name} names an address of its own"


def make_secrets(path: Path) -> None:
    subprocess.run(
        [sys.executable, ROOT / "bench" / "make_secrets.py", path], check=True, capture_output=True
    )


def read_secrets(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_secrets_are_new_each_time_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    make_secrets(one)
    make_secrets(other)
    first, second = read_secrets(one), read_secrets(other)
    assert first.keys() == second.keys()
    assert len({*first.values(), *second.values()}) == 2 * len(first)
    assert min(len(value) for value in first.values()) >= 32
    assert one.stat().st_mode & 0o777 == 0o600


def test_all_secrets_of_the_compose_file_are_made(tmp_path: Path) -> None:
    make_secrets(tmp_path / "env")
    wanted = set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert wanted <= read_secrets(tmp_path / "env").keys()


def test_an_existing_file_of_secrets_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("POSTGRES_PASSWORD=mine\n")
    make_secrets(path)
    assert path.read_text() == "POSTGRES_PASSWORD=mine\n"
