"""Whether a server publishes all changes of a table, and what is to be done where it does not.

Everything that a feed needs is looked at in one go, before a slot is made and at each fetch: what is missing is told
together, and what was altered since the snapshot may have hidden changes. Nothing is created.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.contract.feed_kinds.table import TableFeed
from assay.contract.names import literal, quoted
from assay.feeds.errors import Permanent

if TYPE_CHECKING:
    import psycopg

_SERVER = """
    select current_setting('wal_level'), pg_is_in_recovery(), current_user::text,
        (select rolreplication or rolsuper from pg_catalog.pg_roles where rolname = current_user)
        or exists (
            select 1 from pg_catalog.pg_roles
            where rolname = 'rds_replication' and pg_has_role(current_user, oid, 'member')
        ),
        current_setting('max_replication_slots')::int, (select count(*) from pg_catalog.pg_replication_slots)
"""
_TABLE = """
    select c.oid::bigint, c.relkind::text, c.relpersistence::text, c.relreplident::text,
        exists (select 1 from pg_catalog.pg_inherits as i where i.inhparent = c.oid),
        array(
            select a.attname::text from pg_catalog.pg_index as i
            inner join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
            where i.indrelid = c.oid and case c.relreplident when 'i' then i.indisreplident else i.indisprimary end
        ),
        has_table_privilege(c.oid, 'select') or has_any_column_privilege(c.oid, 'select')
    from pg_catalog.pg_class as c where c.oid = to_regclass(%s)
"""
_PUBLICATION = """
    select to_jsonb(p), concat_ws(
            ':', p.oid, p.xmin,
            (select concat(r.oid, '.', r.xmin) from pg_catalog.pg_publication_rel as r
                where r.prpubid = p.oid and r.prrelid = %s),
            {schemas}
        ),
        (
            select to_jsonb(t) from pg_catalog.pg_publication_tables as t
            inner join pg_catalog.pg_class as c on t.tablename = c.relname
            inner join pg_catalog.pg_namespace as n on t.schemaname = n.nspname and c.relnamespace = n.oid
            where t.pubname = p.pubname and c.oid = %s
        )
    from pg_catalog.pg_publication as p where p.pubname = %s
"""
_SCHEMAS = """
            (select concat(n.oid, '.', n.xmin) from pg_catalog.pg_publication_namespace as n
                inner join pg_catalog.pg_class as c on n.pnnspid = c.relnamespace
                where n.pnpubid = p.oid and c.oid = %s)
"""
_GENERATED = """
    select attname::text from pg_catalog.pg_attribute
    where attrelid = %s and attnum > 0 and not attisdropped and attgenerated <> '' order by attnum
"""
_PUBLISHES_SCHEMAS = 15_00_00
_LISTS_GENERATED = 18_00_00
"""From which version on the list of published columns has those computed by the server only where they are sent."""
_OPERATIONS = {"insert": "pubinsert", "update": "pubupdate", "delete": "pubdelete", "truncate": "pubtruncate"}


@dataclass(frozen=True)
class Published:
    """A table as its server publishes it.

    Attributes:
        system: Which server it is, as it calls itself; empty where it does not say.
        table: The oid of the table.
        publication: Differs when the publication was altered, or the table was taken out of it and put in again.
        columns: The columns that are published; None for all but `generated`.
        generated: Columns that the server computes, which are not in the log.
        condition: Which rows are published, in SQL; empty for all.
    """

    system: str
    table: int
    publication: str
    columns: tuple[str, ...] | None
    generated: tuple[str, ...]
    condition: str

    def has(self, column: str) -> bool:
        """Whether a column's values are in the log."""
        return column not in self.generated and (self.columns is None or column in self.columns)


def published(connection: psycopg.Connection, feed: TableFeed, *, is_new: bool) -> Published:
    """Look at everything that a feed of changes needs of its server.

    Args:
        connection: To the server.
        feed: The feed.
        is_new: Whether its slot is still to be made.

    Raises:
        Permanent: Something is missing; says all of it, and what to do.
    """
    with_server = _server_problems(connection, is_new)
    with_table, table = _table_problems(connection, feed)
    with_publication, publication = _publication_problems(connection, feed, table, is_new)
    problems = [*with_server, *with_table, *with_publication]
    if problems or publication is None:
        raise Permanent(f"feed {feed.source}: {'; '.join(problems)}")
    identity, known = publication
    generated = tuple(name for (name,) in connection.execute(_GENERATED, [table]).fetchall())
    listed = known.get("attnames")
    if listed is not None and connection.info.server_version < _LISTS_GENERATED:
        listed = [name for name in listed if name not in generated]
    elif listed is not None:
        generated = tuple(name for name in generated if name not in listed)
    columns = None if listed is None else tuple(map(str, listed))
    seen = Published(_system(connection), table, identity, columns, generated, str(known.get("rowfilter") or ""))
    if hidden := [name for name in feed.key if not seen.has(name)]:
        raise Permanent(
            f"feed {feed.source}: the key of the contract has {', '.join(hidden)}, which publication "
            f"{feed.publication} does not publish; publish it, or choose another key"
        )
    return seen


def _system(connection: psycopg.Connection) -> str:
    """Which server it is; empty where its host keeps that to itself."""
    from psycopg.errors import InsufficientPrivilege, UndefinedFunction  # noqa: PLC0415 - an extra

    try:
        row = connection.execute("select system_identifier::text from pg_control_system()").fetchone()
    except (InsufficientPrivilege, UndefinedFunction):
        return ""
    return str(row[0]) if row else ""


def _server_problems(connection: psycopg.Connection, is_new: bool) -> list[str]:
    row = connection.execute(_SERVER).fetchone()
    assert row is not None  # noqa: S101 - a server has one state
    level, is_standby, role, may_replicate, most, slots = row
    problems = []
    if level != "logical":
        problems.append(f"the server has wal_level = {level}: alter system set wal_level = 'logical', and restart it")
    if is_standby:
        problems.append("the server is a standby; read the primary")
    if not may_replicate:
        problems.append(f"the role of the url may not read the log: alter role {quoted(role)} replication")
    if is_new and slots >= most:
        problems.append(f"all {most} slots of the server are taken: raise max_replication_slots, or drop one")
    return problems


def _table_problems(connection: psycopg.Connection, feed: TableFeed) -> tuple[list[str], int]:
    shown, name = ".".join(feed.table), feed.table_sql
    row = connection.execute(_TABLE, [name]).fetchone()
    if row is None:
        return [
            f"there is no table {shown} in the database of the url, or its schema may not be used; write its name as "
            "the server has it, upper and lower case too, or grant `usage` on the schema"
        ], 0
    oid, kind, persistence, identity, has_children, identified_by, may_read = row
    if kind not in "rp":
        return [f"{shown} is no table, and only tables have their changes in the log: `mode: whole` reads it"], oid
    problems = []
    if persistence != "p":
        problems.append(f"{shown} is unlogged, so its changes are not in the log: alter table {name} set logged")
    if kind == "r" and has_children:
        problems.append(f"{shown} has tables that inherit from it, which are published as others: feed each by itself")
    if not may_read:
        problems.append(f"the role of the url may not read {shown}: grant select on {name}")
    key = ", ".join(feed.key)
    if identity == "n" or (identity != "f" and not identified_by):
        problems.append(
            f"{shown} has no replica identity, so its updates and deletes say of no row that they are of: give it a "
            f"primary key ({key}), or alter table {name} replica identity full"
        )
    elif identity != "f" and not set(feed.key) <= set(identified_by):
        problems.append(
            f"the key of the contract is ({key}), and deletes of {shown} say ({', '.join(identified_by)}) alone: make "
            f"that the key, or alter table {name} replica identity full"
        )
    return problems, oid


def _publication_problems(
    connection: psycopg.Connection, feed: TableFeed, table: int, is_new: bool
) -> tuple[list[str], tuple[str, dict[str, Any]] | None]:
    """What is wrong with the publication, else what tells it from another and how it has the table."""
    name, shown = feed.publication, ".".join(feed.table)
    has_schemas = connection.info.server_version >= _PUBLISHES_SCHEMAS
    query = _PUBLICATION.format(schemas=_SCHEMAS if has_schemas else "%s::text")
    row = connection.execute(query.encode(), [table, table if has_schemas else None, table, name]).fetchone()
    loss = "" if is_new else f", and `assay feed reset {feed.source} --epoch`: what was not published is not in the log"
    if row is None:
        create = f"create publication {quoted(name)} for table {feed.table_sql}"
        is_parted = _is_parted(connection, table)
        return [f"there is no publication {name}: {create}{_BY_ROOT if is_parted else ''}{loss}"], None
    declared, identity, known = row
    alter = f"alter publication {quoted(name)}"
    left_out = [operation for operation, flag in _OPERATIONS.items() if not declared[flag]]
    if left_out:
        return [
            f"publication {name} leaves out {' and '.join(left_out)}: {alter} set (publish = "
            f"{literal(', '.join(_OPERATIONS))}){loss}"
        ], None
    if known is None and table and not declared["puballtables"] and not _is_parted(connection, table):
        return [f"publication {name} does not have {shown}: {alter} add table {feed.table_sql}{loss}"], None
    if known is None:
        return [
            f"publication {name} does not publish the partitions of {shown} as that table: "
            f"{alter} set (publish_via_partition_root = true), having it itself{loss}"
        ] if table else [], None
    return [], (identity, known)


_BY_ROOT = " with (publish_via_partition_root = true)"


def _is_parted(connection: psycopg.Connection, table: int) -> bool:
    row = connection.execute("select relkind = 'p' from pg_catalog.pg_class where oid = %s", [table]).fetchone()
    return bool(row and row[0])
