"""What a process and a database spend, read from the kernel (Linux) and from PostgreSQL."""

import os
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")
_STAT_PARENT, _STAT_USER, _STAT_SYSTEM = 1, 11, 12
"""Fields of /proc/PID/stat, counted after the command's closing parenthesis (proc_pid_stat(5))."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one copy of the account took."""

    records: int
    seconds: float
    cpu_seconds: float
    """User and system time of the process that copied, not of the servers."""
    peak_bytes: int
    """The most resident memory of that process during the copy."""

    @property
    def rate(self) -> float:
        return self.records / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds / self.records * 1e6


class Meter:
    """Measures a process from now on: its peak memory so far is forgotten."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        (self._folder / "clear_refs").write_text("5")  # resets the peak, see proc_pid_clear_refs(5)
        self._cpu = cpu_seconds(pid)
        self._pid = pid

    @classmethod
    def of_this_process(cls) -> "Meter":
        return cls(os.getpid())

    def cost(self, records: int, seconds: float) -> Cost:
        return Cost(
            records=records,
            seconds=seconds,
            cpu_seconds=cpu_seconds(self._pid) - self._cpu,
            peak_bytes=self._peak(),
        )

    def _peak(self) -> int:
        status = (self._folder / "status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of a process that lives, all its threads together."""
    stat = _stat(pid)
    return (int(stat[_STAT_USER]) + int(stat[_STAT_SYSTEM])) / _TICKS


@dataclass(frozen=True, slots=True)
class ServerSpending:
    """What a PostgreSQL server has spent up to a moment; two of them subtract."""

    wal_bytes: int
    cpu_seconds: float

    def __sub__(self, earlier: "ServerSpending") -> "ServerSpending":
        return ServerSpending(
            self.wal_bytes - earlier.wal_bytes, max(self.cpu_seconds - earlier.cpu_seconds, 0.0)
        )


async def server_spending(connection: asyncpg.Connection) -> ServerSpending:
    """Read the log's position, and the CPU time of all server processes (ended ones by their parent)."""
    wal, backend = await connection.fetchrow(
        "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'), pg_backend_pid()"
    )
    alive = await connection.fetch("select pid from pg_stat_activity")
    cpu = _of_ended_children(int(_stat(backend)[_STAT_PARENT]))
    return ServerSpending(int(wal), cpu + sum(cpu_seconds(row["pid"]) for row in alive))


async def settle(connection: asyncpg.Connection) -> None:
    """Do what the server would do soon by itself, so that it does not do it while something is measured."""
    await connection.execute("vacuum (analyze)")
    await connection.execute("checkpoint")


def _of_ended_children(pid: int) -> float:
    stat = _stat(pid)
    return (int(stat[_STAT_USER + 2]) + int(stat[_STAT_SYSTEM + 2])) / _TICKS


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
