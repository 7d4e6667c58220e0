"""The requests that the solr engine may send, with their parameters, and replies parsed strictly.

Sources: solr.apache.org/guide (CoreAdmin API; Common query parameters; Defining fields: names).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from leftopen.engines._http import Paths, json_object
from leftopen.errors import NotThisProtocol, RequestNotAllowed
from leftopen.net.http import Response

STATUS = "/solr/admin/cores?action=STATUS&wt=json"
ALL = "q=*:*&wt=json&distrib=false&omitHeader=false&echoParams=explicit"
_FIXED = {
    **dict(parse_qsl(ALL)),
    "action": "STATUS",
    "includeDynamic": "true",
    "showDefaults": "true",
}
_FREE = frozenset({"core", "indexInfo", "leftopen", "rows", "sort", "start", "timeAllowed"})
_FIELD = r"[A-Za-z_][A-Za-z0-9_.-]{0,127}"  # the names that Solr's guide wants fields to have
_MOMENT = r"(-?\d[\dT:.Z-]{0,39})"  # a number, or a date as Solr writes it
_SHAPES = {
    "fl": re.compile(rf"score|{_FIELD}(,{_FIELD})*"),
    "fq": re.compile(rf"\{{!cache=false\}}{_FIELD}:\[{_MOMENT} TO {_MOMENT}\}}"),
    "numTerms": re.compile("0"),
}
_CORE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")


class _Requests(Paths):
    """Solr's paths are told by their query too: `action` decides what `cores` does. The only filter
    that passes is one range of dates or numbers."""

    def name(self, method: str, path: str) -> str:
        """Raises RequestNotAllowed for a parameter that is not one of ours, or another value."""
        for key, value in parse_qsl(path.partition("?")[2], keep_blank_values=True):
            shape = _SHAPES.get(key)
            fits = _FIXED.get(key) == value if shape is None else shape.fullmatch(value) is not None
            if key not in _FREE and not fits:
                raise RequestNotAllowed("not a parameter that this engine may send")
        return super().name(method, path)


PATHS = _Requests(
    "GET /solr/admin/cores", "GET /solr/admin/authorization", "GET /solr/{core}/select",
    "GET /solr/{core}/admin/luke", "GET /solr/{core}/schema/uniquekey",
    "GET /solr/{core}/schema/fields/{field}", "GET /solr/{core}/schema/fieldtypes/{kind}",
)  # fmt: skip


def is_field(name: str) -> bool:
    """Whether a field's name can stand in a parameter and says nothing else there."""
    return re.fullmatch(_FIELD, name) is not None


def cores_of(response: Response) -> dict[str, Mapping[str, Any]] | None:
    """The cores by name, each with what is told of its index; None if it is no such list."""
    told = json_object(response)
    header, status = told.get("responseHeader"), told.get("status")
    if response.status != 200 or not isinstance(header, dict) or not isinstance(status, dict):
        return None
    if header.get("status") != 0 or not all(isinstance(core, dict) for core in status.values()):
        return None
    return {
        name: core["index"] if isinstance(core.get("index"), dict) else {}
        for name, core in status.items()
        if core and _CORE_NAME.fullmatch(name)
    }


def found_in(response: Response) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """Our parameters as given back, and the documents of a search reply, parsed strictly.

    Raises NotThisProtocol.
    """
    told = json_object(response)
    header, found = told.get("responseHeader"), told.get("response")
    if not isinstance(header, dict) or not isinstance(found, dict):
        raise NotThisProtocol("the search reply is none")
    params, docs = header.get("params", {}), found.get("docs")
    if header.get("status") != 0 or type(found.get("numFound")) is not int:
        raise NotThisProtocol("the search reply is none")
    if not isinstance(params, dict) or not isinstance(docs, list):
        raise NotThisProtocol("the search reply is none")
    if not all(isinstance(doc, dict) for doc in docs):
        raise NotThisProtocol("the search reply is none")
    return params, docs
