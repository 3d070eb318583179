"""Reads tables: each is a split, and its rows come in the order of their rowids.

A position is the rowid of the last row that was read. SQLite has one writer at a
time, so in a table whose rows are only added (AUTOINCREMENT), a row with a
smaller rowid never appears later: whoever reads on behind a rowid misses nothing.
Few databases can promise that of a counter.
"""

import sqlite3

from turgo_connector import records, settings
from turgo_connector.contract import (
    UNDECODABLE_BYTES_MAX, UNDECODABLES_BYTES_MAX, UNDECODABLES_MAX,
    ConfigError, Delivery, FatalError, Reader, Record, Source, Split, Undecodable,
)
from turgo_sqlite.database import columns_of, connect, from_column, path_of, plain_errors, quoted

FIELDS = {
    "database": (str, settings.REQUIRED),
    "tables": (list, settings.REQUIRED),
    "key": (str, ""),  # column of the record's key
    "value": (str, "value"),  # column of its value
    "timestamp": (str, ""),  # column of its timestamp, in milliseconds
    "follow": (bool, False),  # read on as rows are added
    "batch_bytes": (int, 64 << 10),
}
TABLES_MAX = 1000
START = b"start"  # the position before the first row, of a table that had none yet
BATCH_BYTES_MAX = 16 << 20


class SQLiteSource(Source):
    """The source: its splits are the tables that the settings name."""

    def check(self, config):
        self._read_settings(config)

    def open(self, config):
        self.path, self.settings = self._read_settings(config)

    def discover(self):
        # The IDs are the tables' names, so they are the same after any restart. No
        # other tables can come: the list is final.
        return [Split(id=table) for table in self.settings["tables"]], True

    def open_reader(self, subtask):
        with plain_errors():
            return SQLiteReader(connect(self.path), self.settings)

    @staticmethod
    def _read_settings(config):
        given = settings.decode(config.settings, FIELDS)
        path = path_of(config, given)
        tables = given["tables"]
        if not 1 <= len(tables) <= TABLES_MAX or not all(isinstance(table, str) and table for table in tables):
            raise ConfigError("tables", f"name 1 to {TABLES_MAX} tables")
        if len(set(tables)) != len(tables):
            raise ConfigError("tables", "a table is named twice")
        if not 1 <= given["batch_bytes"] <= BATCH_BYTES_MAX:
            raise ConfigError("batch_bytes", f"{given['batch_bytes']} is not within 1..{BATCH_BYTES_MAX}")
        try:
            connection = connect(path)
        except sqlite3.Error as error:
            raise ConfigError("database", f"{path}: {error}") from error
        try:
            for table in tables:
                _check_table(connection, table, given)
        except sqlite3.Error as error:
            raise ConfigError("database", f"{path}: {error}") from error
        finally:
            connection.close()
        return path, given


def _check_table(connection, table, given):
    found = columns_of(connection, table)
    if not found:
        raise ConfigError("tables", f"there is no table {table!r}")
    for field in ("key", "value", "timestamp"):
        if given[field] and given[field] not in found:
            raise ConfigError(field, f"table {table!r} has no column {given[field]!r}; it has {', '.join(found)}")
    try:
        connection.execute(f"SELECT rowid FROM {quoted(table)} LIMIT 1")
    except sqlite3.OperationalError as error:
        raise ConfigError("tables", f"{table!r} has no rowids, so there is no order to read it in: {error}") from error


class SQLiteReader(Reader):
    """Reads its tables in turn, a batch of each."""

    def __init__(self, connection, given):
        connection.text_factory = bytes  # a text need not be UTF-8
        self._connection, self._settings = connection, given
        self._positions = {}  # table -> rowid that was read last, None before the first
        columns = ", ".join(quoted(given[field]) if given[field] else "NULL" for field in ("key", "value", "timestamp"))
        self._statement = f"SELECT rowid, {columns} FROM {{table}} WHERE {{after}} ORDER BY rowid LIMIT {UNDECODABLES_MAX}"

    def assign(self, assignments):
        for assignment in assignments:
            position = None
            if assignment.HasField("position") and assignment.position != START:
                try:
                    position = int(assignment.position)
                except ValueError as error:
                    raise FatalError(f"table {assignment.split.id!r}: {assignment.position!r} is no position of this connector: {error}") from error
            self._positions[assignment.split.id] = position

    def next(self):
        for table in list(self._positions):
            # The first goes to the back, so that no table waits for another.
            position = self._positions[table] = self._positions.pop(table)
            with plain_errors():
                delivery = self._read(table, position)
            if delivery is not None:
                return delivery
        return None

    def _read(self, table, position):
        after = "TRUE" if position is None else "rowid > ?"
        rows = self._connection.execute(self._statement.format(table=quoted(table), after=after), () if position is None else (position,))
        batch, undecodable, size, undecodable_size, read, more = [], [], 0, 0, 0, True
        while size < self._settings["batch_bytes"] and undecodable_size < UNDECODABLES_BYTES_MAX // 2:
            row = next(rows, None)
            if row is None:
                more = read == UNDECODABLES_MAX  # the statement asks for no more
                break
            read += 1
            position = row[0]
            record, reason = _decode(row)
            if reason is None:
                batch.append(record)
                size += records.encoded_bytes(record)
            else:
                cut = (record.value or b"")[:UNDECODABLE_BYTES_MAX]
                undecodable.append(Undecodable(cut, reason, len(batch)))
                undecodable_size += len(cut) + len(reason)
        rows.close()
        end = not more and not self._settings["follow"]
        if read == 0 and not end:
            return None
        if end:
            del self._positions[table]
        else:
            self._positions[table] = position
        return Delivery(
            split_id=table, position=START if position is None else str(position).encode(), records=batch,
            end=end, lag=self._lag(table, position), undecodable=undecodable,
        )

    def _lag(self, table, position):
        (last,) = self._connection.execute(f"SELECT max(rowid) FROM {quoted(table)}").fetchone()
        return 0 if last is None or position is None else max(0, last - position)

    def close(self):
        self._connection.close()


def _decode(row):
    """Makes a record of a row, or tells why there is none."""
    _, key, value, timestamp = row
    record = Record(key=from_column(key), value=from_column(value), timestamp=timestamp)
    if timestamp is not None and not isinstance(timestamp, int):
        return record, f"row {row[0]}: the timestamp {from_column(timestamp)[:100]!r} is no whole number"
    if timestamp == records.NO_TIMESTAMP:
        record.timestamp = None
    # One record has to fit a batch by itself.
    if records.encoded_bytes(record) > records.BYTES_MAX // 2:
        return record, f"row {row[0]}: {records.encoded_bytes(record)} bytes are too many for a record"
    return record, None
