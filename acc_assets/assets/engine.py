"""Where the steps of runs are carried out: on the machine of the run, or on the cluster that ACC_EXECUTOR chooses.

ACC_EXECUTOR is the path of a YAML file, such as those in `deploy/`:

    executor: {dask: {address: ...}}   # one engine, with the configuration of its executor
    training_tags: {...}               # tags of the steps that train, by which an engine finds them a GPU
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

# What says whether a configuration fits before the first run needs it; Dagster has no public name for that.
from dagster._config import process_config
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acc_assets.assets.resources import SettingError
from acc_assets.assets.run_host import PRELOADED

EXECUTOR_VARIABLE = "ACC_EXECUTOR"
RETRIES = 3  # of a step on a cluster
ENGINES = {
    "dask": ("acc_assets.assets.dask_steps", "dask_executor"),
    "k8s": ("dagster_k8s", "k8s_job_executor"),
}


class Engine(BaseModel):
    """The file that ACC_EXECUTOR names; without one, runs stay on their machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    executor: dict[str, dict[str, Any]] = Field(default_factory=dict, max_length=1)
    training_tags: dict[str, Any] = Field(default_factory=dict)

    @property
    def retry_policy(self) -> dg.RetryPolicy | None:
        """On a cluster, where a pod or a worker may go while its step is at work.

        None on one machine: whatever ends a step there ends its run, and a policy would repeat what was terminated.
        """
        return dg.RetryPolicy(max_retries=RETRIES, delay=5) if self.executor else None

    def run_config(self, processes: int) -> dict[str, Any]:
        """The execution of a run of `acc build`; a cluster's file has said it already."""
        if self.executor:
            return {}
        local: Mapping[str, Any] = {"multiprocess": {"max_concurrent": processes}}
        return {"execution": {"config": local if processes > 1 else {"in_process": {}}}}

    def definition(self) -> dg.ExecutorDefinition:
        """The executor of the application's jobs; raises `SettingError` where the file's does not fit its schema."""
        if not self.executor:
            return _on_one_machine()
        ((name, config),) = self.executor.items()
        if name not in ENGINES:
            raise SettingError(
                f"{_place()} asks for the executor '{name}'; it must be one of {', '.join(ENGINES)}."
            )
        module, attribute = ENGINES[name]
        try:
            definition: dg.ExecutorDefinition = getattr(import_module(module), attribute)
        except ImportError as error:
            raise SettingError(
                f"{_place()} asks for the executor '{name}', and {error.name} is not installed: "
                f"pip install 'acc-assets[{name}]'."
            ) from error
        checked = process_config(definition.config_schema.config_type, config)
        if not checked.success:
            told = "; ".join(_first_cause(error.message) for error in checked.errors or ())
            raise SettingError(f"{_place()}, executor '{name}': {told}")
        configured: dg.ExecutorDefinition = definition.configured(config, name="recipe_executor")
        return configured


def engine() -> Engine:
    """What ACC_EXECUTOR says."""
    path = os.environ.get(EXECUTOR_VARIABLE)
    if not path:
        return Engine()
    try:
        return Engine.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise SettingError(f"{_place()} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingError(f"{_place()} is no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in error.errors())
        raise SettingError(
            f"{_place()} does not fit, {told}. Its keys are {', '.join(Engine.model_fields)}."
        ) from error


def _first_cause(message: str) -> str:
    """What is wrong, without the trace that Dagster adds where a value cannot be had."""
    (line, *_) = [
        one.split("Error: ")[-1] for one in message.splitlines() if "Error: " in one
    ] or message.splitlines()
    return line


def _place() -> str:
    return f"{EXECUTOR_VARIABLE}={os.environ.get(EXECUTOR_VARIABLE)}"


def _on_one_machine() -> dg.ExecutorDefinition:
    """All steps of a run in one process (seeds run side by side), or in processes of their own.

    Steps of their own share the cores where one seed has many branches; each start costs about a second.
    """

    def configured(config: Mapping[str, Any]) -> Mapping[str, Any]:
        if "multiprocess" not in config:
            return {"in_process": {}}
        method = {"forkserver": {"preload_modules": list(PRELOADED)}}
        return {
            "multiprocess": {
                "max_concurrent": config["multiprocess"]["max_concurrent"],
                "start_method": method,
            }
        }

    cores = os.cpu_count() or 1
    processes = dg.Field(
        {"max_concurrent": dg.Field(int, default_value=cores, description="steps side by side")}
    )
    return dg.multi_or_in_process_executor.configured(
        configured,
        name="recipe_executor",
        config_schema=dg.Field(
            dg.Selector({"in_process": dg.Field({}), "multiprocess": processes}),
            default_value={"in_process": {}},
        ),
    )
