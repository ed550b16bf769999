"""Keeps answers in an SQLite file, so that nothing is fetched twice, whatever ended the last run."""

import gzip
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from requests import Request
from requests_cache import BaseCache, SQLiteDict
from requests_cache.serializers.pipeline import SerializerPipeline, Stage
from requests_cache.serializers.preconf import json_preconf_stage

from paper_tasks.errors import InputError


def _compress(response: dict[str, Any]) -> bytes:
    return gzip.compress(json.dumps(response).encode(), compresslevel=6)


def _decompress(stored: bytes) -> dict[str, Any]:
    try:
        return json.loads(gzip.decompress(stored))
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise InputError(f"The cache holds an answer that cannot be read ({error}); remove its file.") from error


# Compressed JSON; the library's default is pickle, which could run code.
SERIALIZER = SerializerPipeline(
    [json_preconf_stage, Stage(dumps=_compress, loads=_decompress)], name="json.gz", is_binary=True
)


class AnswerCache(BaseCache):
    """The cache of one source. Raises InputError if its file cannot be read or written."""

    def __init__(self, path: Path) -> None:
        super().__init__(cache_name=str(path))
        self._table = _Table(path, "responses", serializer=SERIALIZER)
        self.responses = self._table
        self.redirects = _Table(path, "redirects", lock=self._table._lock, serializer=None)

    def forget(self, url: str, before: datetime) -> None:
        """Drops the answer of `url` if it is older than `before`, also if a redirect led to it."""
        try:
            answer = self.get_response(self._key(url))
        except ValueError:
            # Not an address: nothing was fetched for that problem.
            return
        # An answer with status 404 is false in a condition.
        if answer is not None and answer.created_at < before:
            self.responses.bulk_delete([self._key(url), self._key(answer.url)])

    def forget_listings(self, part: str, before: datetime) -> None:
        """Drops the answers that expire, are older than `before`, and have `part` in their address."""
        # Pages never expire, and are many: unpacking them all would take minutes.
        with self._table.connection() as connection:
            keys = [key for (key,) in connection.execute("SELECT key FROM responses WHERE expires IS NOT NULL")]
        answers = {key: self.get_response(key) for key in keys}
        self.responses.bulk_delete(
            [
                key
                for key, answer in answers.items()
                if answer is not None and part in answer.url and answer.created_at < before
            ]
        )

    def _key(self, url: str) -> str:
        return self.create_key(Request("GET", url).prepare(), verify=True)


class _Table(SQLiteDict):
    """The library's table, but a full disk is an error.

    The library itself rolls back in silence, so that the page would be fetched again next time. It also waits without
    end for a file that it must not write.
    """

    @contextmanager
    def connection(self, commit: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            with super().connection(commit) as connection:
                yield connection
        except sqlite3.Error as error:
            raise InputError(f"The cache {self.db_path} cannot be used ({error}).") from error

    @contextmanager
    def _acquire_sqlite_lock(self) -> Iterator[None]:
        with self._lock:
            if self._connection is None:
                raise sqlite3.ProgrammingError("it is closed")
            self._connection.execute("BEGIN IMMEDIATE")
            self._active_transaction = True
            try:
                yield
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise
            finally:
                self._active_transaction = False
