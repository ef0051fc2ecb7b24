"""Holds answers to the document that the server itself serves: /openapi.json."""
import json

import jsonschema


class Contract:
    def __init__(self, server):
        status, body, _ = server.request("GET", "/openapi.json")
        assert status == 200
        self.document = json.loads(body)

    def check(self, method, path, status, body):
        """`path` as the document writes it; `body` as it came."""
        responses = self.document["paths"][path][method.lower()]["responses"]
        response = responses.get(str(status)) or responses["default"]
        while "$ref" in response:
            response = self.resolve(response["$ref"])
        schema = response["content"]["application/json"]["schema"]
        # The document's own references are found from its root.
        jsonschema.Draft202012Validator({**schema, "components": self.document["components"]}).validate(body)

    def resolve(self, reference):
        found = self.document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found
