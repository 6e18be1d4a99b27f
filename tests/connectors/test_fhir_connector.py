"""Records on a FHIR R4 server: found, created once, changed over nobody, put back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from fhir_server import FhirServer
from joserfc import jwt
from joserfc.jwk import RSAKey
from loopback import Heard, serving_at
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kernel.scenarios.house import OPERATOR, begin, ended, serving
from ripieno import Context, Function, Workflow
from ripieno.connectors.rest.errors import InDoubtError, RefusedCallError
from ripieno.connectors.systems.fhir import BackendServices, Fhir
from ripieno.kernel.rollback import roll_back
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.errors import AuthenticationError, ToolError

DORA = {"resourceType": "Patient", "name": [{"family": "Winter"}]}


@asynccontextmanager
async def records(**options: Any) -> AsyncGenerator[tuple[Fhir, FhirServer, Heard]]:
    server = FhirServer()
    heard = Heard(server)
    async with serving_at(heard.app) as url:
        yield Fhir("records", f"{url}/fhir", **options), server, heard


def patients(server: FhirServer, count: int) -> None:
    for number in range(count):
        server.put({**DORA, "id": f"p{number}"})


async def test_a_search_reads_page_by_page_and_stands_in_no_address() -> None:
    async with records() as (fhir, server, heard):
        patients(server, 5)
        search = fhir.tool("search")
        found = await search(resource_type="Patient", parameters={"name": "Winter", "_count": "2"})
        assert [one["id"] for one in found.resources] == ["p0", "p1", "p2", "p3", "p4"]
        assert (found.total, found.more) == (5, False)
        some = await search(resource_type="Patient", parameters={"name": "Winter"}, limit=3)
        assert [one["id"] for one in some.resources] == ["p0", "p1", "p2"]
        assert some.more
        assert not any("Winter" in asked for asked in heard.asked)
        assert search.data == ("phi",)


async def test_a_search_whose_pages_never_end_does() -> None:
    def again(request: Request, _: bytes) -> Response:
        included = {"resource": DORA, "search": {"mode": "include"}}
        link = {"relation": "next", "url": str(request.url)}
        return JSONResponse({"resourceType": "Bundle", "link": [link], "entry": [included]})

    heard = Heard(again)
    async with serving_at(heard.app) as url:
        with pytest.raises(ToolError, match="gave 100 pages and had more"):
            await Fhir("records", f"{url}/fhir").tool("search")(resource_type="Patient", parameters={})
    assert len(heard.requests) == 100


async def test_a_search_that_the_server_does_not_understand_is_no_answer_about_everybody() -> None:
    async with records() as (fhir, server, _):
        patients(server, 3)
        with pytest.raises(RefusedCallError, match="unknown search parameter 'nmae'"):
            await fhir.tool("search")(resource_type="Patient", parameters={"nmae": "Winter"})


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [("Patient/1", "a", "type of FHIR resource"), ("Patient", "../Practitioner", "a FHIR id")],
)
async def test_nothing_leads_elsewhere(kind: str, name: str, said: str) -> None:
    async with records() as (fhir, _, heard):
        with pytest.raises(ToolError, match=said):
            await fhir.tool("read_resource")(resource_type=kind, resource_id=name)
        assert heard.requests == []


async def test_a_creation_in_doubt_is_found_by_its_mark_and_taken_back(tmp_path: Path) -> None:
    async with records() as (fhir, server, heard):
        server.fails_after = 1
        create = fhir.tool("create_resource")

        async def admit(context: Context) -> Any:
            return await context.use(create, resource=DORA)

        workflow = Workflow("admission", Function(admit, name="admit", pure=True))
        async with serving(tmp_path, workflow) as host:
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            assert outcome.output["id"] == "patient-1"
            assert outcome.output["existed"]
            assert heard.asked == ["POST /fhir/Patient", "POST /fhir/Patient/_search"]
            assert len(server.standing("Patient")) == 1
            row = await roll_back(host.store, host.clock, await host.store.run(run), by=OPERATOR, reason="no")
            host.ring()
            await ended(host, row.id)
        assert server.standing("Patient") == []


async def test_an_update_is_written_over_nobodys_change_and_put_back(tmp_path: Path) -> None:
    async with records() as (fhir, server, heard):
        patients(server, 1)
        update = fhir.tool("update_resource")
        read = server.now("Patient", "p0") or {}

        async def correct(context: Context) -> Any:
            return await context.use(update, resource={**read, "gender": "female"})

        workflow = Workflow("correction", Function(correct, name="correct", pure=True))
        async with serving(tmp_path, workflow) as host:
            server.fails_after = 1  # after it has written: found in the history
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            assert (outcome.output["version"], outcome.output["before"]["name"]) == ("2", DORA["name"])
            assert sum(asked.startswith("PUT") for asked in heard.asked) == 1
            with pytest.raises(ToolError, match="is at version '2' by now, '1' was read"):
                await update(resource={**read, "gender": "male"})
            assert (server.now("Patient", "p0") or {})["gender"] == "female"
            row = await roll_back(host.store, host.clock, await host.store.run(run), by=OPERATOR, reason="no")
            host.ring()
            await ended(host, row.id)
        assert "gender" not in (server.now("Patient", "p0") or {"gender": 0})


async def test_what_somebody_else_has_changed_since_is_not_put_back() -> None:
    async with records() as (fhir, server, _):
        patients(server, 1)
        read = server.now("Patient", "p0") or {}
        change = await fhir.tool("update_resource")(resource={**read, "gender": "female"})
        server.put({**read, "gender": "other"})
        with pytest.raises(ToolError, match="is at version '3' by now, '2' was read"):
            await fhir.tool("restore_resource")(before=change.before, version=change.version)
        assert (server.now("Patient", "p0") or {})["gender"] == "other"


async def test_a_deletion_says_what_was_read_and_is_put_back() -> None:
    async with records() as (fhir, server, _):
        patients(server, 1)
        delete = fhir.tool("delete_resource")
        with pytest.raises(ToolError, match="read it again"):
            await delete(resource_type="Patient", resource_id="p0", version="7")
        change = await delete(resource_type="Patient", resource_id="p0", version="1")
        assert server.standing("Patient") == []
        with pytest.raises(RefusedCallError, match=r"answers 410: .*Patient/p0 is not there"):
            await delete(resource_type="Patient", resource_id="p0", version="1")
        await fhir.tool("restore_resource")(before=change.before)
        assert len(server.standing("Patient")) == 1


async def test_a_read_before_a_write_that_fails_leaves_nothing_in_doubt() -> None:
    def failing(request: Request, body: bytes) -> Response:
        del body
        return Response(status_code=500 if request.method == "GET" else 200)

    heard = Heard(failing)
    async with serving_at(heard.app) as url:
        fhir = Fhir("records", url)
        with pytest.raises(ToolError, match="records answers 500"):
            await fhir.tool("update_resource")(resource={**DORA, "id": "p0", "meta": {"versionId": "1"}})
        with pytest.raises(InDoubtError):
            await fhir.tool("read_resource")(resource_type="Patient", resource_id="p0")
        assert all(asked.startswith("GET") for asked in heard.asked)


async def test_several_are_created_together_or_none_and_once() -> None:
    async with records() as (fhir, server, _):
        together = fhir.tool("create_together")
        key = "0f8fad5b-d9cb-469f-a165-70867728950e"
        told = {"resourceType": "Condition", "subject": {"reference": f"urn:uuid:{key}"}}
        made = await together(resources=[{**DORA, "id": key}, told])
        assert [(one.type, one.version, one.existed) for one in made] == [
            ("Patient", "1", False),
            ("Condition", "1", False),
        ]
        again = await together(resources=[DORA, told])
        assert [one.id for one in again] != [one.id for one in made]  # another call
        with pytest.raises(RefusedCallError, match="one of the resources does not hold"):
            await together(resources=[DORA, {**told, "status": "wrong"}])
        assert len(server.standing("Patient")) == 2
        with pytest.raises(ToolError, match="is a UUID"):
            await together(resources=[{**DORA, "id": "dora"}])


async def test_a_record_is_read_whole_and_its_versions_are_told() -> None:
    async with records() as (fhir, server, _):
        patients(server, 1)
        for number in range(4):
            server.put({"resourceType": "Condition", "id": f"c{number}"})
        whole = await fhir.tool("record_of")(patient="p0")
        assert [one["id"] for one in whole.resources] == ["p0", "c0", "c1", "c2", "c3"]
        server.put({**DORA, "id": "p0", "gender": "female"})
        versions = await fhir.tool("versions_of")(resource_type="Patient", resource_id="p0")
        assert [one["meta"]["versionId"] for one in versions.resources] == ["2", "1"]
        assert await fhir.tool("capabilities")() == {"Patient": ["read", "update"]}


async def test_a_server_of_another_release_and_an_answer_that_is_no_resource_are_said() -> None:
    def other(request: Request, body: bytes) -> Response:
        del body
        return JSONResponse({"fhirVersion": "5.0.0", "resourceType": "Device", "path": request.url.path})

    async with serving_at(Heard(other).app) as url:
        fhir = Fhir("records", url)
        with pytest.raises(ToolError, match=r"FHIR R4 \(4\.0\.x\), it says '5\.0\.0'"):
            await fhir.tool("capabilities")()
        with pytest.raises(InDoubtError, match="expected a Patient"):
            await fhir.tool("read_resource")(resource_type="Patient", resource_id="p0")
        with pytest.raises(InDoubtError, match="expected a Bundle"):
            await fhir.tool("search")(resource_type="Patient", parameters={})


async def test_a_service_is_known_by_what_it_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    key = RSAKey.generate_key(2048)
    monkeypatch.setenv("FHIR_KEY", key.as_pem(private=True).decode())
    SECRETS.forget()
    asked: list[dict[str, list[str]]] = []

    def tokens(request: Request, body: bytes) -> Response:
        assert request.url.path == "/token"
        asked.append(parse_qs(body.decode()))
        return JSONResponse({"access_token": "a-token-of-the-server", "expires_in": 300})

    async with serving_at(Heard(tokens).app) as issuer:
        auth = BackendServices(
            f"{issuer}/token", "ripieno", "secret://env/FHIR_KEY", scope="system/Patient.rs", key_id="k1"
        )
        async with records(auth=auth) as (fhir, server, _):
            server.token = "a-token-of-the-server"  # noqa: S105 - that of this server
            patients(server, 1)
            read = fhir.tool("read_resource")
            for _turn in range(2):
                assert (await read(resource_type="Patient", resource_id="p0"))["id"] == "p0"
        said = jwt.decode(asked[0]["client_assertion"][0], key, algorithms=["RS384"])
        assert (said.claims["iss"], said.claims["aud"], said.header["kid"]) == (
            "ripieno",
            f"{issuer}/token",
            "k1",
        )
        assert said.claims["exp"] - said.claims["iat"] <= 300
        assert len(asked) == 1
        monkeypatch.setenv("FHIR_KEY", "no key at all")
        SECRETS.forget()
        async with records(auth=auth) as (fhir, _, _):
            with pytest.raises(AuthenticationError, match="is no private key for RS384"):
                await fhir.tool("read_resource")(resource_type="Patient", resource_id="p0")
