"""Reads a page of metrics as Prometheus' own Python library does, and prints it as JSON:
the families with their types, and each series with its value. Anything that the format
does not allow is an error."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families, series = {}, {}
for family in text_string_to_metric_families(sys.stdin.read()):
    families[family.name] = family.type
    for sample in family.samples:
        labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
        # JSON has no NaN.
        series[f"{sample.name}{{{labels}}}"] = str(float(sample.value))
json.dump({"families": families, "series": series}, sys.stdout)
