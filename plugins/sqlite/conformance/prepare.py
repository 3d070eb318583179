"""Makes the database that the conformance suite's source reads: python prepare.py FOLDER"""

import pathlib
import sqlite3
import sys

connection = sqlite3.connect(pathlib.Path(sys.argv[1]) / "input.db", isolation_level=None)
connection.execute("BEGIN")
for table, rows in (("payments", 300), ("refunds", 41), ("disputes", 0)):
    connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, account, value, at INTEGER)")
    connection.executemany(
        f"INSERT INTO {table} (account, value, at) VALUES (?, ?, ?)",
        ((f"account {i % 7}" if i % 11 else None, f"{table} {i} " + "x" * (i % 40), 1_700_000_000_000 + i) for i in range(rows)))
# A row of which no record can be made.
connection.execute("INSERT INTO payments (account, value, at) VALUES ('account 1', 'at noon', 'noon')")
connection.execute("COMMIT")
