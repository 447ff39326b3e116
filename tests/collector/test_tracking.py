"""Matomo's and Oro's tracking requests in every form real clients send."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import httpx
import pytest

from analytics.collector.answers import PIXEL
from tests.collector.conftest import Shop

PATHS = ("/matomo.php", "/piwik.php", "/tracking.php")
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
ORIGIN = {"Origin": "https://shop.example"}


@pytest.mark.shared
def test_requests_recorded_from_real_clients_are_kept_as_they_came(
    shared: Path, shop: Shop, client: httpx.Client
) -> None:
    with gzip.open(shared / "tracking" / "requests.jsonl.gz", "rt", encoding="utf-8") as lines:
        recorded = [json.loads(line) for line in lines]
    assert len(recorded) == 15
    for request in recorded:
        body = request["body"].encode() or None
        answer = client.request(request["method"], request["path"], headers=request["headers"], content=body)
        if request["body"].startswith("{"):
            tracked = len(json.loads(request["body"])["requests"])
            assert answer.json() == {"status": "success", "tracked": tracked, "invalid": 0, "invalid_indices": []}
        elif "send_image=0" in request["path"]:
            assert (answer.status_code, answer.content) == (204, b"")
        else:
            assert (answer.status_code, answer.content) == (200, PIXEL)
        if "Origin" in request["headers"]:
            assert answer.headers["access-control-allow-origin"] == request["headers"]["Origin"]
            assert answer.headers["access-control-allow-credentials"] == "true"
    hits = shop.hits()
    assert len(hits) == 15
    for request, hit in zip(recorded, hits, strict=True):
        path, _, query = request["path"].partition("?")
        assert (hit["m"], hit["p"], hit["q"]) == (request["method"], path, query)
        assert hit.get("b", "") == request["body"]
        assert hit["e"] == ("oro" if path == "/tracking.php" else "matomo")
        assert hit.get("ref") == request["headers"].get("Referer")
        assert "_pk_id" not in json.dumps(hit)  # cookies are not kept


@pytest.mark.parametrize("path", PATHS)
def test_all_forms_of_a_hit_are_taken(path: str, shop: Shop, client: httpx.Client) -> None:
    strings = json.dumps({"requests": ["?idsite=1&rec=1", "?idsite=1&rec=1&url=%2F"]})
    objects = json.dumps({"requests": [{"idsite": 1, "rec": 1}] * 3, "token_auth": "anonymous"})
    success = {"status": "success", "invalid": 0, "invalid_indices": []}
    assert client.get(f"{path}?idsite=1&rec=1").content == PIXEL
    assert client.post(f"{path}?idsite=1&rec=1&send_image=0").status_code == 204
    assert client.post(path, content="idsite=1&rec=1&action_name=%C3%9C", headers=FORM).content == PIXEL
    assert client.post(path, content="idsite=1&rec=1&send_image=0", headers=FORM).status_code == 204
    assert client.post(path, content=strings, headers=JSON).json() == {**success, "tracked": 2}
    assert client.post(path, content=strings, headers=FORM).json() == {**success, "tracked": 2}
    assert client.post(path, content=objects, headers=JSON).json() == {**success, "tracked": 3}
    assert client.head(f"{path}?idsite=1&rec=1").status_code == 200
    hits = shop.hits()
    assert [hit["m"] for hit in hits] == ["GET", *["POST"] * 6, "HEAD"]
    assert [hit.get("b") for hit in hits[2:7]] == [
        "idsite=1&rec=1&action_name=%C3%9C", "idsite=1&rec=1&send_image=0", strings, strings, objects,
    ]  # fmt: skip


def test_the_wish_for_no_image_is_a_parameter_of_its_own(client: httpx.Client) -> None:
    for query, status in {
        "a=1&send_image=0": 204, "send_image=0&a=1": 204, "send_image=1": 200, "xsend_image=0": 200,
        "send_image=00": 200, "url=%3Fsend_image=0": 200,
    }.items():  # fmt: skip
        assert client.get(f"/matomo.php?{query}").status_code == status, query


def test_what_holds_no_hit_is_refused_with_a_sentence_and_not_kept(shop: Shop, client: httpx.Client) -> None:
    for answer in (client.get("/matomo.php"), client.post("/matomo.php"), client.post("/matomo.php", content=" \n")):
        assert answer.status_code == 400 and "needs parameters" in answer.text
    for body in ("{", '{"requests": 5}', '{"a": 1}', '{"requests": ["?a=1"', '{"requests": ["\\ud800"', '{"x":' * 5000):
        answer = client.post("/matomo.php", content=body)
        assert answer.status_code == 400 and '{"requests": [...]}' in answer.text
    assert client.post("/matomo.php", content='{"requests": []}').json()["tracked"] == 0
    assert shop.hits() == []


def test_requests_of_a_bulk_that_are_no_hits_are_named(shop: Shop, client: httpx.Client) -> None:
    answer = client.post("/matomo.php", content='{"requests": ["?a=1", 5, {"a": 1}, null, [1]]}')
    assert answer.json() == {"status": "success", "tracked": 2, "invalid": 3, "invalid_indices": [1, 3, 4]}
    assert len(shop.hits()) == 1
    many = client.post("/matomo.php", content=json.dumps({"requests": ["a=1"] + [1] * 300_000})).json()
    assert (many["tracked"], many["invalid"], len(many["invalid_indices"])) == (1, 300_000, 1000)
    assert client.post("/matomo.php", content='{"requests": [1, 2]}').status_code == 400
    assert len(shop.hits()) == 2


def test_a_body_that_is_no_text_is_kept_in_base64(shop: Shop, client: httpx.Client) -> None:
    body = bytes(range(256)) + b"\xff\xfe\n{"
    assert client.post("/matomo.php?idsite=1", content=body).status_code == 200
    latin = "idsite=1&action_name=Größe".encode("latin-1")
    client.post("/matomo.php", content=latin, headers=FORM)
    first, second = shop.hits()
    assert base64.b64decode(first["b64"]) == body and "b" not in first
    assert base64.b64decode(second["b64"]) == latin


def test_nothing_a_client_sends_breaks_a_line(shop: Shop, client: httpx.Client, url: str) -> None:
    bad = 'x\u2028\u2029\x85"}\\n{"e":"o"'
    headers = {b"User-Agent": bad.encode(), b"Referer": b'"\xff\\"}', b"Accept-Language": b"d\te\xe4"}
    client.get("/matomo.php?a=%0a%0d%22%7d&b='\"}{", headers=headers)
    client.post("/matomo.php", content=b'a=1\n{"e":"o","d":1}\r\n\x00\x0b"}')
    files = shop.store.spool.files("hits")
    lines = files[0].read_bytes().split(b"\n")
    assert len(lines) == 3 and lines[2] == b""
    first, second = shop.hits()
    assert first["ua"] == bad and first["e"] == second["e"] == "matomo"
    assert first["ref"] == '"ÿ\\"}' and first["al"] == "d\teä"
    assert second["b"] == 'a=1\n{"e":"o","d":1}\r\n\x00\x0b"}'


def test_scripts_of_any_site_may_send_hits(shop: Shop, client: httpx.Client) -> None:
    wanted = {
        **ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-requested-with",
    }
    answer = client.options("/matomo.php", headers=wanted)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-headers"] == "content-type, x-requested-with"
    assert "POST" in answer.headers["access-control-allow-methods"]
    for got in (client.get("/matomo.php?a=1", headers=ORIGIN), client.get("/matomo.php", headers=ORIGIN)):
        assert got.headers["access-control-allow-origin"] == "https://shop.example"
        assert got.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in client.get("/matomo.php?a=1").headers
    odd = client.get("/matomo.php?a=1", headers={"Origin": "a b"})
    assert "access-control-allow-origin" not in odd.headers
    assert [hit["m"] for hit in shop.hits()] == ["GET"] * 3  # a preflight is no hit
    assert "access-control-allow-origin" not in client.get(f"/u/{shop.token('u')}", headers=ORIGIN).headers


def test_the_script_is_served_under_both_names_and_kept_by_browsers(client: httpx.Client) -> None:
    first = client.get("/matomo.js")
    assert first.status_code == 200 and first.headers["content-type"].startswith("text/javascript")
    assert client.get("/piwik.js").content == first.content
    again = client.get("/matomo.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head("/matomo.js").headers["content-length"] == str(len(first.content))
