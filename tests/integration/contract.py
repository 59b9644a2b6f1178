"""Compares REST answers with the OpenAPI document. An answer that it does not describe fails the test that got it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import httpx
import jsonschema

from seatserver.api.openapi import openapi


@cache
def _document() -> dict[str, Any]:
    """The document; to write it takes longer than most requests."""
    return openapi()


class Contract:
    """Knows the document; ``seen`` are the (method, path, status) that came by."""

    def __init__(self) -> None:
        self.document = _document()
        self.seen: set[tuple[str, str, int]] = set()

    async def check(self, response: httpx.Response) -> None:
        """For httpx's ``response`` event hook."""
        await response.aread()
        path, operation = self._operation(response.request)
        if operation is None:
            assert response.status_code in (404, 405), f"undocumented: {response.request.method} {path}"
            self._check_problem(response)
            return
        method, status = response.request.method, response.status_code
        documented = operation["responses"].get(str(status))
        assert documented is not None, f"{method} {path} answered an undocumented {status}: {response.text}"
        self.seen.add((method, path, status))
        content = documented.get("content")
        if content is None:
            assert not response.content, f"{method} {path} {status} has an undocumented body"
            return
        media_type = response.headers["content-type"].partition(";")[0]
        assert media_type in content, f"{method} {path} {status} is {media_type}, documented are {list(content)}"
        if media_type.endswith("json"):
            self.validate(response.json(), content[media_type]["schema"])
        if media_type == "application/problem+json":
            self._check_problem(response)

    def validate(self, value: Any, schema: dict[str, Any]) -> None:
        """Raise when ``value`` is not of the schema, whose references lead into the document."""
        whole = {**schema, "components": self.document["components"]}
        jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(value)

    def _check_problem(self, response: httpx.Response) -> None:
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        self.validate(problem, {"$ref": "#/components/schemas/Problem"})
        assert problem["status"] == response.status_code
        assert ("retry-after" in response.headers) == problem["retryable"]

    def _operation(self, request: httpx.Request) -> tuple[str, dict[str, Any] | None]:
        for path, item in self.document["paths"].items():
            if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.url.path):
                return path, item.get(request.method.lower())
        return request.url.path, None
