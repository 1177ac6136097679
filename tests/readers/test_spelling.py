"""Options in messages, as keyword arguments."""

from __future__ import annotations

import pytest

from regimen.readers.spelling import columns_option, keywords


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data.zone", "zone"),
        ("set data.time_unit or data.time_format", "set time_unit or time_format"),
        ("data.repairs.sort=true accepts it", "repairs={'sort': True} accepts it"),
        ("data.layout=wide data.close_only=true reads that", "layout='wide' close_only=True reads that"),
        (
            "data.repairs.relisted=cut_before|cut_after accepts it",
            "repairs={'relisted': 'cut_before' or 'cut_after'} accepts it",
        ),
        ("data.adjust=... or data.repairs.splits=adjust", "adjust=... or repairs={'splits': 'adjust'}"),
        ("(data.decimal=',' if the comma marks the decimals)", "(decimal=',' if the comma marks the decimals)"),
        ("HistData: data.zone=-05:00)", "HistData: zone='-05:00')"),
        ("set data.repairs.duplicates", "set repairs={'duplicates': ...}"),
        (f"{columns_option({'time': 'Datum'})} names them", "columns={'time': 'Datum'} names them"),
        ("data.extras.funding_rate.scale=0.01", "data.extras.funding_rate.scale=0.01"),
        ("set data.price_scale (0.0001 for LEAN)", "set price_scale (0.0001 for LEAN)"),
        ("metadata.zone=1 stays", "metadata.zone=1 stays"),
    ],
)
def test_options_become_keyword_arguments(text: str, expected: str) -> None:
    assert keywords(text) == expected
