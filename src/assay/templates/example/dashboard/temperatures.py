"""How warm the rooms are; a figure is a sentence and a query, and says by itself whether it can be relied on."""

from __future__ import annotations

from assay.page.dashboards import Board, dashboard


@dashboard("Temperatures")
def temperatures(board: Board) -> None:
    """One room, day by day, and all rooms on the last day."""
    room = board.choose("room", "Room", "select distinct room from gold.daily_temperatures order by room")
    board.chart(
        f"The highest temperature of {room}, day by day, and the lowest",
        "select measured_on as day, highest_celsius as highest, lowest_celsius as lowest "
        "from gold.daily_temperatures where room = $room order by measured_on",
        "°C",
        {"room": room},
    )
    board.table(
        "All rooms on the last day",
        "select room, readings, lowest_celsius, highest_celsius from gold.daily_temperatures "
        "where measured_on = (select max(measured_on) from gold.daily_temperatures) order by room",
    )
