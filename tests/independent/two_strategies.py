"""What the straddle and the condor do, from what their parameters say of themselves."""

from __future__ import annotations

from typing import NamedTuple

from tests.independent.chain_day import (
    AFTER,
    BEFORE,
    BUY,
    SELL,
    ChainDay,
    Contract,
    Fill,
    Moment,
    minute_of,
)

CONDOR_WATCHES = 12
"""Strikes each side of the money, whose frames the condor hears."""


class Straddle(NamedTuple):
    """The parameters of the YAML, and whether somebody else watches its legs beforehand."""

    enter_at: str
    leave_at: str
    last_entry_at: str
    stop_pct: int
    reentries_max: int = 1
    legs_are_watched: bool = True

    def fills(self, day: ChainDay) -> list[list[Fill]]:
        """Return the fills of each straddle of the day."""
        leave = minute_of(self.leave_at)
        asked = Moment(minute_of(self.enter_at), BEFORE)
        done = []
        for _ in range(1 + self.reentries_max):
            strike = day.at_the_money(asked)
            legs = (Contract(strike, "CE"), Contract(strike, "PE"))
            sent = asked
            if not self.legs_are_watched:
                # They have a price from their next frames on: of this minute, or of the next.
                sent = Moment(asked.minute + (asked.seen == AFTER), AFTER)
            entered = [day.entered(leg, SELL, sent) for leg in legs]
            left_at = Moment(leave, BEFORE)
            premium = sum(fill.paise for fill in entered)
            for moment in day.frames(legs, sent.minute + 1, leave):
                if day.loss(entered, moment) * 100 >= self.stop_pct * premium:
                    left_at = moment
                    break
            done.append([*entered, *(day.left(leg, BUY, left_at) for leg in legs)])
            # Five minutes after a stop, and milliseconds: the frames of that minute are in.
            asked = Moment(left_at.minute + 5, AFTER)
            if left_at.minute == leave or asked.minute >= minute_of(self.last_entry_at):
                break
        return done


class Condor(NamedTuple):
    """The parameters of the YAML."""

    enter_at: str
    leave_at: str
    short_delta: float = 0.20
    wing_strikes: int = 4
    take_profit_pct: int = 50
    stop_pct: int = 100

    def fills(self, day: ChainDay) -> list[list[Fill]]:
        """Return the fills of the condor: wings in first, and out last."""
        leave = minute_of(self.leave_at)
        asked = Moment(minute_of(self.enter_at), BEFORE)
        call, put = (day.by_delta(self.short_delta, right, asked) for right in ("CE", "PE"))
        wings = [day.further(option, self.wing_strikes) for option in (call, put)]
        heard = self._heard(day, asked)
        # A wing too far out to be watched has a price from its next frame on.
        unheard = [wing for wing in wings if wing not in heard]
        sent = Moment(asked.minute, max(unheard, default=BEFORE))
        bought = [day.entered(wing, BUY, sent) for wing in wings]
        # When the wings are there, so is every frame of the minute.
        then = Moment(asked.minute, AFTER)
        sold = [day.entered(option, SELL, then, decided=sent) for option in (call, put)]
        entered = [*bought, *sold]
        credit = -sum(fill.side * fill.paise for fill in entered)
        left_at = Moment(leave, BEFORE)
        for moment in day.frames({*heard, *wings}, asked.minute + 1, leave):
            lost = day.loss(entered, moment) * 100
            if lost >= self.stop_pct * credit or -lost >= self.take_profit_pct * credit:
                left_at = moment
                break
        back = [day.left(option, BUY, left_at) for option in (call, put)]
        out = [day.left(wing, SELL, Moment(left_at.minute, AFTER)) for wing in wings]
        return [[*entered, *back, *out]]

    def _heard(self, day: ChainDay, asked: Moment) -> set[Contract]:
        """Return the options that are watched: so many strikes around the money, as it moves.

        The money is looked at again every minute, and what is watched once stays watched.
        """
        heard = set()
        for minute in range(min(day.spot), asked.minute):
            middle = day.strikes.index(day.at_the_money(Moment(minute, AFTER)))
            near = day.strikes[middle - CONDOR_WATCHES : middle + CONDOR_WATCHES + 1]
            heard |= {Contract(strike, right) for strike in near for right in ("CE", "PE")}
        return heard & set(day.prints)
