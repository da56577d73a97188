"""What Dagster recorded of many assets at once."""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg
import sqlalchemy as sql

# Dagster asks for the tags of one asset's partitions at a time (`get_latest_tags_by_partition`), over new connections:
# 3 ms for each of the thousand assets that a recipe may have. This is its query, for all of them.
from dagster._core.storage.event_log.schema import AssetEventTagsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from acc_assets.assets.launched import VERSION_TAG

AT_ONCE = 500  # assets in one query; a database takes so many parameters and no more


def recorded_versions(
    instance: dg.DagsterInstance, keys: Collection[dg.AssetKey]
) -> dict[tuple[dg.AssetKey, int | None], str]:
    """The data version of the latest materialization, by asset and seed (None for what has no seed).

    Raises `TypeError` for an instance whose event log is in no SQL database; all of open-source Dagster's are.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(
            f"the instance keeps its events in {type(storage).__name__}; needed is an SQL database, such as SQLite or "
            "PostgreSQL: set `storage` in dagster.yaml"
        )
    asked = list(keys)
    found: dict[tuple[dg.AssetKey, int | None], str] = {}
    for start in range(0, len(asked), AT_ONCE):
        found |= _latest(storage, asked[start : start + AT_ONCE])
    return found


def _latest(
    storage: SqlEventLogStorage, keys: list[dg.AssetKey]
) -> dict[tuple[dg.AssetKey, int | None], str]:
    events, tags = SqlEventLogStorageTable.c, AssetEventTagsTable.c
    by_name = {key.to_string(): key for key in keys}
    latest = (
        sql.select(events.asset_key, events.partition, sql.func.max(events.id).label("id"))
        .where(events.asset_key.in_(list(by_name)))
        .where(events.dagster_event_type == dg.DagsterEventType.ASSET_MATERIALIZATION.value)
        .group_by(events.asset_key, events.partition)
    )
    kept = storage._add_assets_wipe_filter_to_query(
        latest, storage._get_assets_details(keys), keys
    ).subquery()
    query = sql.select(kept.c.asset_key, kept.c.partition, tags.value).join(
        AssetEventTagsTable, tags.event_id == kept.c.id
    )
    with storage.index_connection() as connection:
        rows = connection.execute(query.where(tags.key == VERSION_TAG)).all()
    return {
        (by_name[name], None if seed is None else int(seed)): version
        for name, seed, version in rows
        if seed is None or seed.isdecimal()
    }
