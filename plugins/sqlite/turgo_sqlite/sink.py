"""Writes a table, exactly once, by a commit in two phases.

A record goes a way of three steps, each a transaction of the database:

  write    into the table turgo_rows, under an epoch that is "open". Nobody looks there
  prepare  the epoch becomes "prepared". Its ID is the committable: all that the
           host keeps, in its checkpoint
  commit   its rows move into the target table, and it becomes "committed", in one
           transaction: all of it or nothing

Between prepare and commit anything may die. The rows are durable, and any other
process can commit them by the ID alone. The mark "committed" makes a second
commit of the same ID do nothing, so the host may repeat it as often as it likes.
What was never prepared, or not in a checkpoint that became durable, is an orphan:
clean_up() removes it when the job starts again.
"""

import os
import sqlite3
import threading
import uuid

from turgo_connector import settings
from turgo_connector.contract import (
    COMMITTED, EXACTLY_ONCE, LOST,
    CommitResult, Committable, ConfigError, Kind, Refused, Sink, Writer,
)
from turgo_sqlite.database import columns_of, connect, path_of, plain_errors, quoted, to_column, transaction

FIELDS = {
    "database": (str, settings.REQUIRED),
    "table": (str, settings.REQUIRED),
    "mode": (str, "append"),
}
MODES = ("append", "upsert")

# Rows that wait in memory until they are staged.
STAGED_BYTES = 4 << 20
STAGED_ROWS = 20_000
# Marks of committed epochs that are kept for each step, for commits that come again. The
# host repeats those of its newest checkpoints only.
MARKS_MAX = 10_000

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS turgo_epochs (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        job TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL,
        target TEXT NOT NULL, mode TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'prepared', 'committed')))""",
    """CREATE TABLE IF NOT EXISTS turgo_rows (
        epoch INTEGER NOT NULL, position INTEGER NOT NULL,
        key, value, timestamp INTEGER, kind INTEGER NOT NULL,
        PRIMARY KEY (epoch, position)) WITHOUT ROWID""",
)
# Columns without a type keep what is put into them as it is.
TARGETS = {
    "append": "CREATE TABLE IF NOT EXISTS {} (row INTEGER PRIMARY KEY AUTOINCREMENT, key, value, timestamp INTEGER, kind TEXT NOT NULL)",
    "upsert": "CREATE TABLE IF NOT EXISTS {} (key PRIMARY KEY NOT NULL, value, timestamp INTEGER)",
}
COLUMNS = {"append": ("key", "value", "timestamp", "kind"), "upsert": ("key", "value", "timestamp")}

# What the commit of an epoch does, by mode. For upsert the last change of each key
# counts: SQLite takes the other columns from the row that max() found.
LAST_CHANGES = "SELECT key, value, timestamp, kind, max(position) AS position FROM turgo_rows WHERE epoch = ? GROUP BY key"
MOVES = {
    "append": (
        """INSERT INTO {target} (key, value, timestamp, kind)
            SELECT key, value, timestamp, CASE kind WHEN 0 THEN 'insert' WHEN 1 THEN 'update_before' WHEN 2 THEN 'update_after' ELSE 'delete' END
            FROM turgo_rows WHERE epoch = ? ORDER BY position""",
    ),
    "upsert": (
        f"""INSERT INTO {{target}} (key, value, timestamp)
            SELECT key, value, timestamp FROM ({LAST_CHANGES}) WHERE kind != 3 ORDER BY position
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, timestamp = excluded.timestamp""",
        f"DELETE FROM {{target}} WHERE key IN (SELECT key FROM ({LAST_CHANGES}) WHERE kind = 3)",
    ),
}


class SQLiteSink(Sink):
    """The sink. Its own connection is for the calls of the host; each writer has another."""

    def __init__(self):
        self._lock = threading.Lock()  # calls come from several threads
        self._connection = None

    def check(self, config):
        path, given = self._read_settings(config)
        if not os.path.exists(path):
            return  # open() will make it
        try:
            connection = connect(path)
            try:
                _check_target(connection, given)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise ConfigError("database", f"{path}: {error}") from error

    def open(self, config):
        self.path, self.settings = self._read_settings(config)
        self.config = config
        with plain_errors():
            self._connection = connect(self.path, writable=True)
        with transaction(self._connection):
            _check_target(self._connection, self.settings)
            for statement in (*SCHEMA, TARGETS[self.settings["mode"]].format(quoted(self.settings["table"]))):
                self._connection.execute(statement)
        return EXACTLY_ONCE

    def clean_up(self, keep):
        # Only what earlier attempts left: a later one may already be at work, where
        # this process stood still for a while and does not know it yet.
        gone = "job = ? AND step = ? AND attempt < ? AND id NOT IN (SELECT id FROM keep)"
        of = (self.config.job_uuid, self.config.uid, self.config.attempt)
        with self._lock, transaction(self._connection):
            self._connection.execute("CREATE TEMP TABLE keep (id TEXT PRIMARY KEY)")
            self._connection.executemany("INSERT OR IGNORE INTO keep VALUES (?)", ((each.id,) for each in keep))
            self._connection.execute(f"DELETE FROM turgo_rows WHERE epoch IN (SELECT sequence FROM turgo_epochs WHERE {gone})", of)
            self._connection.execute(f"DELETE FROM turgo_epochs WHERE {gone}", of)
            self._connection.execute("DROP TABLE keep")

    def open_writer(self, subtask):
        with plain_errors():
            return SQLiteWriter(connect(self.path, writable=True), self.config, self.settings, subtask)

    def commit(self, committables):
        # One transaction for all, so that what a checkpoint commits appears at once.
        with self._lock, transaction(self._connection):
            results = [self._commit(each.id) for each in committables]
            self._connection.execute(
                """DELETE FROM turgo_epochs WHERE job = ?1 AND step = ?2 AND state = 'committed'
                    AND sequence <= (SELECT max(sequence) FROM turgo_epochs WHERE job = ?1 AND step = ?2) - ?3""",
                (self.config.job_uuid, self.config.uid, MARKS_MAX))
        return results

    def _commit(self, name):
        found = self._connection.execute("SELECT sequence, target, mode, state FROM turgo_epochs WHERE id = ?", (name,)).fetchone()
        if found is None or found[3] == "open":
            return CommitResult(id=name, outcome=LOST, reason=f"{self.path} holds no prepared epoch {name}")
        sequence, target, mode, state = found
        if state == "prepared":
            for statement in MOVES[mode]:
                self._connection.execute(statement.format(target=quoted(target)), (sequence,))
            self._connection.execute("DELETE FROM turgo_rows WHERE epoch = ?", (sequence,))
            self._connection.execute("UPDATE turgo_epochs SET state = 'committed' WHERE sequence = ?", (sequence,))
        return CommitResult(id=name, outcome=COMMITTED)

    def abort(self, committables):
        # What was committed stays so: nobody can take it back.
        with self._lock, transaction(self._connection):
            for each in committables:
                self._connection.execute(
                    "DELETE FROM turgo_rows WHERE epoch = (SELECT sequence FROM turgo_epochs WHERE id = ? AND state != 'committed')", (each.id,))
                self._connection.execute("DELETE FROM turgo_epochs WHERE id = ? AND state != 'committed'", (each.id,))

    def close(self):
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @staticmethod
    def _read_settings(config):
        given = settings.decode(config.settings, FIELDS)
        path = path_of(config, given)
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise ConfigError("database", f"there is no folder {folder}")
        if given["mode"] not in MODES:
            raise ConfigError("mode", f"{given['mode']!r} is none of {', '.join(MODES)}")
        if not given["table"] or given["table"].lower().startswith(("turgo_", "sqlite_")):
            raise ConfigError("table", f"{given['table']!r} is no name for a table of your own")
        return path, given


def _check_target(connection, given):
    """Refuses a table that is there and cannot take what the mode writes."""
    table, found = given["table"], columns_of(connection, given["table"])
    missing = [column for column in COLUMNS[given["mode"]] if column not in found]
    if found and missing:
        raise ConfigError("table", f"{table!r} lacks the columns {', '.join(missing)}: take a new table, or add them")
    if found and given["mode"] == "upsert":
        try:  # EXPLAIN compiles the statement, and does nothing
            connection.execute(f"EXPLAIN INSERT INTO {quoted(table)} (key) VALUES (0) ON CONFLICT (key) DO NOTHING")
        except sqlite3.OperationalError as error:
            raise ConfigError("table", f"{table!r} has keys that are not unique, so none can be replaced: {error}") from error


class SQLiteWriter(Writer):
    """Stages the rows of one subtask, under an epoch for each checkpoint."""

    def __init__(self, connection, config, given, subtask):
        self._connection, self._config, self._settings, self._subtask = connection, config, given, subtask
        self._sequence = self._name = None  # of the open epoch, None before its first row
        self._staged = 0  # rows of it
        self._rows, self._bytes = [], 0

    def write(self, records):
        upsert = self._settings["mode"] == "upsert"
        refused = []
        for record in records:
            kind = record.kind
            if upsert:
                if record.key is None:
                    refused.append(Refused(record, "a record without a key has no place in a table of keys"))
                    continue
                if kind is Kind.UPDATE_BEFORE:
                    continue  # the update after it replaces the row
                if record.value is None:
                    kind = Kind.DELETE  # as a tombstone of a message queue says it
            self._rows.append((to_column(record.key), to_column(record.value), record.timestamp, int(kind)))
            self._bytes += len(record.key or b"") + len(record.value or b"")
        if self._bytes >= STAGED_BYTES or len(self._rows) >= STAGED_ROWS:
            with transaction(self._connection):
                self._stage()
        return refused

    def _stage(self):
        """Moves what waits in memory to the database, for each writer waits for the others meanwhile."""
        if self._sequence is None:
            # Unique, whatever was started when: a name must never stand for two epochs.
            self._name = f"{self._config.uid}/{self._config.attempt}/{self._subtask}/{uuid.uuid4().hex}"
            self._sequence = self._connection.execute(
                "INSERT INTO turgo_epochs (id, job, step, attempt, target, mode, state) VALUES (?, ?, ?, ?, ?, ?, 'open')",
                (self._name, self._config.job_uuid, self._config.uid, self._config.attempt, self._settings["table"], self._settings["mode"]),
            ).lastrowid
        self._connection.executemany(
            "INSERT INTO turgo_rows (epoch, position, key, value, timestamp, kind) VALUES (?, ?, ?, ?, ?, ?)",
            ((self._sequence, self._staged + i, *row) for i, row in enumerate(self._rows)))
        self._staged += len(self._rows)
        self._rows, self._bytes = [], 0

    def prepare(self, epoch):
        if self._sequence is None and not self._rows:
            return []  # nothing was written: nothing to commit
        with transaction(self._connection):
            self._stage()
            self._connection.execute("UPDATE turgo_epochs SET state = 'prepared' WHERE sequence = ?", (self._sequence,))
        name, self._sequence, self._name, self._staged = self._name, None, None, 0
        return [Committable(id=name, data=str(epoch).encode())]

    def close(self):
        try:
            if self._sequence is not None:  # what was not prepared is void
                with transaction(self._connection):
                    self._connection.execute("DELETE FROM turgo_rows WHERE epoch = ?", (self._sequence,))
                    self._connection.execute("DELETE FROM turgo_epochs WHERE sequence = ?", (self._sequence,))
        finally:
            self._connection.close()
