"""Kept answers: never older than a change that was heard of, made once for all who wait, within their bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from liqgrid.api.answers import Answers, Made
from liqgrid.api.encode import to_json
from liqgrid.api.live import changes as module
from liqgrid.api.live.changes import PAGE_BYTES, TABLES, Changes
from liqgrid.api.reading import Reading, age_s, note_read, noting, tables_of
from liqgrid.sql import queries


class Source:
    """What answers are made of: ``value``, of a table; ``made`` counts."""

    def __init__(self) -> None:
        self.value = 0
        self.made = 0
        self.table = "bar"
        self.going = asyncio.Event()
        self.going.set()

    async def make(self, _reading: Reading) -> Made[str, str]:
        self.made += 1
        note_read([self.table])
        text = str(self.value)
        await self.going.wait()
        return Made(text, text, len(text))


@pytest.fixture
def changes() -> Changes:
    heard = Changes()
    heard.note_all()
    heard.heard(heard.now())
    return heard


def use(kept: str) -> str | None:
    return kept


Ask = Callable[[], Awaitable[str]]


def run(changes: Changes, test: Callable[[Source, Answers, Ask], Awaitable[None]], most_bytes: int = 1 << 20) -> None:
    async def inside() -> None:
        source, answers = Source(), Answers(changes, most_bytes)
        await test(source, answers, lambda: answers.serve("key", use, source.make))

    asyncio.run(inside())


def test_an_answer_is_made_once_until_one_of_its_tables_changes(changes: Changes) -> None:
    async def test(source: Source, answers: Answers, ask: Ask) -> None:
        assert [await ask(), await ask()] == ["0", "0"]
        assert source.made == 1
        source.value = 1
        changes.note("liquidation")
        assert await ask() == "0"
        changes.note("bar")
        assert await ask() == "1"
        source.value = 2
        changes.note("a table nobody knows")
        assert [await ask(), await ask()] == ["2", "2"]
        assert source.made == 3

    run(changes, test)


def test_nothing_is_given_again_while_nothing_is_heard_of(changes: Changes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(source: Source, answers: Answers, ask: Ask) -> None:
        await ask()
        changes.lost()
        source.value = 1
        assert await ask() == "1"
        changes.heard(changes.now())
        changes.note_all()  # as who connects again does: what was missed is not known
        source.value = 2
        assert [await ask(), await ask()] == ["2", "2"]
        monkeypatch.setattr(module, "HEARD_NS", 0)  # it was heard of too long ago
        source.value = 3
        assert await ask() == "3"

    run(changes, test)


def test_who_waits_shares_what_is_made_but_not_what_was_begun_before_a_change(changes: Changes) -> None:
    async def test(source: Source, answers: Answers, ask: Ask) -> None:
        source.going.clear()
        early = [asyncio.ensure_future(ask()) for _ in range(50)]
        await asyncio.sleep(0)
        assert source.made == 1
        source.value = 1
        changes.note("bar")
        late = [asyncio.ensure_future(ask()) for _ in range(50)]
        await asyncio.sleep(0)
        assert source.made == 2
        source.going.set()
        assert await asyncio.gather(*early) == ["0"] * 50
        assert await asyncio.gather(*late) == ["1"] * 50
        assert await ask() == "1"
        assert source.made == 2

    run(changes, test)


def test_what_changed_while_it_was_made_is_not_kept(changes: Changes) -> None:
    async def test(source: Source, answers: Answers, ask: Ask) -> None:
        source.going.clear()
        first = asyncio.ensure_future(ask())
        await asyncio.sleep(0)
        changes.note("bar")
        source.value = 1
        source.going.set()
        assert await first == "0"
        assert answers.bytes == 0
        assert await ask() == "1"

    run(changes, test)


def test_a_failure_is_nobody_elses(changes: Changes) -> None:
    async def test(source: Source, answers: Answers, ask: Ask) -> None:
        source.going.clear()

        async def fail(_reading: Reading) -> Made[str, str]:
            await source.going.wait()
            raise ZeroDivisionError

        first = asyncio.ensure_future(answers.serve("key", use, fail))
        await asyncio.sleep(0)
        others = [asyncio.ensure_future(ask()) for _ in range(3)]
        await asyncio.sleep(0)
        gone = asyncio.ensure_future(ask())
        await asyncio.sleep(0)
        gone.cancel()
        source.going.set()
        with pytest.raises(ZeroDivisionError):
            await first
        assert await asyncio.gather(*others) == ["0"] * 3

    run(changes, test)


@pytest.mark.parametrize("tables", [(), ("unknown",), ("bar", "unknown")])
def test_what_is_not_told_of_is_not_kept(changes: Changes, tables: tuple[str, ...]) -> None:
    async def test(source: Source, answers: Answers, ask: Ask) -> None:
        async def make(_reading: Reading) -> Made[str, str]:
            source.made += 1
            note_read(tables)
            return Made("", "", 0)

        for _ in range(2):
            await answers.serve("key", use, make)
        assert source.made == 2

    run(changes, test)


def test_bytes_are_bounded_and_the_least_used_go(changes: Changes) -> None:
    async def test(source: Source, answers: Answers, ask: Ask) -> None:
        async def make(_reading: Reading) -> Made[str, str]:
            source.made += 1
            note_read(["bar"])
            return Made("", "x", 99_000)

        for number in range(100):
            await answers.serve(number, use, make)
            await answers.serve(0, use, make)
            assert answers.bytes <= 1_000_000
        assert source.made == 100, "the first was used all the time"

        async def large(_reading: Reading) -> Made[str, str]:
            source.made += 1
            note_read(["bar"])
            return Made("", "x", 400_000)

        for _ in range(2):
            await answers.serve("large", use, large)
        assert source.made == 102
        await answers.serve(0, use, make)
        assert source.made == 102

    run(changes, test, 1_000_000)


def test_what_one_process_heard_all_of_them_know() -> None:
    page = memoryview(bytearray(PAGE_BYTES))
    one, other = Changes(page), Changes(page)
    for each in (one, other):
        each.heard(each.now())
    begun_ns = one.now()
    assert one.none_since(begun_ns)
    assert other.none_since(begun_ns)
    other.note("bar")
    assert not one.none_since(begun_ns, ["bar"])
    assert one.none_since(begun_ns, ["skill"])


def test_the_tables_of_a_query_are_told_by_its_text() -> None:
    api = queries("api")
    assert tables_of(api["is_simulated"]) == {"provenance"}
    assert tables_of(api["builds"]) >= {"build", "model"}
    for name in ("ping", "database_kind", "timescale_version", "venues", "queues", "job_failures", "schema_applied"):
        assert "unknown" in tables_of(api[name]), name
    assert "unknown" in tables_of("SELECT now(), ts FROM bar")
    assert tables_of("SELECT ts FROM bar -- not now()") == {"bar"}
    assert set().union(*map(tables_of, api.values())) - {"unknown"} <= set(TABLES)


def test_an_age_grows_after_its_answer_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 100.0)
    assert age_s(40_000) == 60.0
    with noting() as reading:
        text = to_json({"a": age_s(40_000), "b": [1, age_s(90_000)]})
    pieces, since_ms = reading.split(text)
    assert since_ms == [40_000, 90_000]
    assert pieces == [b'{"a":', b',"b":[1,', b"]}"]
    monkeypatch.setattr("time.time", lambda: 101.5)
    assert reading.with_ages(text) == b'{"a":61.5,"b":[1,11.5]}'
