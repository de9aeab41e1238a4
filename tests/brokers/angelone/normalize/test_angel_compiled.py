"""The compiled decoder and the one in Python give the same tick, or the same error, for anything."""

from __future__ import annotations

import gc
import struct
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angelone.normalize import TWIN, AngelDecoder
from engine.errors import WireError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.market import Tick
from engine.model.tokens import TokenRow
from engine.ports import Decoder

if why := TWIN.why_not():
    pytest.skip(f"the compiled decoder is not here: {why}", allow_module_level=True)

from brokers.angelone.normalize import compiled

AT = 1_689_225_333_250_000_000
TIME_MS = 1_689_225_333_000
LENGTHS = {1: 51, 2: 123, 3: 379}
EXPIRY = date(2026, 8, 25)
LISTED = (
    ("41735", Segment.NSE_FO, Kind.OPTION, "NIFTY"),
    ("58662", Segment.NSE_FO, Kind.FUTURE, "NIFTY"),
    ("1594", Segment.NSE_CM, Kind.EQUITY, "INFY"),
    ("99926000", Segment.NSE_CM, Kind.INDEX, "NIFTY"),
    ("1151", Segment.CDE_FO, Kind.FUTURE, "USDINR"),
)
CATALOGUE = Catalogue.of(
    InstrumentFacts(
        segment=segment,
        kind=kind,
        underlying=underlying,
        expiry=EXPIRY if kind in (Kind.OPTION, Kind.FUTURE) else None,
        strike=Decimal(19500) if kind is Kind.OPTION else None,
        right=Right.CALL if kind is Kind.OPTION else None,
    )
    for _, segment, kind, underlying in LISTED
)
TOKENS = [
    TokenRow(segment, token, instrument.key)
    for (token, segment, _, _), instrument in zip(LISTED, CATALOGUE, strict=True)
]
Read = Callable[..., Any]


class Twins(NamedTuple):
    """The decoder in Python, and a compiled one over another like it: they learn apart."""

    python: AngelDecoder
    below: AngelDecoder
    compiled: Decoder

    def agree_on(self, *arguments: Any, **named: Any) -> Any:
        """Read with both; return what both answered."""
        answer = answer_of(self.python.tick, *arguments, **named)
        assert answer_of(self.compiled.tick, *arguments, **named) == answer
        return answer

    def know_the_same(self) -> bool:
        return knowledge(self.python) == knowledge(self.below)


def twins() -> Twins:
    python, below = (AngelDecoder(CATALOGUE, TOKENS, "angel") for _ in range(2))
    return Twins(python, below, below.compiled(compiled.CompiledDecoder))


def knowledge(decoder: AngelDecoder) -> tuple[Any, ...]:
    return decoder._ltp, decoder._quote, decoder._snap, decoder._aliases


def answer_of(read: Read, *arguments: Any, **named: Any) -> Any:
    """What came back, down to types and bits; or what was raised, down to its words."""
    try:
        made = read(*arguments, **named)
    except (WireError, TypeError, ValueError, BufferError) as error:
        return type(error), str(error)
    if made is None:
        return None
    assert type(made) is Tick
    return tuple(exact(getattr(made, name)) for name in Tick.__struct_fields__)


def exact(value: object) -> object:
    if isinstance(value, Instrument):
        return value
    return type(value), struct.pack("<d", value) if isinstance(value, float) else value


def row(flag: int, quantity: int, price: int) -> bytes:
    return struct.pack("<hqqh", flag, quantity, price, 1)


def plain(mode: int = 3, exchange: int = 2, token: bytes = b"41735", last: int = 10_000) -> bytes:
    """A packet with everything there, put together by hand from the document's table."""
    whole = (
        struct.pack("<BB25sqqq", mode, exchange, token, 7, TIME_MS, last)
        + struct.pack("<qqqddqqqq", 75, 9_990, 1500, 5e5, 4e5, 9_900, 10_100, 9_800, 9_850)
        + struct.pack("<qqq", 1_689_225_333, 2_246_775, -1)
        + b"".join(row(1, 75 + n, 9_995 - 5 * n) for n in range(5))
        + b"".join(row(0, 50 + n, 10_005 + 5 * n) for n in range(5))
        + struct.pack("<qqqq", 20_000, 5, 30_000, 0)
    )
    return whole[: LENGTHS[mode]]


KEYS = [(2, b"41735"), (2, b"58662"), (1, b"1594"), (1, b"99926000"), (13, b"1151")]
NO_KEYS = [(2, b"41736"), (1, b"41735"), (6, b"1594"), (2, b""), (2, b"\xff"), (2, b"4" * 25)]
GARBAGE = [(2, b"41735\0x"), (1, b"1594\0" + b"\xff" * 20), (1, b"99926000\0\0\1"), (2, b"\0004")]

# Numbers at which something changes: absent, signed, exact as a double, whole as 64 bits.
EDGES = sorted(
    {
        sign * base + step
        for base in (0, 100, 2**31, 2**53, 2**63 // 10**6, 2**63 - 1)
        for step in (-1, 0, 1)
        for sign in (-1, 1)
        if -(2**63) <= sign * base + step < 2**63
    }
    | {-(2**63)}
)
NUMBERS = st.sampled_from(EDGES) | st.integers(-(2**63), 2**63 - 1) | st.integers(1, 10**9)
# Where each number of a SNAP_QUOTE packet stands, and each flag.
NUMBERS_AT = [35, 43, 51, 59, 67, 91, 99, 107, 115, 131]
NUMBERS_AT += [147 + 20 * n + part for n in range(10) for part in (2, 10)]
FLAGS_AT = [147 + 20 * n for n in range(10)]


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Anything: from a whole packet to one with changed numbers, flags, bytes, key and length."""
    mode = draw(st.sampled_from([1, 2, 3]))
    exchange, token = draw(st.sampled_from(KEYS * 3 + NO_KEYS + GARBAGE))
    frame = bytearray(plain(mode, exchange, token))
    for at, number in draw(st.lists(st.tuples(st.sampled_from(NUMBERS_AT), NUMBERS), max_size=4)):
        if at + 8 <= len(frame):
            struct.pack_into("<q", frame, at, number)
    flags = st.tuples(st.sampled_from(FLAGS_AT), st.integers(-2, 2) | st.just(256))
    for at, flag in draw(st.lists(flags, max_size=2)):
        if at + 2 <= len(frame):
            struct.pack_into("<h", frame, at, flag)
    noise = st.tuples(st.integers(0, 378), st.binary(min_size=1, max_size=30))
    for at, some in draw(st.lists(noise, max_size=1)):
        if at < len(frame):
            frame[at : at + len(some)] = some[: len(frame) - at]
    tail = draw(st.sampled_from([b"", b"", b"", b"\0", b"{}"]))
    return bytes(frame[: draw(st.sampled_from([379, 379, 379, 123, 51, 50, 0]))]) + tail


OPEN_AT = 91
DAY_AT = {59: "average_price", OPEN_AT: "open", 99: "high", 107: "low", 115: "previous_close"}
DAY_AT[131] = "open_interest"


def changed(frame: bytes, at: int, number: int) -> bytes:
    """Return a frame with another number at a place."""
    return frame[:at] + struct.pack("<q", number) + frame[at + 8 :]


@given(st.lists(frames(), max_size=12))
def test_both_answer_alike_and_learn_alike_frame_after_frame(sequence: Sequence[bytes]) -> None:
    pair = twins()
    for frame in sequence + sequence:
        pair.agree_on(frame, AT)
    assert pair.know_the_same()


@given(st.binary(max_size=500))
def test_both_answer_alike_to_random_bytes(frame: bytes) -> None:
    answer = BOTH.agree_on(frame, AT)
    assert answer is None or answer[0] is WireError


BOTH = twins()


@pytest.mark.parametrize("length", range(501))
def test_both_answer_alike_at_every_length(length: int) -> None:
    for mode in LENGTHS:
        whole = plain(mode)
        for fill in (b"\0", b"\1", b"}"):
            BOTH.agree_on((whole + fill * 500)[:length], AT)
    for same in (b"", b"\0", b"pong", b"{", b"\1", b"\3"):
        BOTH.agree_on((same * 500)[:length], AT)


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_both_answer_alike_whatever_one_byte_becomes(mode: int) -> None:
    whole = plain(mode)
    for at in range(len(whole)):
        for value in (0, 1, 2, 127, 128, 255):
            BOTH.agree_on(whole[:at] + bytes([value]) + whole[at + 1 :], AT)


@pytest.mark.parametrize("mode", [1, 2, 3])
@pytest.mark.parametrize("number", EDGES)
def test_both_answer_alike_to_every_edge_in_every_field(mode: int, number: int) -> None:
    for exchange, token in KEYS:
        whole = plain(mode, exchange, token)
        for at in NUMBERS_AT:
            if at + 8 <= len(whole):
                BOTH.agree_on(changed(whole, at, number), AT)


@pytest.mark.parametrize("flag", [-1, 2, 256, 257, 511])
def test_both_answer_alike_to_any_flag_in_any_two_rows(flag: int) -> None:
    other = struct.pack("<h", flag)
    for one in FLAGS_AT:
        for two in FLAGS_AT:
            frame = bytearray(plain(3))
            frame[one : one + 2] = other
            frame[two : two + 2] = b"\0\0"
            BOTH.agree_on(bytes(frame), AT)


@pytest.mark.parametrize(("exchange", "token"), KEYS + NO_KEYS + GARBAGE)
def test_both_answer_alike_to_every_mode_exchange_and_token(exchange: int, token: bytes) -> None:
    pair = twins()
    for length in LENGTHS.values():
        for mode in (0, 1, 2, 3, 4, 255):
            frame = bytes([mode]) + plain(3, exchange, token)[1:length]
            for _ in range(3):
                pair.agree_on(frame, AT)
    assert pair.know_the_same()


def test_both_give_the_same_for_the_published_packets(golden: Any) -> None:
    for frame, _ in golden.values():
        assert BOTH.agree_on(frame, AT) is not None


def test_the_twin_makes_the_plain_ones_itself_and_asks_about_the_rest() -> None:
    asked = []

    class Watched(AngelDecoder):
        __slots__ = ()

        def tick(self, frame: bytes, received_at: int) -> Tick | None:
            asked.append(frame)
            return super().tick(frame, received_at)

    twin = Watched(CATALOGUE, TOKENS, "angel").compiled(compiled.CompiledDecoder)
    for mode in LENGTHS:
        assert twin.tick(plain(mode), AT) is not None
    assert asked == []
    assert twin.tick(plain(1, last=0), AT) is None
    alias = plain(2, token=b"41735\0x")
    assert twin.tick(alias, AT) == twin.tick(alias, AT)
    assert asked == [plain(1, last=0), alias]


@pytest.mark.parametrize(
    "as_other",
    [
        bytearray,
        memoryview,
        lambda frame: memoryview(frame).cast("B", (1, len(frame))),
        lambda frame: memoryview(frame + frame)[::2],
        type("Frame", (bytes,), {}),
        lambda frame: frame.decode("latin-1"),
        list,
        lambda _: None,
        lambda _: 51,
    ],
)
def test_both_answer_alike_to_what_is_not_bytes(as_other: Callable[[bytes], object]) -> None:
    for mode in LENGTHS:
        for whole in (plain(mode), plain(mode, last=0), plain(mode, token=b"0"), b"\0" * 51):
            BOTH.agree_on(as_other(whole), AT)


@pytest.mark.parametrize("arguments", [(), (plain(),), (plain(), AT, 1)])
def test_both_answer_alike_to_wrong_arguments(arguments: tuple[Any, ...]) -> None:
    kind, _ = BOTH.agree_on(*arguments)
    assert kind is TypeError


def test_both_take_arguments_by_name() -> None:
    assert BOTH.agree_on(received_at=AT, frame=plain()) == BOTH.agree_on(plain(), AT)
    assert BOTH.agree_on(plain(), received_at=AT) == BOTH.agree_on(plain(), AT)
    assert BOTH.agree_on(plain(), AT, frame=plain())[0] is TypeError
    depths = [
        read(received_at=AT, frame=plain()) for read in (BOTH.python.depth, BOTH.compiled.depth)
    ]
    assert depths[0] == depths[1] is not None


def test_the_time_of_reception_is_handed_on_as_it_is() -> None:
    at = 2**80
    tick = BOTH.compiled.tick(plain(), at)
    assert tick is not None
    assert tick.received_at is at


@pytest.mark.parametrize("paise", [1, 5, 7, 33, 9_995, 2_565_035, 2**53 - 1, 2**53, 2**53 + 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_price_is_the_nearest_double(paise: int, sign: int) -> None:
    tick = BOTH.compiled.tick(plain(1, last=sign * paise), AT)
    assert tick is not None
    assert tick.last == float(Decimal(sign * paise) / 100)


def test_a_decoder_has_no_other_makers() -> None:
    with pytest.raises(TypeError):
        compiled.CompiledDecoder()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        type("Mine", (compiled.CompiledDecoder,), {})
    with pytest.raises(TypeError):
        compiled.CompiledDecoder(BOTH.python, Tick, "angel", [], {}, {})  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        compiled.CompiledDecoder(object(), Tick, "angel", {}, {}, {})  # type: ignore[arg-type]


def test_an_error_of_the_maker_comes_through() -> None:
    def refuse(*_: object) -> Tick:
        raise MemoryError

    known = knowledge(BOTH.python)[:3]
    twin = compiled.CompiledDecoder(BOTH.python, refuse, "angel", *known)  # type: ignore[arg-type]
    with pytest.raises(MemoryError):
        twin.tick(plain(), AT)


WAYS = (
    *(plain(mode) for mode in LENGTHS),
    *(plain(mode, last=0) for mode in LENGTHS),
    *(plain(mode, token=b"41736") for mode in LENGTHS),
    *(plain(mode, 1, b"99926000") for mode in LENGTHS),
    plain(1, last=2**62),
    b"pong",
    b"",
)


def read_all(decoder: Decoder, times: int) -> None:
    for _ in range(times):
        for frame in WAYS:
            try:
                decoder.tick(frame, AT)
            except WireError:
                continue


def test_no_way_through_it_keeps_a_reference() -> None:
    pair = twins()
    read_all(pair.compiled, 50)
    held = (*CATALOGUE, Tick, None, AT, pair.below, *WAYS)
    before = [sys.getrefcount(thing) for thing in held]
    read_all(pair.compiled, 200)
    grown = [sys.getrefcount(t) - n for t, n in zip(held, before, strict=True)]
    # Whatever else runs may hold None and Tick a few times more; a leak would be hundreds.
    assert all(abs(more) < 20 for more in grown), grown


def test_no_way_through_it_keeps_memory() -> None:
    pair = twins()
    read_all(pair.compiled, 50)
    tracemalloc.start()
    try:
        read_all(pair.compiled, 50)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        read_all(pair.compiled, 300)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 300 ways times 16 kinds of frame: one lost float each would be 100 kB.
    assert after - before < 10_000


def test_it_goes_with_all_it_held() -> None:
    instrument = CATALOGUE.by_key(TOKENS[0].key)
    before = sys.getrefcount(instrument)
    pair = twins()
    assert pair.compiled.tick(plain(), AT) is not None
    assert sys.getrefcount(instrument) > before
    del pair
    gc.collect()
    assert sys.getrefcount(instrument) == before


def test_more_instruments_than_it_has_slots_are_told_apart() -> None:
    count = 20_000
    facts = [
        InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying=f"E{n}")
        for n in range(count)
    ]
    catalogue = Catalogue.of(facts)
    rows = [TokenRow(Segment.NSE_CM, str(n + 1), fact.key) for n, fact in enumerate(facts)]
    twin = AngelDecoder(catalogue, rows, "angel").compiled(compiled.CompiledDecoder)
    for _ in range(2):
        for number, fact in enumerate(facts):
            frame = changed(plain(2, 1, str(number + 1).encode()), OPEN_AT, 100 * (number + 1))
            tick = twin.tick(frame, AT)
            assert tick is not None
            assert (tick.instrument.key, tick.open) == (fact.key, number + 1)


def test_a_number_of_the_day_is_made_anew_only_when_it_is_another() -> None:
    frame, other = plain(3), plain(3, 2, b"58662")
    read = twins().compiled.tick
    first, again, apart = read(frame, AT), read(frame, AT), read(other, AT)
    for at, name in DAY_AT.items():
        held = getattr(first, name)
        assert getattr(again, name) is held
        assert getattr(apart, name) is not held
        for _ in range(2):
            tick = read(changed(frame, at, 12_345), AT)
            assert getattr(tick, name) == (12_345 if name == "open_interest" else 123.45)
        back = read(frame, AT)
        assert getattr(back, name) == held
