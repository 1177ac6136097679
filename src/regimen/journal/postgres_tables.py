"""The tables of journals in a PostgreSQL database, with the columns of the SQLite file, and what its errors mean.

A database holds any number of journals, one for each account. The database itself refuses a row whose epoch is not the
journal's: a leader that was overtaken cannot commit, whatever its program does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regimen.journal.failures import AlreadyStored, JournalError, JournalLost, NotLeader, NotWritten
from regimen.journal.row import VERSION

if TYPE_CHECKING:
    import psycopg

FENCED = "RG001"
"""The code by which the database refuses a stale epoch."""
_LOCK = 0x52474A4C
_TABLES = f"""
CREATE TABLE journal_header (
    account text PRIMARY KEY,
    version integer NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    leader text NOT NULL DEFAULT '',
    expires timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE TABLE journal_rows (
    seq bigint NOT NULL,
    epoch bigint NOT NULL,
    account text NOT NULL REFERENCES journal_header,
    symbol text NOT NULL,
    bar bigint NOT NULL,
    kind text NOT NULL,
    at bigint NOT NULL,
    digest bytea NOT NULL,
    request bytea NOT NULL,
    decision bytea NOT NULL,
    PRIMARY KEY (account, seq),
    UNIQUE (account, symbol, bar, kind)
);
CREATE TABLE journal_snapshots (
    account text NOT NULL REFERENCES journal_header,
    seq bigint NOT NULL,
    epoch bigint NOT NULL,
    digest bytea NOT NULL,
    checksum bytea NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (account, seq)
);
CREATE FUNCTION journal_fence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM journal_header WHERE account IN (SELECT account FROM fresh) FOR SHARE;
    IF EXISTS (SELECT 1 FROM fresh JOIN journal_header USING (account) WHERE fresh.epoch <> journal_header.epoch) THEN
        RAISE EXCEPTION 'a journal has one leader, and another has taken it over' USING ERRCODE = '{FENCED}';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a journal is append-only';
END $$;
CREATE TRIGGER fence AFTER INSERT ON journal_rows
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION journal_fence();
CREATE TRIGGER fence AFTER INSERT ON journal_snapshots
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION journal_fence();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_rows
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
"""
_TAKE = """
UPDATE journal_header SET epoch = epoch + 1, leader = %(leader)s,
    expires = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE account = %(account)s AND {when} RETURNING epoch
"""
LEAD = _TAKE.format(when="(expires <= clock_timestamp() OR leader = %(leader)s)")
AGAIN = _TAKE.format(when="leader = %(leader)s")
RENEW = """
UPDATE journal_header SET expires = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE account = %(account)s AND epoch = %(epoch)s RETURNING epoch
"""
LEAVE = "UPDATE journal_header SET expires = '-infinity' WHERE account = %(account)s AND epoch = %(epoch)s"
APPEND = f"""
WITH leadership AS ({RENEW})
INSERT INTO journal_rows (account, epoch, seq, symbol, bar, kind, at, digest, request, decision)
SELECT %(account)s, %(epoch)s, fresh.* FROM leadership, unnest(
    %(seq)b::bigint[], %(symbol)b::text[], %(bar)b::bigint[], %(kind)b::text[], %(at)b::bigint[],
    %(digest)b::bytea[], %(request)b::bytea[], %(decision)b::bytea[]
) AS fresh
"""
KEEP = f"""
WITH leadership AS ({RENEW}), gone AS (
    DELETE FROM journal_snapshots WHERE account = %(account)s AND seq <> %(seq)s AND seq NOT IN (
        SELECT seq FROM journal_snapshots WHERE account = %(account)s AND seq <> %(seq)s ORDER BY seq DESC LIMIT 1
    )
)
INSERT INTO journal_snapshots (account, epoch, seq, digest, checksum, body)
SELECT %(account)s, %(epoch)s, %(seq)s, %(digest)b, %(checksum)b, %(body)b FROM leadership
ON CONFLICT (account, seq) DO UPDATE SET epoch = excluded.epoch, checksum = excluded.checksum, body = excluded.body
"""


def build(connection: psycopg.Connection[Any], account: str) -> None:
    """Makes the tables and the account's header where they are not there yet."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if connection.execute("SELECT to_regclass('journal_header')").fetchone() == (None,):
            connection.execute(_TABLES)
        connection.execute(
            "INSERT INTO journal_header (account, version) VALUES (%s, %s) ON CONFLICT DO NOTHING", (account, VERSION)
        )


def require(connection: psycopg.Connection[Any], account: str) -> None:
    """Looks whether the account has a journal here that can be used.

    Raises:
        JournalError: it has none; it is of a newer version; the server does not sync.
    """
    line = None
    if connection.execute("SELECT to_regclass('journal_header')").fetchone() != (None,):
        line = connection.execute("SELECT version FROM journal_header WHERE account = %s", (account,)).fetchone()
    if line is None:
        raise JournalError("journal", "must be one of the database's: its first leader makes it", account)
    if line[0] > VERSION:
        rule = f"must be of version {VERSION} at most, and is written by a newer regimen: upgrade this one"
        raise JournalError(f"journal of {account}", rule, line[0])
    if connection.execute("SHOW fsync").fetchone() == ("off",):
        raise JournalError("journal", "must be in a PostgreSQL server that syncs, and this one has fsync = off")


def failure_of(error: psycopg.Error) -> JournalError:
    """Returns what an error means whose statement was surely rolled back."""
    if error.sqlstate == "23505":
        return AlreadyStored("journal", "must hold each account, symbol, bar and kind once")
    if error.sqlstate == FENCED:
        return overtaken()
    if (error.sqlstate or "").startswith("XX"):  # corrupted data, a corrupted index
        return JournalLost("journal", f"must be whole, and PostgreSQL says that it is not ({error})")
    return NotWritten("journal", f"must be writable ({error})")


def overtaken() -> NotLeader:
    """The error of a leader that is none any more."""
    return NotLeader("journal", "must have one leader, and another has taken it over")
