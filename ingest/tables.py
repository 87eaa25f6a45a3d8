"""The one table of this room: which worker processes are alive."""

from sqlalchemy import Double, String
from sqlalchemy.orm import Mapped, mapped_column

from corpus.tables import Base


class WorkerLeaseRow(Base):
    __tablename__ = "worker_leases"

    worker: Mapped[str] = mapped_column(String(64), primary_key=True)
    beat: Mapped[float] = mapped_column(Double)
    """Seconds since 1970 by the database's clock: workers' own clocks may differ."""
