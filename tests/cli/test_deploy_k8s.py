"""The files of `deploy/k8s` fit the schemas of dagster, dagster-k8s and Kubernetes' API; none of it needs a cluster."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from built_tiny import environment, tiny_tree

from acc_assets.assets.engine import EXECUTOR_VARIABLE, engine
from acc_assets.assets.factory import recipe_assets
from acc_assets.assets.instance import TRAINING_POOL
from acc_assets.assets.launched import Project
from acc_assets.assets.resources import SettingError

pytest.importorskip("dagster_k8s", reason="needs the extra 'k8s' of acc-assets")
DEPLOY = Path(__file__).parents[2] / "deploy"
K8S = DEPLOY / "k8s"
NAMES = ("NAMESPACE", "IMAGE", "PG_HOST", "PG_PORT", "PG_DATABASE", "PG_USER", "PG_PASSWORD")


@pytest.fixture(autouse=True)
def variables(tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """The variables that the files read."""
    with environment(tmp_path / "storage") as patch:
        for name in NAMES:
            patch.setenv(f"ACC_{name}", "5432" if name == "PG_PORT" else "x")
        patch.setenv(EXECUTOR_VARIABLE, str(K8S / "executor.yaml"))
        yield patch


def instance_problems(config: Mapping[str, Any]) -> list[str]:
    """What does not fit in a `dagster.yaml`: its own keys, and the configuration of each class that it names."""
    from dagster._config import process_config
    from dagster._core.instance.config import dagster_instance_config_schema
    from dagster._serdes import ConfigurableClass
    from dagster_postgres import DagsterPostgresStorage

    checked = [("it", process_config(dg.Shape(dagster_instance_config_schema()), config))]
    for key, part in config.items():
        if isinstance(part, dict) and "class" in part:
            module = import_module(part["module"].replace("dagster.core", "dagster._core"))  # as Dagster does
            chosen: type[ConfigurableClass] = getattr(module, part["class"])
            checked.append((key, process_config(dg.Shape(chosen.config_type()), part.get("config", {}))))
    storage = config["storage"]["postgres"]
    checked.append(("storage", process_config(dg.Shape(DagsterPostgresStorage.config_type()), storage)))
    return [f"{key}: {error.message}" for key, result in checked for error in result.errors or ()]


@pytest.mark.parametrize(
    "path", [K8S / "dagster.yaml", DEPLOY / "postgres" / "dagster.yaml"], ids=lambda p: p.parent.name
)
def test_instances_fit_their_schemas(path: Path) -> None:
    config = yaml.safe_load(path.read_text())
    assert instance_problems(config) == []
    for place in broken_places(config):
        assert instance_problems(place), place


def broken_places(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same file with a key too many, in turn in each part that has a schema of its own."""
    places: list[tuple[str, ...]] = [
        (),
        ("storage", "postgres", "postgres_db"),
        ("concurrency", "pools"),
        ("run_monitoring",),
    ]
    places += [("run_launcher", "config"), ("compute_logs", "config")]
    for place in places:
        broken = copy.deepcopy(config)
        part: Any = broken
        for key in place:
            part = part.get(key) if part is not None else None
        if part is not None:
            part["no_such_key"] = 1
            yield broken


def test_only_steps_that_train_ask_for_a_gpu(variables: pytest.MonkeyPatch) -> None:
    from dagster_k8s.job import get_user_defined_k8s_config

    tree = tiny_tree()
    asked = {}
    for asset in recipe_assets(Project({"tiny": tree}), tree):
        if isinstance(asset.node_def, dg.OpDefinition):
            config = get_user_defined_k8s_config(asset.node_def.tags)
            limits = config.container_config.get("resources", {}).get("limits", {})
            asked[asset.node_def.name] = (limits, asset.node_def.pool, asset.node_def.retry_policy)
    trained = {name for name, (limits, _, _) in asked.items() if limits == {"nvidia.com/gpu": 1}}
    assert trained == {"tiny__plain_trained", "tiny__labelled_trained"}
    assert {name for name, (_, pool, _) in asked.items() if pool == TRAINING_POOL} == trained
    assert {limits != {} for name, (limits, _, _) in asked.items() if name not in trained} == {False}
    assert all(policy is not None for _, _, policy in asked.values())


def test_a_training_is_a_pod_of_its_own_with_a_gpu(tmp_path: Path) -> None:
    """The job that the executor would ask Kubernetes for; dagster-k8s refuses keys that Kubernetes does not know."""
    from dagster_k8s import K8sRunLauncher
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import UserDefinedDagsterK8sConfig, construct_dagster_k8s_job

    kubeconfig = tmp_path / "kubeconfig"  # nobody is asked for anything
    kubeconfig.write_text(yaml.safe_dump(NOWHERE))
    config = yaml.safe_load((K8S / "dagster.yaml").read_text())["run_launcher"]["config"]
    config |= {"job_namespace": "x", "job_image": "acc-assets:1"}
    launcher = K8sRunLauncher(load_incluster_config=False, kubeconfig_file=str(kubeconfig), **config)
    step = engine().executor["k8s"]["step_k8s_config"]
    run = dg.DagsterRun("tiny", run_id="1" * 8)

    def job(tags: Mapping[str, Any]) -> Any:
        context = K8sContainerContext.create_for_run(run, launcher, include_run_tags=False)
        for more in (step, tags):
            own = UserDefinedDagsterK8sConfig.from_dict(more)
            context = context.merge(K8sContainerContext(run_k8s_config=own))
        made = construct_dagster_k8s_job(
            context.get_k8s_job_config(None, launcher), ["true"], "job", context.run_k8s_config, "pod"
        )
        return made.spec.template.spec

    pod = job(engine().training_tags["dagster-k8s/config"])
    (container,) = pod.containers
    assert container.image == "acc-assets:1"
    assert container.resources.limits == {"nvidia.com/gpu": "1"}
    assert {mount.mount_path for mount in container.volume_mounts} >= {"/storage", "/etc/acc"}
    assert {source.config_map_ref.name for source in container.env_from if source.config_map_ref} == {
        "acc-env"
    }
    assert pod.service_account_name == "acc"
    assert job({}).containers[0].resources.limits is None
    with pytest.raises(Exception, match="no_such_key"):
        job({"container_config": {"no_such_key": 1}})


NOWHERE = {
    "clusters": [{"name": "no", "cluster": {"server": "http://127.0.0.1:9"}}],
    "contexts": [{"name": "no", "context": {"cluster": "no", "user": "no"}}],
    "users": [{"name": "no", "user": {}}],
    "current-context": "no",
}


def test_manifests_fit_kubernetes() -> None:
    import kubernetes.client
    from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict

    def parsed(manifest: Mapping[str, Any]) -> Any:
        model = getattr(kubernetes.client, f"V1{manifest['kind']}")
        return k8s_model_from_dict(model, k8s_snake_case_dict(model, manifest))

    manifests = list(yaml.safe_load_all((K8S / "acc.yaml").read_text()))
    made = {(one["kind"], one["metadata"]["name"]): parsed(one) for one in manifests}
    pod = made["Deployment", "acc"].spec.template.spec
    launcher = yaml.safe_load((K8S / "dagster.yaml").read_text())["run_launcher"]["config"]
    assert pod.service_account_name == launcher["service_account_name"]
    kustomization = yaml.safe_load((K8S / "kustomization.yaml").read_text())
    maps = {one["name"]: one for one in kustomization["configMapGenerator"]}
    for container in pod.containers:
        assert container.env_from[0].config_map_ref.name in maps
        assert container.volume_mounts[0].mount_path == f"{launcher['dagster_home']}/dagster.yaml"
    assert launcher["instance_config_map"] in maps
    assert all((K8S / name).is_file() for name in [*maps["acc-config"]["files"], *kustomization["resources"]])
    given = {line.partition("=")[0] for line in maps["acc-env"]["literals"]}
    assert {f"ACC_{name}" for name in NAMES} | {EXECUTOR_VARIABLE} == given - {"ACC_STORAGE"} | {
        "ACC_PG_PASSWORD"
    }
    broken = copy.deepcopy(next(one for one in manifests if one["kind"] == "Deployment"))
    broken["spec"]["template"]["spec"]["containers"][0]["noSuchKey"] = 1
    with pytest.raises(Exception, match="noSuchKey"):
        parsed(broken)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("executor: {k8s: {no_such_key: 1}}", "no_such_key"),
        ("executor: {k8s: {}, dask: {address: x}}", "executor: Dictionary should have at most 1 item"),
        ("executor: {celery: {}}", "must be one of dask, k8s"),
        ("training: {}", "Its keys are executor, training_tags"),
        ("executor: [", "is no YAML"),
        ("executor: {dask: {address: {env: NO_SUCH_VARIABLE}}}", "NO_SUCH_VARIABLE"),
    ],
)
def test_a_wrong_executor_file_is_named(
    tmp_path: Path, variables: pytest.MonkeyPatch, text: str, told: str
) -> None:
    path = tmp_path / "executor.yaml"
    path.write_text(text)
    variables.setenv(EXECUTOR_VARIABLE, str(path))
    with pytest.raises(SettingError) as refused:
        engine().definition()
    assert told in str(refused.value)
    assert str(path) in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_the_executors_that_deploy_holds_fit(variables: pytest.MonkeyPatch) -> None:
    for name in ("dask", "k8s"):
        variables.setenv(EXECUTOR_VARIABLE, str(DEPLOY / name / "executor.yaml"))
        variables.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:9")
        assert isinstance(engine().definition(), dg.ExecutorDefinition)
