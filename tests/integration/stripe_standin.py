"""A stand-in for Stripe: what its API documents of PaymentIntents, Terminal readers and refunds, with its state kept.

It keeps idempotency keys as Stripe does: the same key gets the same answer, errors of the request itself included, and
is refused with other parameters. A customer stands before the readers: `taps` says what they do with their card as soon
as a reader asks. `faults` names the requests that go wrong: each is used up by one request.

Steps are ``create``, ``process``, ``stop``, ``cancel``, ``refund`` (POST), and ``intent``, ``reader`` (GET).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal
from urllib.parse import parse_qsl

import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from tests.integration.server import eventually

KEY = "sk_test_standin_51HxYzSecret"
READER = "tmr_lobby1"
Json = dict[str, Any]
Fault = Literal["lost", "500", "429", "409", "html", "killed before", "killed after"]
STEPS: list[tuple[str, str, str]] = [
    ("create", "POST", "/v1/payment_intents"),
    ("cancel", "POST", "/v1/payment_intents/([^/]+)/cancel"),
    ("intent", "GET", "/v1/payment_intents/([^/]+)"),
    ("process", "POST", "/v1/terminal/readers/([^/]+)/process_payment_intent"),
    ("stop", "POST", "/v1/terminal/readers/([^/]+)/cancel_action"),
    ("reader", "GET", "/v1/terminal/readers/([^/]+)"),
    ("refund", "POST", "/v1/refunds"),
]


class Refusal(Exception):
    """An error as Stripe answers it."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


class StripeStandIn:
    """Stripe, and the customer with the card."""

    def __init__(self) -> None:
        self.url = ""
        self.intents: dict[str, Json] = {}
        self.readers: dict[str, Json] = {READER: {"id": READER, "status": "online", "action": None}}
        self.charges: Counter[str] = Counter()
        self.refunds: Counter[str] = Counter()
        self.taps: Literal["card", "bad card", "nothing"] = "nothing"
        self.faults: dict[str, Fault] = {}
        self.happened: list[str] = []
        """The steps that were asked for, and the faults that were used up."""
        self.victim: int | None = None
        """The process that is killed by a fault."""
        self._answers: dict[str, tuple[str, int, Json]] = {}

    # ------------------------------------------------------------ what tests ask

    def money(self, booking_id: object) -> tuple[int, int]:
        """How often a card was charged for this booking, and how often that was given back."""
        mine = [one["id"] for one in self.intents.values() if one["metadata"]["booking"] == str(booking_id)]
        return sum(self.charges[one] for one in mine), sum(self.refunds[one] for one in mine)

    def tap(self, taps: Literal["card", "bad card"] = "card") -> None:
        """The customer holds a card to the first reader. Nothing happens unless it asks for one."""
        reader = self.readers[READER]
        action = reader["action"]
        if action is None or action["status"] != "in_progress":
            return
        intent = self.intents[action["process_payment_intent"]["payment_intent"]]
        if taps == "card" and intent["status"] == "requires_payment_method":
            intent["status"] = "succeeded"
            self.charges[intent["id"]] += 1
            action["status"] = "succeeded"
        else:
            action.update(status="failed", failure_code="card_declined")

    # ------------------------------------------------------------ HTTP

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        request = Request(scope, receive)
        step, id = self._step(request)
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        key = request.headers.get("idempotency-key", "")
        self.happened.append(step)
        fault = self.faults.pop(step, None)
        if fault is not None:
            self.happened.append(f"{step} {fault}")
        if fault == "killed before":
            return self._kill()
        if fault == "html":
            return await _respond(send, 502, b"<html>Bad Gateway</html>", "text/html")
        if fault in ("429", "409"):
            code = "rate_limit" if fault == "429" else "idempotency_key_in_use"
            status, answer = int(fault), _error(Refusal(int(fault), code))
        else:
            refusal = Refusal(500, "api_error") if fault == "500" else None
            status, answer = self._once(request, step, id, form, key, refusal)
        if fault == "killed after":
            return self._kill()
        if fault == "lost":
            return await _break_off(send)
        await _respond(send, status, json.dumps(answer).encode(), "application/json")

    def _kill(self) -> None:
        assert self.victim is not None
        os.kill(self.victim, signal.SIGKILL)
        raise ConnectionAbortedError("nobody is there to be answered")

    def _step(self, request: Request) -> tuple[str, str]:
        for step, method, path in STEPS:
            found = re.fullmatch(path, request.url.path)
            if method == request.method and found:
                return step, found[1] if found.re.groups else ""
        raise AssertionError(f"Stripe documents no {request.method} {request.url.path}")

    def _once(
        self, request: Request, step: str, id: str, form: dict[str, str], key: str, refusal: Refusal | None
    ) -> tuple[int, Json]:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return 401, _error(Refusal(401, "api_key_invalid", "Invalid API Key provided: sk_test_****cret"))
        if request.method == "GET":
            return (500, _error(refusal)) if refusal else self._answer(step, id, form)
        assert key, "every POST has an idempotency key"
        asked = json.dumps([request.url.path, sorted(form.items())])
        if key in self._answers:
            before, status, answer = self._answers[key]
            if before != asked:
                return 400, _error(Refusal(400, "idempotency_error"))
            return status, answer
        status, answer = (500, _error(refusal)) if refusal else self._answer(step, id, form)
        self._answers[key] = (asked, status, json.loads(json.dumps(answer)))
        return status, answer

    def _answer(self, step: str, id: str, form: dict[str, str]) -> tuple[int, Json]:
        try:
            return 200, getattr(self, f"_{step}")(id, form)
        except Refusal as refusal:
            return refusal.status, _error(refusal)

    # ------------------------------------------------------------ what Stripe does

    def _create(self, _: str, form: dict[str, str]) -> Json:
        assert form["payment_method_types[]"] == "card_present" and form["capture_method"] == "automatic"
        if int(form["amount"]) < 50:
            raise Refusal(400, "amount_too_small")
        intent: Json = {
            "id": f"pi_{len(self.intents) + 1}",
            "amount": int(form["amount"]),
            "currency": form["currency"],
            "status": "requires_payment_method",
            "metadata": {"booking": form["metadata[booking]"]},
        }
        self.intents[intent["id"]] = intent
        return intent

    def _intent(self, id: str, _: dict[str, str]) -> Json:
        if id not in self.intents:
            raise Refusal(404, "resource_missing")
        return self.intents[id]

    def _cancel(self, id: str, form: dict[str, str]) -> Json:
        intent = self._intent(id, form)
        if intent["status"] != "requires_payment_method":
            raise Refusal(400, "payment_intent_unexpected_state")
        intent["status"] = "canceled"
        return intent

    def _reader(self, id: str, _: dict[str, str]) -> Json:
        if id not in self.readers:
            raise Refusal(404, "resource_missing")
        return self.readers[id]

    def _process(self, id: str, form: dict[str, str]) -> Json:
        reader, intent = self._reader(id, form), self._intent(form["payment_intent"], form)
        if reader["status"] != "online":
            raise Refusal(400, "terminal_reader_offline")
        if reader["action"] is not None and reader["action"]["status"] == "in_progress":
            raise Refusal(400, "terminal_reader_busy")
        if intent["status"] != "requires_payment_method":
            raise Refusal(400, "payment_intent_unexpected_state")
        action = {"type": "process_payment_intent", "status": "in_progress", "failure_code": None}
        reader["action"] = {**action, "process_payment_intent": {"payment_intent": intent["id"]}}
        answer: Json = json.loads(json.dumps(reader))
        if self.taps != "nothing":
            self.tap(self.taps)
        return answer

    def _stop(self, id: str, form: dict[str, str]) -> Json:
        reader = self._reader(id, form)
        if reader["status"] != "online":
            raise Refusal(400, "terminal_reader_offline")
        reader["action"] = None
        return reader

    def _refund(self, _: str, form: dict[str, str]) -> Json:
        intent = self._intent(form["payment_intent"], form)
        if self.charges[intent["id"]] <= self.refunds[intent["id"]]:
            raise Refusal(400, "charge_already_refunded")
        self.refunds[intent["id"]] += 1
        return {"id": f"re_{intent['id']}", "status": "succeeded"}


def _error(refusal: Refusal) -> Json:
    return {"error": {"type": "invalid_request_error", "code": refusal.code, "message": refusal.message}}


async def _respond(send: Send, status: int, body: bytes, kind: str) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _break_off(send: Send) -> None:
    """Close the connection in the middle of the answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise ConnectionAbortedError("the answer is lost")


@asynccontextmanager
async def stripe_standin() -> AsyncIterator[StripeStandIn]:
    """A stand-in that listens on a port of its own."""
    stripe = StripeStandIn()
    config = uvicorn.Config(stripe, host="127.0.0.1", port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started, "the stand-in to listen")
        port = server.servers[0].sockets[0].getsockname()[1]
        stripe.url = f"http://127.0.0.1:{port}"
        yield stripe
    finally:
        server.should_exit = True
        await task
