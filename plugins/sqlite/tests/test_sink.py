"""The sink: what is visible when."""

import json
import os
import sqlite3
import tempfile
import unittest

from turgo_connector.contract import COMMITTED, EXACTLY_ONCE, LOST, Committable, Config, ConfigError, Kind, Record
from turgo_sqlite import sink as sink_module
from turgo_sqlite.sink import SQLiteSink


class SinkCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def config(self, attempt=1, uid="out", **fields):
        return Config(job_uuid="job", uid=uid, attempt=attempt, base_dir=self.folder, settings=json.dumps({"database": "db", "table": "rows"} | fields).encode())

    def open(self, **fields):
        sink = SQLiteSink()
        self.assertEqual(sink.open(self.config(**fields)), EXACTLY_ONCE)
        self.addCleanup(sink.close)
        return sink

    def query(self, statement):
        connection = sqlite3.connect(os.path.join(self.folder, "db"))
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def visible(self):
        return [value for (value,) in self.query("SELECT value FROM rows ORDER BY row")]

    def prepare(self, sink, *batch):
        writer = sink.open_writer(0)
        self.addCleanup(writer.close)
        self.assertEqual(writer.write([Record(None, each.encode()) for each in batch]), [])
        return writer.prepare(1)


def outcomes(results):
    return [result.outcome for result in results]


class TwoPhases(SinkCase):
    def test_prepared_rows_appear_with_their_commit_once(self):
        sink = self.open()
        prepared = self.prepare(sink, "one", "two")
        self.assertEqual(self.visible(), [])
        other = self.open()
        for committer in (other, sink, other):
            results = committer.commit(prepared)
            self.assertEqual((outcomes(results), results[0].id), ([COMMITTED], prepared[0].id))
            self.assertEqual(self.visible(), ["one", "two"])
        sink.abort(prepared)  # too late
        self.assertEqual(self.visible(), ["one", "two"])
        self.assertEqual(outcomes(sink.commit(prepared)), [COMMITTED])
        self.assertEqual(self.query("SELECT count(*) FROM turgo_rows"), [(0,)])

    def test_aborted_rows_never_appear(self):
        sink = self.open()
        prepared = self.prepare(sink, "one")
        for _ in range(2):
            sink.abort(prepared)
        self.assertEqual(outcomes(sink.commit(prepared)), [LOST])
        self.assertEqual(self.visible(), [])

    def test_commits_answer_in_order_and_count_as_one(self):
        sink = self.open()
        first, second = self.prepare(sink, "one"), self.prepare(sink, "two")
        results = sink.commit([*second, Committable(id="nobody's"), *first])
        self.assertEqual([(result.id, result.outcome) for result in results], [(second[0].id, COMMITTED), ("nobody's", LOST), (first[0].id, COMMITTED)])
        self.assertEqual(self.visible(), ["two", "one"])

    def test_a_writer_goes_on_with_the_next_epoch(self):
        sink = self.open()
        writer = sink.open_writer(3)
        writer.write([Record(None, b"one")])
        first = writer.prepare(1)
        self.assertEqual(writer.prepare(2), [])
        writer.write([Record(None, b"two")])
        third = writer.prepare(3)
        writer.write([Record(None, b"never prepared")])
        writer.close()
        self.assertEqual(outcomes(sink.commit(third + first)), [COMMITTED, COMMITTED])
        self.assertEqual(self.visible(), ["two", "one"])

    def test_rows_that_were_staged_but_not_prepared_are_void(self):
        sink = self.open()
        writer = sink.open_writer(0)
        writer.write([Record(None, bytes(1000))] * (sink_module.STAGED_ROWS + 5))
        self.assertEqual(self.query("SELECT count(*) FROM turgo_rows"), [(sink_module.STAGED_ROWS + 5,)])
        ((name,),) = self.query("SELECT id FROM turgo_epochs")
        self.assertEqual(outcomes(sink.commit([Committable(id=name)])), [LOST])
        writer.close()
        self.assertEqual(self.query("SELECT count(*) FROM turgo_rows"), [(0,)])
        self.assertEqual(self.visible(), [])

    def test_an_epoch_of_many_rows_keeps_their_order(self):
        sink = self.open()
        writer = sink.open_writer(0)
        count = 2 * sink_module.STAGED_ROWS + 10
        for start in range(0, count, 1000):
            writer.write([Record(None, str(i).encode()) for i in range(start, min(count, start + 1000))])
        sink.commit(writer.prepare(1))
        writer.close()
        self.assertEqual(self.visible(), [str(i) for i in range(count)])

    def test_marks_of_commits_are_bounded(self):
        sink = self.open()
        kept, sink_module.MARKS_MAX = sink_module.MARKS_MAX, 3
        self.addCleanup(setattr, sink_module, "MARKS_MAX", kept)
        for i in range(10):
            sink.commit(self.prepare(sink, str(i)))
        self.assertEqual(self.query("SELECT count(*) FROM turgo_epochs"), [(3,)])
        self.assertEqual(len(self.visible()), 10)


class CleanUp(SinkCase):
    def test_orphans_of_earlier_attempts_go(self):
        names = {}
        for attempt in (1, 2, 3):
            sink = self.open(attempt=attempt)
            names[attempt] = [self.prepare(sink, f"{attempt} kept")[0], self.prepare(sink, f"{attempt}")[0]]
        (other,) = self.prepare(self.open(uid="other"), "other step")
        self.open(attempt=2).clean_up([names[1][0], names[1][0]])
        late = self.open(attempt=3)
        self.assertEqual(outcomes(late.commit(names[1] + names[2] + names[3] + [other])), [COMMITTED, LOST, COMMITTED, COMMITTED, COMMITTED, COMMITTED, COMMITTED])
        self.assertEqual(self.visible(), ["1 kept", "2 kept", "2", "3 kept", "3", "other step"])

    def test_what_was_committed_and_is_kept_is_not_committed_again(self):
        sink = self.open()
        prepared = self.prepare(sink, "one")
        sink.commit(prepared)
        later = self.open(attempt=2)
        later.clean_up(prepared)
        self.assertEqual(outcomes(later.commit(prepared)), [COMMITTED])
        self.assertEqual(self.visible(), ["one"])
        later.clean_up([])
        self.assertEqual(self.query("SELECT count(*) FROM turgo_epochs"), [(0,)])
        self.assertEqual(self.visible(), ["one"])


class Tables(SinkCase):
    def test_append_keeps_each_record(self):
        sink = self.open()
        writer = sink.open_writer(0)
        self.addCleanup(writer.close)
        writer.write([Record(b"k", b"v", 5, Kind.UPDATE_BEFORE), Record(None, None, None, Kind.DELETE), Record(b"\xff", b"\0"), Record(b"", b"")])
        sink.commit(writer.prepare(1))
        self.assertEqual(self.query("SELECT key, value, timestamp, kind FROM rows ORDER BY row"), [
            ("k", "v", 5, "update_before"), (None, None, None, "delete"), (b"\xff", b"\0", None, "insert"), ("", "", None, "insert"),
        ])

    def test_upsert_keeps_the_last_of_each_key(self):
        sink = self.open(mode="upsert")
        for epoch, batch in enumerate([
            [Record(b"a", b"1"), Record(b"b", b"1"), Record(b"a", b"2", 7), Record(b"c", b"1"), Record(b"d", b"1", kind=Kind.DELETE)],
            [Record(b"a", b"2", kind=Kind.UPDATE_BEFORE), Record(b"a", b"3", kind=Kind.UPDATE_AFTER), Record(b"b", None), Record(b"c", b"", kind=Kind.DELETE), Record(b"c", b"2")],
        ]):
            writer = sink.open_writer(0)
            self.assertEqual(writer.write(batch), [])
            sink.commit(writer.prepare(epoch))
            writer.close()
        self.assertEqual(self.query("SELECT key, value FROM rows ORDER BY key"), [("a", "3"), ("c", "2")])

    def test_upsert_refuses_what_has_no_key(self):
        writer = self.open(mode="upsert").open_writer(0)
        self.addCleanup(writer.close)
        bad = Record(None, b"v")
        (refused,) = writer.write([Record(b"a", b"1"), bad])
        self.assertIs(refused.record, bad)
        self.assertIn("key", refused.reason)
        self.assertEqual(len(writer.prepare(1)), 1)


class Settings(SinkCase):
    def test_what_is_wrong_is_told_with_the_field(self):
        for field, given in {
            "surprise": {"surprise": 1}, "database": {"database": "no/db"}, "mode": {"mode": "x"}, "table": {"table": "turgo_rows"},
        }.items():
            for call in (SQLiteSink().check, SQLiteSink().open):
                with self.subTest(field), self.assertRaises(ConfigError) as caught:
                    call(self.config(**given))
                self.assertEqual(caught.exception.field, field)

    def test_checking_changes_nothing(self):
        SQLiteSink().check(self.config())
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_table_that_does_not_fit_is_refused(self):
        self.open()
        connection = sqlite3.connect(os.path.join(self.folder, "db"))
        connection.execute("CREATE TABLE small (key)")
        connection.close()
        for given in ({"table": "small"}, {"table": "small", "mode": "upsert"}, {"mode": "upsert"}):
            for call in (SQLiteSink().check, SQLiteSink().open):
                with self.subTest(given), self.assertRaises(ConfigError) as caught:
                    call(self.config(**given))
                self.assertEqual(caught.exception.field, "table")
        self.assertEqual(self.query("SELECT * FROM rows"), [])
