"""An ASGI application that answers where vLLM does: /health and /metrics."""

METRICS = b"""\
vllm:num_requests_running{model_name="m",engine="0"} 0
vllm:num_requests_waiting{model_name="m",engine="0"} 0
vllm:generation_tokens_total{model_name="m",engine="0"} 7
"""


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            happened = (await receive())["type"]
            await send({"type": f"{happened}.complete"})
            if happened == "lifespan.shutdown":
                return
    body = {"/health": b"", "/metrics": METRICS}.get(scope["path"])
    status = 404 if body is None else 200
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body or b""})
