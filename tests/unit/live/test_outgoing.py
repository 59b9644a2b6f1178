"""The queue of one socket: no reply is lost or overtaken, and a viewer who is behind gets one snapshot."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.live.outgoing import Ended, Outgoing, Overrun

LIMIT = 4


async def sent_by(outgoing: Outgoing) -> list[str | None]:
    """What the writer sends until nothing more comes; None is a snapshot."""
    sent: list[str | None] = []
    outgoing.end()
    while True:
        try:
            frame = await outgoing.next()
        except Ended:
            return sent
        assert not isinstance(frame, bytes)
        sent.append(frame)


@given(actions=st.lists(st.sampled_from(["reply", "room", "lapse", "take"]), max_size=60))
def test_replies_keep_their_order_and_none_is_lost_and_what_the_room_lost_is_followed_by_a_snapshot(
    actions: list[str],
) -> None:
    async def scenario() -> None:
        outgoing = Outgoing(LIMIT)
        told: list[str] = []
        shown: list[str] = []
        taken: list[str | None] = []
        waiting_replies = 0
        for number, action in enumerate(actions):
            if action == "reply" and waiting_replies < LIMIT:
                told.append(f"reply {number}")
                outgoing.tell(told[-1])
                waiting_replies += 1
            elif action == "room":
                shown.append(f"room {number}")
                outgoing.show(shown[-1])
            elif action == "lapse":
                outgoing.lapse()
            elif action == "take":
                try:
                    async with asyncio.timeout(0):
                        frame = await outgoing.next()
                except TimeoutError:
                    continue
                assert not isinstance(frame, bytes)
                taken.append(frame)
                waiting_replies -= frame is not None and frame.startswith("reply")
        sent = taken + await sent_by(outgoing)
        assert [frame for frame in sent if frame is not None and frame.startswith("reply")] == told
        of_room = [frame for frame in sent if frame is None or frame.startswith("room")]
        in_order = iter(shown)
        assert all(frame in in_order for frame in of_room if frame is not None)
        # Every frame of the room arrives, or a snapshot that is made after it does.
        for number, frame in enumerate(shown):
            later = set(shown[number:])
            assert frame in of_room or None in of_room
            if frame not in of_room:
                assert not any(one in later for one in of_room[: of_room.index(None)])
        assert len(sent) == len(set(sent) - {None}) + sent.count(None)

    asyncio.run(scenario())


async def test_a_slow_viewer_gets_one_snapshot_for_all_that_it_missed() -> None:
    outgoing = Outgoing(LIMIT)
    outgoing.tell("before")
    for number in range(50):
        outgoing.show(f"room {number}")
    outgoing.tell("after")
    assert await sent_by(outgoing) == ["before", "after", None]


async def test_frames_after_the_snapshot_are_shown_again() -> None:
    outgoing = Outgoing(LIMIT)
    outgoing.lapse()
    assert await outgoing.next() is None
    outgoing.show("room")
    assert await outgoing.next() == "room"


async def test_frames_of_the_room_take_no_space_from_replies() -> None:
    outgoing = Outgoing(LIMIT)
    for number in range(LIMIT):
        outgoing.show(f"room {number}")
        outgoing.tell(f"reply {number}")
    assert len(await sent_by(outgoing)) == 2 * LIMIT


async def test_a_viewer_who_does_not_take_its_replies_is_given_up() -> None:
    outgoing = Outgoing(LIMIT)
    for number in range(LIMIT + 1):
        outgoing.tell(f"reply {number}")
    with pytest.raises(Overrun):
        await outgoing.next()


async def test_the_writer_waits_for_the_next_frame() -> None:
    outgoing = Outgoing(LIMIT)
    waiting = asyncio.create_task(outgoing.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    outgoing.tell("reply")
    assert await waiting == "reply"


async def test_what_waits_is_sent_before_the_end() -> None:
    outgoing = Outgoing(LIMIT)
    outgoing.tell("bye")
    outgoing.end()
    assert await outgoing.next() == "bye"
    with pytest.raises(Ended):
        await outgoing.next()
