"""Is the process alive, and can it work?"""

from typing import Literal

from fastapi import APIRouter

from api.schemas import Schema

router = APIRouter(tags=["health"])


class Health(Schema):
    status: Literal["ok"] = "ok"


@router.get("/healthz", operation_id="health")
def health() -> Health:
    return Health()
