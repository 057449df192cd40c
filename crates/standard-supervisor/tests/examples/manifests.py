"""Checks the manifests of the examples, or tells what a rank of the group is started with.

    manifests.py check|rank-options|rank-arguments EXAMPLES
"""

import copy
import sys
from pathlib import Path

import kubernetes_validate
import yaml

# The oldest that is still looked after somewhere, and the newest that is known.
VERSIONS = ["1.30", kubernetes_validate.latest_version()]
# What kubelet, or compose, may be slower than the supervisor.
MARGIN = 5
# As the LeaderWorkerSet controller sets them.
GROUP = {"LWS_LEADER_ADDRESS": "leader", "LWS_GROUP_SIZE": "2", "LWS_WORKER_INDEX": "1"}


def main():
    what, examples = sys.argv[1], Path(sys.argv[2])
    group, service = load(examples / "kubernetes/leaderworkerset.yaml")
    rank = group["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]["containers"][0]
    if what == "rank-options":
        for name, value in GROUP.items():
            print(f"--env={name}={value}")
        for name, value in environment(rank).items():
            print(f"--env={name}={value}")
    elif what == "rank-arguments":
        for argument in rank["args"]:
            for name, value in GROUP.items():
                argument = argument.replace(f"$({name})", value)
            print(argument)
    else:
        check(examples, group, service)


def check(examples, group, group_service):
    (deployment,) = load(examples / "kubernetes/deployment.yaml")
    valid(deployment)
    pod_fits(deployment["spec"]["template"]["spec"])
    print("deployment: fine")

    (service,) = load(examples / "kubernetes/service.yaml")
    for one in service, group_service:
        valid(one)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    print("service: fine")

    # Its own schema comes with the controller; what it makes are pods.
    assert group["apiVersion"] == "leaderworkerset.x-k8s.io/v1"
    template = group["spec"]["leaderWorkerTemplate"]
    assert template["restartPolicy"] == "RecreateGroupOnPodRestart"
    pod = template["workerTemplate"]
    valid({"apiVersion": "v1", "kind": "Pod",
           "metadata": pod["metadata"] | {"name": "rank"}, "spec": pod["spec"]})
    pod_fits(pod["spec"])
    assert environment(pod["spec"]["containers"][0])["PROCESS_RANK_POLICY"] == "exit"
    print("leaderworkerset: fine")

    (kustomization,) = load(examples / "kubernetes/kustomization.yaml")
    for resource in kustomization["resources"]:
        assert (examples / "kubernetes" / resource).is_file(), resource
    used = {container["image"]
            for container in deployment["spec"]["template"]["spec"]["containers"]}
    assert {image["name"] for image in kustomization["images"]} == used
    print("kustomization: fine")

    (compose,) = load(examples / "compose/compose.yaml")
    server = compose["services"]["server"]
    wait = int(server["environment"]["SUPERVISOR_PROGRAM__APP_STOPWAITSECS"])
    assert int(server["stop_grace_period"].removesuffix("s")) >= wait + MARGIN
    assert not server.get("init")
    build = (examples / "compose" / server["build"]["context"]).resolve()
    assert (build / server["build"]["dockerfile"]).resolve().is_file()
    print("compose: fine")


def valid(manifest):
    """Against the schemas of Kubernetes; and that those can say no."""
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)
    broken = copy.deepcopy(manifest)
    broken["spec"]["misspelt"] = 1
    try:
        kubernetes_validate.validate(broken, VERSIONS[0], strict=True)
    except kubernetes_validate.ValidationError:
        return
    raise AssertionError("the schema accepts anything")


def pod_fits(spec):
    """The supervisor's own timer ends first, and its last words are kept."""
    container = spec["containers"][0]
    wait = int(environment(container)["SUPERVISOR_PROGRAM__APP_STOPWAITSECS"])
    assert spec["terminationGracePeriodSeconds"] >= wait + MARGIN
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def environment(container):
    return {variable["name"]: variable["value"] for variable in container["env"]}


def load(path):
    return list(yaml.safe_load_all(path.read_text()))


if __name__ == "__main__":
    main()
