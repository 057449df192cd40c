"""Deploys an image as SageMaker's own SDK does on a machine of its user: `docker run IMAGE
serve` by docker-compose, a model archive, and a wait for /ping.

    deploy.py IMAGE PORT FOLDER

Prints what /ping answers and how the container ended.
"""

import os
import subprocess
import sys
import tarfile
import urllib.request

# Not a word to the network: neither credentials nor a region are looked for.
os.environ.update(
    AWS_ACCESS_KEY_ID="none",
    AWS_SECRET_ACCESS_KEY="none",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    HOME=sys.argv[3],
    SAGEMAKER_USER_CONFIG_OVERRIDE=os.path.join(sys.argv[3], "config.yaml"),
)
with open(os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"], "w") as file:
    file.write("""
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
""")

import boto3
from sagemaker.local import LocalSession
from sagemaker.model import Model

image, port, folder = sys.argv[1:]
archive = os.path.join(folder, "model.tar.gz")
with open(os.path.join(folder, "weights"), "w") as file:
    file.write("weights")
with tarfile.open(archive, "w:gz") as tar:
    tar.add(os.path.join(folder, "weights"), "weights")

session = LocalSession(boto3.Session(region_name="us-east-1"))
session.config = {"local": {"serving_port": int(port), "container_root": folder}}
model = Model(
    image_uri=image,
    model_data=f"file://{archive}",
    role="arn:aws:iam::123456789012:role/none",
    env={"DRAIN_SECS": "1"},
    sagemaker_session=session,
)
# It waits for /ping whatever is said here, and then would look for the endpoint's state
# every 30 seconds.
model.deploy(
    initial_instance_count=1, instance_type="local", endpoint_name=f"field-{port}", wait=False
)
with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping") as answer:
    print("ping:", answer.status)


def docker(*words):
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


containers = docker("ps", "--quiet", "--filter", f"ancestor={image}").split()
try:
    print("command:", docker("inspect", "--format", "{{.Args}}", *containers).strip())
    print("model:", docker("exec", *containers, "cat", "/opt/ml/model/weights"))
    docker("stop", "--time", "30", *containers)
    print("exit:", docker("inspect", "--format", "{{.State.ExitCode}}", *containers).strip())
    print(docker("logs", *containers))
finally:
    docker("rm", "--force", *containers)
    subprocess.run(["docker", "network", "rm", "sagemaker-local"], capture_output=True, check=False)
