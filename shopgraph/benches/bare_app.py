"""The reference: FastAPI answering a small JSON object, nothing else."""

import os

import orjson
import uvicorn
from fastapi import FastAPI, Response

app = FastAPI()


@app.get("/{path:path}")
async def answer(path: str) -> Response:
    """The least that a route can do."""
    return Response(orjson.dumps({"path": path}), media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["SHOPGRAPH_API__PORT"]),
        access_log=False,
        log_level="warning",
    )
