"""The source, against databases of its own."""

import json
import os
import sqlite3
import tempfile
import unittest

from turgo_connector.contract import Assignment, Config, ConfigError, FatalError, Record, Split
from turgo_sqlite.source import SQLiteSource


class SourceCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.database = sqlite3.connect(os.path.join(self.folder, "db"), isolation_level=None)
        self.addCleanup(self.database.close)
        self.database.execute("PRAGMA synchronous=OFF")
        for table in ("first", "second"):
            self.database.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, key, value, at)")

    def add(self, table, *rows):
        self.database.executemany(f"INSERT INTO {table} (key, value, at) VALUES (?, ?, ?)", rows)

    def config(self, **fields):
        given = {"database": "db", "tables": ["first", "second"], "key": "key", "timestamp": "at", "batch_bytes": 100} | fields
        return Config(base_dir=self.folder, settings=json.dumps({name: value for name, value in given.items() if value is not None}).encode())

    def reader(self, **fields):
        source = SQLiteSource()
        source.open(self.config(**fields))
        reader = source.open_reader(0)
        self.addCleanup(reader.close)
        return reader


def read_on(reader, table, position=None):
    """Reads a table to its end, or to where nothing comes now."""
    assignment = Assignment(split=Split(id=table))
    if position is not None:
        assignment.position = position
    reader.assign([assignment])
    deliveries = []
    while (delivery := reader.next()) is not None:
        deliveries.append(delivery)
    return deliveries


def values(deliveries):
    return [record.value for delivery in deliveries for record in delivery.records]


class Reading(SourceCase):
    def test_rows_become_records(self):
        self.add("first", ("k", "v", 5), (None, None, None), (b"\xff", b"", -3), ("a", 12, 1), ("b", 1.5, 2))
        deliveries = read_on(self.reader(batch_bytes=10000), "first")
        self.assertEqual([record for delivery in deliveries for record in delivery.records], [
            Record(b"k", b"v", 5), Record(None, None), Record(b"\xff", b"", -3), Record(b"a", b"12", 1), Record(b"b", b"1.5", 2),
        ])
        self.assertEqual([(delivery.end, delivery.position, delivery.lag) for delivery in deliveries], [(True, b"5", 0)])

    def test_from_each_position_the_rest_follows(self):
        self.add("first", *((str(i), str(i), i) for i in range(5000)))
        reader = self.reader(batch_bytes=20000)
        whole = read_on(reader, "first")
        self.assertEqual(values(whole), [str(i).encode() for i in range(5000)])
        self.assertEqual([delivery.end for delivery in whole], [False] * (len(whole) - 1) + [True])
        self.assertGreater(len(whole), 5)
        for at, delivery in enumerate(whole[:-1]):
            self.assertEqual(values(read_on(reader, "first", delivery.position)), values(whole[at + 1:]))
            self.assertGreater(delivery.lag, 0)

    def test_a_large_batch_is_cut_by_its_rows(self):
        self.add("first", *((str(i), str(i), i) for i in range(2048)))
        deliveries = read_on(self.reader(batch_bytes=1 << 20), "first")
        self.assertEqual(len(values(deliveries)), 2048)
        self.assertEqual([len(delivery.records) for delivery in deliveries], [1024, 1024, 0])

    def test_an_empty_table_ends_at_once_with_a_position_from_which_all_follows(self):
        reader = self.reader()
        (delivery,) = read_on(reader, "first")
        self.assertEqual((delivery.end, delivery.records), (True, []))
        self.add("first", ("k", "late", None))
        self.assertEqual(values(read_on(reader, "first", delivery.position)), [b"late"])

    def test_following_reads_what_is_added(self):
        reader = self.reader(follow=True)
        self.assertEqual(read_on(reader, "first"), [])
        for value in ("one", "two"):
            self.add("first", ("k", value, None))
            delivery = reader.next()
            self.assertEqual((values([delivery]), delivery.end), ([value.encode()], False))
            self.assertIsNone(reader.next())

    def test_generated_columns_are_read(self):
        self.database.execute("ALTER TABLE first ADD COLUMN body AS (json_object('id', id, 'value', value))")
        self.add("first", ("k", "v", None))
        self.assertEqual(values(read_on(self.reader(tables=["first"], value="body"), "first")), [b'{"id":1,"value":"v"}'])

    def test_tables_take_turns(self):
        for table in ("first", "second"):
            self.add(table, *(("k", table, i) for i in range(50)))
        reader = self.reader()
        reader.assign([Assignment(split=Split(id="first")), Assignment(split=Split(id="second"))])
        self.assertEqual([reader.next().split_id for _ in range(4)], ["first", "second", "first", "second"])

    def test_a_timestamp_that_is_none_is_undecodable(self):
        self.add("first", ("k", "good", 1), ("k", "bad", "noon"), ("k", "good too", 2))
        (delivery,) = read_on(self.reader(batch_bytes=10000), "first")
        self.assertEqual(values([delivery]), [b"good", b"good too"])
        self.assertEqual([(each.bytes, each.index) for each in delivery.undecodable], [(b"bad", 1)])
        self.assertIn("noon", delivery.undecodable[0].reason)

    def test_undecodables_of_a_delivery_are_bounded(self):
        self.add("first", *(("k", "x" * 40_000, "noon") for _ in range(60)))
        deliveries = read_on(self.reader(), "first")
        self.assertEqual(sum(len(delivery.undecodable) for delivery in deliveries), 60)
        for delivery in deliveries:
            self.assertLess(sum(len(each.bytes) + len(each.reason) for each in delivery.undecodable), 1 << 20)

    def test_a_foreign_position_is_refused(self):
        with self.assertRaisesRegex(FatalError, "no position"):
            self.reader().assign([Assignment(split=Split(id="first"), position=b"no position")])


class Settings(SourceCase):
    def test_discovery_is_the_tables(self):
        source = SQLiteSource()
        source.open(self.config())
        self.assertEqual(source.discover(), ([Split(id="first"), Split(id="second")], True))

    def test_what_is_wrong_is_told_with_the_field(self):
        self.database.execute("CREATE TABLE ordered (value PRIMARY KEY) WITHOUT ROWID")
        SQLiteSource().check(self.config())
        for field, given in {
            "surprise": {"surprise": 1}, "database": {"database": "other"}, "tables": {"tables": ["first", "third"]}, "key": {"key": "kee"},
            "batch_bytes": {"batch_bytes": 0}, "follow": {"follow": 1}, "value": {"value": "worth"}, "timestamp": {"timestamp": "time"},
        }.items():
            with self.subTest(field), self.assertRaises(ConfigError) as caught:
                SQLiteSource().check(self.config(**given))
            self.assertEqual(caught.exception.field, field)
        for tables in ([], ["first", "first"], [1], ["ordered"], None):
            with self.subTest(tables), self.assertRaises(ConfigError) as caught:
                SQLiteSource().check(self.config(tables=tables, key="", timestamp=""))
            self.assertEqual(caught.exception.field, "tables")
        for text in (b"{", b"[]", b'"x"'):
            with self.assertRaises(ConfigError):
                SQLiteSource().check(Config(settings=text))

    def test_checking_makes_no_database(self):
        with self.assertRaises(ConfigError):
            SQLiteSource().check(self.config(database="other"))
        self.assertEqual(os.listdir(self.folder), ["db"])
