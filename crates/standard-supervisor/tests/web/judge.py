"""Judges an OpenAPI document, and answers by their schemas in it."""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

question = json.load(sys.stdin)
document = question["document"]
OpenAPIV31SpecValidator(document).validate()
for name, answer in question["answers"].items():
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    Draft202012Validator(
        schema, format_checker=Draft202012Validator.FORMAT_CHECKER
    ).validate(answer)
print(f"valid, and {len(question['answers'])} answers as described")
