"""What a connector implements: a Source with Readers, or a Sink with Writers.

All calls may raise ConfigError, RetryableError or FatalError; any other
exception is an error that says nothing on whether another try helps.

Calls of a Source or a Sink come from several threads at once. A Reader or a
Writer belongs to one thread.
"""

import dataclasses
import enum

from turgo_connector import connector_pb2 as messages

# The messages serve as they are; these names are for connectors.
Assignment = messages.Assignment
Committable = messages.Committable
CommitResult = messages.CommitResult
Config = messages.Config
Split = messages.Split

COMMITTED = messages.OUTCOME_COMMITTED  # durable, by this call or an earlier one
RETRY = messages.OUTCOME_RETRY  # not now; the host tries again later
LOST = messages.OUTCOME_LOST  # the prepared data is gone; the job stops
UNKNOWN = messages.OUTCOME_UNKNOWN  # the system did not say

EXACTLY_ONCE = messages.GUARANTEE_EXACTLY_ONCE
IDEMPOTENT = messages.GUARANTEE_IDEMPOTENT
AT_LEAST_ONCE = messages.GUARANTEE_AT_LEAST_ONCE

# Limits that the host holds a connector to.
SPLIT_ID_BYTES_MAX = 4 << 10
SPLIT_DATA_BYTES_MAX = 64 << 10
POSITION_BYTES_MAX = 64 << 10
COMMITTABLES_MAX = 1 << 10  # of one prepare
UNDECODABLES_MAX = 1 << 10  # of one delivery
UNDECODABLE_BYTES_MAX = 64 << 10
UNDECODABLES_BYTES_MAX = 1 << 20  # of one delivery, reasons included
REASON_BYTES_MAX = 4 << 10


class ConfigError(Exception):
    """The step's settings are wrong: field is a dotted path within them."""

    def __init__(self, field, reason):
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field, self.reason = field, reason


class RetryableError(Exception):
    """It may go away when the step starts again, such as a broken connection."""


class FatalError(Exception):
    """It comes again however often the job starts: somebody has to look at it."""


class Kind(enum.IntEnum):
    """What a record says about its key."""

    INSERT = 0
    UPDATE_BEFORE = 1
    UPDATE_AFTER = 2
    DELETE = 3


@dataclasses.dataclass(slots=True)
class Record:
    """One record. None is null, which differs from empty bytes."""

    key: bytes | None
    value: bytes | None
    timestamp: int | None = None  # milliseconds since 1970
    kind: Kind = Kind.INSERT
    extensions: bytes = b""  # encoded; a sink may pass them on, or drop them


@dataclasses.dataclass(slots=True)
class Undecodable:
    """Bytes of the input of which no record could be made."""

    bytes: bytes
    reason: str
    index: int  # how many records of the delivery stand before it


@dataclasses.dataclass(slots=True)
class Delivery:
    """Records of one split, and the position behind them.

    Whoever reads on from the position gets exactly what follows. end says that
    nothing will follow, ever.
    """

    split_id: str
    position: bytes
    records: list[Record]
    end: bool = False
    lag: int = -1  # records still to read, as an estimate; -1 = unknown
    undecodable: list[Undecodable] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Refused:
    """A record that the system does not take; the others of its batch are written."""

    record: Record
    reason: str


class Source:
    """Reads from one system."""

    def check(self, config: Config) -> None:
        """Validates the settings and what they name, without side effects."""

    def open(self, config: Config) -> None:
        """Prepares for use. It is called once."""

    def discover(self) -> tuple[list[Split], bool]:
        """Lists the splits that exist now, and whether no others will come.

        IDs are stable: the same part of the input has the same ID after any
        restart, for its position is found again under it.
        """
        raise NotImplementedError

    def open_reader(self, subtask: int) -> "Reader":
        """Opens the reader of one subtask."""
        raise NotImplementedError

    def checkpoint_complete(self, epoch: int, positions: list[Assignment]) -> None:
        """Tells that a checkpoint with these positions is durable."""

    def close(self) -> None:
        """Ends the use."""


class Reader:
    """Reads the splits that are assigned to it."""

    def assign(self, assignments: list[Assignment]) -> None:
        """Adds splits. Without a position (HasField) one starts at its start."""
        raise NotImplementedError

    def next(self) -> Delivery | None:
        """Gives what comes next, None where there is nothing now. It does not wait."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the use."""


class Sink:
    """Writes to one system."""

    def check(self, config: Config) -> None:
        """Validates the settings and what they name, without side effects."""

    def open(self, config: Config) -> int:
        """Prepares for use, and gives the guarantee under these settings."""
        raise NotImplementedError

    def clean_up(self, keep: list[Committable]) -> None:
        """Removes what attempts before config.attempt prepared, except keep.

        What this attempt and later ones prepared stays: this one may be late.
        """

    def open_writer(self, subtask: int) -> "Writer":
        """Opens the writer of one subtask."""
        raise NotImplementedError

    def commit(self, committables: list[Committable]) -> list[CommitResult]:
        """Makes prepared data visible: one answer for each, in order.

        It is idempotent, and works in another process than the writer's.
        """
        raise NotImplementedError

    def abort(self, committables: list[Committable]) -> None:
        """Drops prepared data. It is idempotent."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the use."""


class Writer:
    """Writes what one subtask receives."""

    def write(self, records: list[Record]) -> list[Refused]:
        """Takes records, in order, and gives those that it does not take."""
        raise NotImplementedError

    def prepare(self, epoch: int) -> list[Committable]:
        """Makes what was written since the last call durable, but not visible."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the use. What was not prepared is void."""
