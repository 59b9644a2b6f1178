"""Every endpoint is complete. Whoever adds one and forgets a place learns here which, and in which file."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import msgspec
import pytest
from starlette.responses import Response

import seatserver.api.resources
from seatserver.api.interface import ENDPOINTS, EXAMPLES, RESOURCES
from seatserver.api.openapi import TAGS, openapi
from seatserver.api.shared.endpoint import PREFIX, Call, Endpoint, Resource
from seatserver.api.shared.fields import PATH_PARAMETERS, Document
from seatserver.api.shared.requests import is_raw
from tests.integration.rest.resources import TESTED_IN, name_of

ROOT = Path(__file__).parents[3]
REST_TESTS = "tests/integration/rest"
CASES = [pytest.param(resource, one, id=one.name) for resource in RESOURCES for one in resource.endpoints]


def file_of(resource: Resource) -> str:
    return resource.module.replace(".", "/") + ".py"


def test_every_resource_is_listed_in_the_interface() -> None:
    found = {
        module.RESOURCE.module
        for info in pkgutil.walk_packages(seatserver.api.resources.__path__, "seatserver.api.resources.")
        if hasattr(module := importlib.import_module(info.name), "RESOURCE")
    }
    listed = {resource.module for resource in RESOURCES}
    assert found == listed, f"add to RESOURCES in seatserver/api/interface.py: {', '.join(sorted(found - listed))}"


@pytest.mark.parametrize(("resource", "endpoint"), CASES)
def test_every_endpoint_is_summed_up_by_its_docstring(resource: Resource, endpoint: Endpoint) -> None:
    assert endpoint.summary.endswith("."), f"write a docstring for {endpoint.name} in {file_of(resource)}"
    assert len(endpoint.summary) <= 120, f"shorten the docstring of {endpoint.name} in {file_of(resource)}"


@pytest.mark.parametrize(("resource", "endpoint"), CASES)
def test_every_request_and_answer_has_an_example(resource: Resource, endpoint: Endpoint) -> None:
    types = {kind for kind in (endpoint.body, endpoint.answer) if isinstance(kind, type) and issubclass(kind, Document)}
    missing = ", ".join(kind.__name__ for kind in types - EXAMPLES.keys())
    assert not missing, f"add an example of {missing} to the examples in {file_of(resource)}"


@pytest.mark.parametrize(("resource", "endpoint"), CASES)
def test_every_path_parameter_has_a_type(resource: Resource, endpoint: Endpoint) -> None:
    missing = set(re.findall(r"{(\w+)}", endpoint.path)) - PATH_PARAMETERS.keys()
    assert not missing, f"add {', '.join(missing)} to PATH_PARAMETERS in seatserver/api/shared/fields.py"


@pytest.mark.parametrize(("resource", "endpoint"), CASES)
def test_every_endpoint_has_a_known_tag(resource: Resource, endpoint: Endpoint) -> None:
    assert endpoint.tag in TAGS, f"describe the tag {endpoint.tag!r} in TAGS of seatserver/api/openapi.py"


def test_every_resource_is_tested_in_one_module() -> None:
    listed = [name for names in TESTED_IN.values() for name in names]
    missing = {name_of(resource) for resource in RESOURCES} - set(listed)
    assert not missing, f"add {', '.join(sorted(missing))} to TESTED_IN in {REST_TESTS}/resources.py"
    assert len(listed) == len(RESOURCES)
    for module in TESTED_IN:
        closing = "test_every_operation_succeeded_in_a_test_above"
        assert closing in (ROOT / REST_TESTS / f"{module}.py").read_text(encoding="utf-8"), f"{closing} in {module}"


@pytest.mark.parametrize(("resource", "endpoint"), CASES)
def test_every_endpoint_is_tested(resource: Resource, endpoint: Endpoint) -> None:
    words = [word for word in endpoint.path.removeprefix(PREFIX).split("/") if word and not word.startswith("{")]
    module = next(module for module, names in TESTED_IN.items() if name_of(resource) in names)
    tests = "".join((ROOT / REST_TESTS / f"{one}.py").read_text(encoding="utf-8") for one in (module, "conftest"))
    assert all(word in tests for word in words), f"test {endpoint.method} {endpoint.path} in {REST_TESTS}/{module}.py"


class Page(Document, frozen=True):
    """Nothing."""


async def test_a_declaration_gives_the_endpoint_its_name_summary_types_and_path() -> None:
    resource = Resource("some.module", tag="service", examples=())

    @resource.post("/things/{thing_id}", scope="admin", status=201)
    async def make_thing(call: Call, body: Page, query: Page) -> Page:
        """Make a thing,
        or another.

        This is for developers.
        """
        return body

    [endpoint] = resource.endpoints
    assert (endpoint.method, endpoint.path, endpoint.status) == ("POST", "/api/v1/things/{thing_id}", 201)
    assert (endpoint.name, endpoint.summary) == ("make_thing", "Make a thing, or another.")
    assert (endpoint.body, endpoint.query, endpoint.answer) == (Page, Page, Page)
    assert (endpoint.scope, endpoint.tag) == ("admin", "service")


def test_a_handler_with_its_own_response_must_declare_what_it_answers() -> None:
    resource = Resource("some.module", tag="service", examples=())

    async def draw(call: Call) -> Response:
        """Draw."""
        return Response()

    with pytest.raises(TypeError, match="draw returns a Response: declare the type of its answer"):
        resource.get("/drawing")(draw)


def test_operations_have_different_names() -> None:
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert len(set(names)) == len(names)


def test_no_two_endpoints_answer_the_same_method_of_a_path() -> None:
    answered = [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS]
    assert len(set(answered)) == len(answered)


def test_writes_need_a_token() -> None:
    changes_nothing = {"quote_tickets"}
    open_writes = [one.name for one in ENDPOINTS if one.method != "GET" and one.scope is None and not one.for_kiosks]
    # What is sent there is itself what proves who asks.
    proves_itself = {"exchange_token", "revoke_own_token"}
    proves_itself |= {one.name for one in ENDPOINTS if one.for_own_pages}
    assert set(open_writes) - changes_nothing == {"make_guest", "prove_guest", "renew_guest"} | proves_itself


def test_a_bookings_key_only_reads() -> None:
    document = openapi()
    by_key = [one for one in ENDPOINTS if one.takes_key]
    assert {one.name for one in by_key} == {"get_booking", "get_admission", "draw_admission", "get_calendar"}
    for one in by_key:
        operation = document["paths"][one.path][one.method.lower()]
        assert (one.method, operation["security"]) == ("GET", [{"bearer": []}, {"booking": []}])


def test_only_structs_texts_and_files_are_answers() -> None:
    for one in ENDPOINTS:
        assert one.answer is str or is_raw(one.answer) or issubclass(one.answer, msgspec.Struct), one.name
