"""What receiving alone costs: frames are read and dropped. Says so each time it has had as many as it was told."""

from __future__ import annotations

import argparse

import uvloop
from websockets.asyncio.client import connect


async def _run(url: str, marks: list[int]) -> None:
    async with connect(url, compression=None, ping_interval=None, max_queue=256) as socket:
        frames = 0
        for mark in marks:
            while frames < mark:
                await socket.recv(decode=False)
                frames += 1
            print(frames, flush=True)
        await socket.wait_closed()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("marks", type=int, nargs="+")
    options = parser.parse_args()
    uvloop.run(_run(options.url, options.marks))
