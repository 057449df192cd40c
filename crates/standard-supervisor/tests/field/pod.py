"""Prints a Deployment as podman can play it on a machine without a cluster.

    pod.py DEPLOYMENT IMAGE MESSAGE [NAME=VALUE ...]

IMAGE takes the place of its container's, the file MESSAGE is what the kubelet puts at the
termination message's path, and variables are set in the container. What a host network and
a machine without GPUs can't have is taken out. All else stays as the example has it.
"""

import sys

import yaml

path, image, message, *variables = sys.argv[1:]
with open(path) as file:
    deployment = yaml.safe_load(file)
pod = deployment["spec"]["template"]["spec"]
(container,) = pod["containers"]
container["image"] = image
# Podman takes numbers only.
ports = {port["name"]: port["containerPort"] for port in container.pop("ports")}
for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
    get = container[probe]["httpGet"]
    get["port"] = ports[get["port"]]
del container["resources"]
for variable in variables:
    name, value = variable.split("=", 1)
    container["env"] = [each for each in container["env"] if each["name"] != name]
    container["env"].append({"name": name, "value": value})
container["volumeMounts"].append({"name": "message", "mountPath": container["terminationMessagePath"]})
pod["volumes"].append({"name": "message", "hostPath": {"path": message, "type": "File"}})
yaml.safe_dump(deployment, sys.stdout)
