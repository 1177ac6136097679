"""What a user may say about a data file: `DataConfig` and `RepairsConfig`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from regimen.arrow import data_errors
from regimen.bars.calendar import CalendarName
from regimen.errors import ConfigError
from regimen.reprs import short_config
from regimen.settings import validated
from regimen.spans import bar_span, span

if TYPE_CHECKING:
    from regimen.bars.bars import Bars

MEMORY = "memory"
"""The path of bars that are in no file."""
_OF_FILES = ("path", "sample", "member", "header", "delimiter")
_STRICT = ConfigDict(frozen=True, extra="forbid")


class RepairsConfig(BaseModel):
    """What may be done to faulty rows. By default nothing: the faults that matter refuse the data."""

    model_config = _STRICT

    sort: bool = Field(default=False, description="Put the rows of each symbol in the order of time.")
    duplicates: Literal["refuse", "keep_first", "keep_last", "drop"] = Field(
        default="refuse",
        description="Rows with the same symbol and time: which of them stays; drop removes them all.",
    )
    nan_rows: Literal["refuse", "drop"] = Field(default="refuse", description="Rows with a missing price.")
    nonpositive: Literal["refuse", "drop"] = Field(default="refuse", description="Rows with a price of zero or below.")
    ohlc: Literal["refuse", "widen", "drop"] = Field(
        default="refuse",
        description="Rows whose high or low does not contain open and close: widen moves them there.",
    )
    negative_volume: Literal["refuse", "nan"] = Field(
        default="refuse", description="Rows with a volume below zero, or an infinite one."
    )
    swapped_volume: Literal["refuse", "swap", "keep"] = Field(
        default="refuse", description="Rows whose base and quote volume are swapped."
    )
    splits: Literal["refuse", "adjust", "keep"] = Field(
        default="refuse",
        description="Jumps like splits: adjust puts them into the column adjustment, keep leaves them as they are.",
    )
    jumps: Literal["refuse", "keep"] = Field(
        default="refuse",
        description="Jumps between two bars that no hole, trading or split explains; keep says that they are real.",
    )
    bad_ticks: Literal["refuse", "drop", "keep"] = Field(
        default="refuse", description="Rows whose price leaves the rows beside them and is back within a few."
    )
    wide_ranges: Literal["keep", "narrow"] = Field(
        default="keep",
        description="Bars whose high or low is far outside: narrow moves both to open and close.",
    )
    relisted: Literal["refuse", "cut_before", "cut_after", "keep"] = Field(
        default="refuse",
        description="Another asset under the same name after a hole: cut_before keeps what follows the hole.",
    )
    flat_weekends: Literal["keep", "drop"] = Field(
        default="keep", description="Rows of weekends that a feed fills with its last price, without a volume."
    )
    unfinished_last: Literal["keep", "drop"] = Field(default="keep", description="A last bar that looks unfinished.")


def _zone_as_text(value: object) -> object:
    """Returns a zone as it was written: YAML 1.1 reads an unquoted -05:00 as a number to the base 60, here minutes."""
    if isinstance(value, int) and not isinstance(value, bool) and 60 <= abs(value) <= 14 * 60:
        return f"{'-' if value < 0 else '+'}{abs(value) // 60:02d}:{abs(value) % 60:02d}"
    return value


def _existing_zone(value: str) -> str:
    """Returns a zone that exists; raises `ValueError` for another."""
    if re.fullmatch(r"[+-]\d{1,2}:?\d{2}", value):
        return value
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.assume_timezone(pa.scalar(0, pa.timestamp("ns")), value)
    except data_errors():
        raise ValueError("must be an IANA name such as America/New_York or an offset such as -05:00") from None
    return value


Zone = Annotated[str, BeforeValidator(_zone_as_text), AfterValidator(_existing_zone)]
"""An IANA name, or an offset from UTC such as ``-05:00``."""


class ExtraFile(BaseModel):
    """A second file whose values are joined to the bars as an extra column."""

    model_config = _STRICT

    path: str = Field(description="The file: a time, one value, and a symbol for panels.")
    column: str | None = Field(default=None, description="The value's column; needed when the file has several.")
    delay: str = Field(default="0s", description="How long after its stamp a value becomes known, such as 1d.")
    scale: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="Values are multiplied by this; 0.01 for rates in percent.",
    )
    zone: Zone | None = Field(default=None, description="Clock of stamps that name no zone, as data.zone.")
    decimal: Literal[".", ","] = Field(default=".", description="The decimal mark of a text file, as data.decimal.")

    @field_validator("delay")
    @classmethod
    def _delay_is_a_span(cls, value: str) -> str:
        if value != "0s":
            span(value, "data.extras.delay")
        return value


class DataConfig(BaseModel):
    """Where bars come from and how their file is to be understood; or bars that are in memory, see `of_bars`."""

    model_config = _STRICT

    _bars: Bars | None = PrivateAttr(None)

    path: str | None = Field(
        default=None,
        description="The file: CSV, TXT, Parquet, Feather or JSON, plain or in gz, zip, tar.gz; "
        "or a folder or a pattern (prices/*.csv) of one file for each symbol.",
    )
    sample: Literal["sp500", "nasdaq"] | None = Field(default=None, description="A bundled series instead of a path.")
    member: str | None = Field(default=None, description="Which file of an archive that holds several.")
    symbols: tuple[str, ...] | None = Field(
        default=None,
        description="Which symbols of a panel to keep; for a file without symbols, the name of its one symbol.",
    )
    columns: tuple[str, ...] | dict[str, str] | None = Field(
        default=None,
        description="Names for the columns in file order (headerless files), or a mapping from a role "
        "(time, clock, symbol, open, high, low, close, volume, or an extra's name) to a column of the file.",
    )
    volume_column: str | None = Field(
        default=None, description="Which column is the volume in base units; 'none' for no volume."
    )
    keep: tuple[str, ...] = Field(default=(), description="Further numeric columns of the file to keep as extras.")
    header: bool | None = Field(default=None, description="Whether the first row of a text file names the columns.")
    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="What separates the cells of a text file."
    )
    decimal: Literal[".", ","] = Field(default=".", description="The decimal mark of a text file.")
    layout: Literal["long", "wide"] = Field(default="long", description="wide: one column of closes for each symbol.")
    close_only: bool = Field(
        default=False,
        description="Build bars from closes alone: open is the previous close, high and low span the two.",
    )
    time_format: str | None = Field(default=None, description="strptime format of the time, such as %d%m%y.")
    time_unit: Literal["s", "ms", "us", "ns", "ms_of_day"] | None = Field(
        default=None, description="Unit of a numeric time; ms_of_day needs data.date."
    )
    zone: Zone | None = Field(
        default=None, description="Clock of stamps that name no zone: an IANA name or an offset like -05:00."
    )
    day_first: bool | None = Field(default=None, description="Whether 02/03/2010 is the second of March.")
    date: str | None = Field(default=None, description="The day (ISO) of stamps that hold only a time of day.")
    stamp: Literal["start", "end"] = Field(
        default="start", description="Whether the stamps mark the start or the end of a bar."
    )
    price_scale: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="Prices are multiplied by this; 0.0001 for LEAN."
    )
    calendar: CalendarName | None = Field(
        default=None, description="The trading calendar; read off the stamps unless given."
    )
    bar_length: str | None = Field(
        default=None, description="Span of one bar, such as 1h; the most frequent step unless given."
    )
    periods_per_year: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Bars a year, which annualise; counted over the data's length on the clock unless given.",
    )
    start: str | None = Field(default=None, description="First time to keep (ISO, UTC).")
    end: str | None = Field(default=None, description="Time to stop before (ISO, UTC).")
    vault: str | None = Field(
        default=None,
        exclude_if=lambda span: span is None,  # a config without one is written, and hashed, as before there were any
        description="The last span, such as 1y, that nothing reads until `regimen vault open` spends its one look.",
    )
    resample: str | None = Field(default=None, description="Longer bars to build, such as 4h or 1d.")
    repairs: RepairsConfig = Field(default=RepairsConfig(), description="What may be done to faulty rows.")
    extras: dict[str, ExtraFile] = Field(
        default={}, description="Extra columns from other files, such as funding_rate."
    )
    adjust: str | None = Field(
        default=None,
        description="Where the column adjustment comes from: adj_close, or the path of a LEAN factor file.",
    )

    @field_validator("bar_length", "resample")
    @classmethod
    def _is_a_span(cls, value: str | None) -> str | None:
        if value is not None:
            bar_span(value, "data.bar_length or data.resample")
        return value

    @field_validator("vault")
    @classmethod
    def _is_any_span(cls, value: str | None) -> str | None:
        if value is not None:
            span(value, "data.vault")
        return value

    @field_validator("symbols", "keep", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("date", "start", "end", mode="before")
    @classmethod
    def _dates_as_text(cls, value: object) -> object:
        return value if value is None or isinstance(value, str) else str(value)

    @field_validator("extras", mode="before")
    @classmethod
    def _paths_as_files(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: {"path": file} if isinstance(file, str) else file for name, file in value.items()}

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if (self.path is None) == (self.sample is None):
            raise ConfigError("data.path/data.sample", "exactly one of them must be given", (self.path, self.sample))
        return self

    def __repr__(self) -> str:
        return short_config(self)

    @classmethod
    def of(cls, **options: Any) -> DataConfig:
        """Builds a config and turns the first violation into one line.

        Raises:
            ConfigError: a key that does not exist, or a value that breaks its rule.
        """
        return validated(cls, options, "data.")

    @classmethod
    def in_memory(cls, **options: Any) -> Self:
        """Builds the config of data that are in memory: of all options but those that only files have.

        Raises:
            ConfigError: an option does not exist, is one of files, or breaks its rule.
        """
        for name in _OF_FILES:
            if name in options:
                rule = "is an option of files, and these data are in memory: leave it out"
                raise ConfigError(f"data.{name}", rule, options[name])
        return validated(cls, {"path": MEMORY, **options}, "data.")

    @classmethod
    def of_bars(cls, bars: Bars, **options: Any) -> Self:
        """Builds the config of bars that are in memory; a run that starts with it keeps them in a file of its own.

        They pass the checks that their file would pass, with the repairs of the options.

        Raises:
            ConfigError: an option does not exist, is one of files, or breaks its rule.
        """
        config = cls.in_memory(**options)
        config._bars = bars
        return config

    @property
    def bars(self) -> Bars | None:
        """The bars in memory that it was made of; None where there is a file."""
        return self._bars

    def on_file(self, path: str) -> Self:
        """Returns the same config of a file that holds the bars, as `Bars.write` wrote it."""
        config = self.model_copy(update={"path": path})
        config._bars = None
        return config
