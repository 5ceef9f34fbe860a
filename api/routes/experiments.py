"""Experiments: written, started, looked at, stopped."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.examples import answers
from api.experimenting import Trying
from api.routes.answering import json_response, now
from api.state import Serving
from ranking.experiments.book import AuditEntry
from ranking.experiments.schema import Draft, Experiment, Metric, Slug
from ranking.rules.schema import Name

router = APIRouter(prefix="/v1/experiments", tags=["experiments"])

ExperimentId = Annotated[Slug, Path(description="As the experiment was given.")]

EXPERIMENT: dict[str, Any] = {
    "experiment_id": "more-graph",
    "name": "More weight for the graph",
    "author": "Mo",
    "reason": "Paths make sense to shoppers.",
    "arms": [
        {"name": "control", "weight": 0.5, "change": {}},
        {"name": "graph", "weight": 0.5, "change": {"factors": {"graph": 1.5}}},
    ],
    "primary": "ctr",
    "guardrails": [{"metric": "revenue", "max_drop": 0.1}],
    "status": "running",
    "version": 2,
}


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChangeIn(_In):
    """A draft's new content, and the version that was read."""

    version: int = Field(ge=1, description="Refused (409) if somebody changed it since.")
    experiment: Draft


class ActIn(_In):
    """Who starts or stops, and why."""

    author: Name
    reason: str = Field(default="", max_length=2_000)
    version: int | None = Field(default=None, ge=1, description="Refused (409) if it has another by now.")


class StopArmIn(_In):
    """Who takes an arm out, and why."""

    author: Name
    reason: str = Field(default="", max_length=2_000)


@router.get("", summary="All experiments", responses=answers({"experiments": [EXPERIMENT]}, 200, 503))
def list_experiments(experiments: Trying) -> Response:
    """The oldest first, whatever their status."""
    return json_response({"experiments": [_to_json(each) for each in experiments.book.current()]})


@router.post("", status_code=201, summary="Write an experiment", responses=answers(EXPERIMENT, 201, 409, 503))
def add(body: Draft, experiments: Trying) -> Response:
    """It is a draft: no answer takes part before it is started. The first arm is the control."""
    return json_response(_to_json(experiments.book.add(body, now())), 201)


@router.get(
    "/{experiment_id}",
    summary="An experiment with its results so far",
    responses=answers({"experiment": EXPERIMENT, "results": {}}, 200, 404, 503),
)
def read(experiment_id: ExperimentId, experiments: Trying) -> Response:
    """Intervals and p-values hold however often this is asked."""
    found = experiments.book.get(experiment_id)
    return json_response(
        {"experiment": _to_json(found), "results": experiments.results(experiment_id).to_json()}
    )


@router.put("/{experiment_id}", summary="Change a draft", responses=answers(EXPERIMENT, 200, 404, 409, 503))
def change(experiment_id: ExperimentId, body: ChangeIn, experiments: Trying) -> Response:
    """What was started keeps its arms: its figures would mix."""
    return json_response(
        _to_json(experiments.book.change(experiment_id, body.experiment, body.version, now()))
    )


@router.post("/{experiment_id}/start", summary="Start", responses=answers(EXPERIMENT, 200, 404, 409, 503))
def start(experiment_id: ExperimentId, body: ActIn, serving: Serving, experiments: Trying) -> Response:
    """Refused where a running experiment could claim the same answers, or an arm can't be answered."""
    started = experiments.start(serving.engine, experiment_id, body.author, now(), body.version)
    return json_response(_to_json(started))


@router.post("/{experiment_id}/stop", summary="Stop", responses=answers(EXPERIMENT, 200, 404, 409, 503))
def stop(experiment_id: ExperimentId, body: ActIn, experiments: Trying) -> Response:
    """For good; everybody gets the usual answers, results stay, and late purchases still count."""
    stopped = experiments.book.stop(experiment_id, body.author, body.reason, now(), body.version)
    return json_response(_to_json(stopped))


@router.post(
    "/{experiment_id}/arms/{arm}/stop",
    summary="Take one arm out",
    responses=answers(EXPERIMENT, 200, 404, 409, 503),
)
def stop_arm(
    experiment_id: ExperimentId,
    arm: Annotated[Slug, Path(description="Any but the control.")],
    body: StopArmIn,
    experiments: Trying,
) -> Response:
    """Its shoppers get the usual answers and are counted no more; guardrails do the same by themselves."""
    stopped = experiments.book.stop_arm(experiment_id, arm, body.author, body.reason, now())
    return json_response(_to_json(stopped))


@router.get(
    "/{experiment_id}/results",
    summary="Results so far",
    responses=answers({"decision": "ctr: no difference shown yet between graph and control"}, 200, 404, 503),
)
def results(experiment_id: ExperimentId, experiments: Trying) -> Response:
    """Each metric of each arm with its interval, sample-ratio check, guardrails and a decision in words."""
    return json_response(experiments.results(experiment_id).to_json())


@router.get(
    "/{experiment_id}/counterfactual",
    summary="What another choice of arms would have brought",
    responses=answers({"metric": "ctr", "policy": {"cold": "graph"}, "estimates": []}, 200, 404, 503),
)
def counterfactual(
    experiment_id: ExperimentId,
    experiments: Trying,
    metric: Metric = "ctr",
    cold: Annotated[Slug | None, Query(description="The arm for shoppers with little past.")] = None,
    warm: Annotated[Slug | None, Query(description="With some.")] = None,
    heavy: Annotated[Slug | None, Query(description="With much.")] = None,
) -> Response:
    """By inverse propensities (IPS, SNIPS) and doubly robust, for a list shown; left out: the control."""
    chosen = {"cold": cold, "warm": warm, "heavy": heavy}
    policy = {group: arm for group, arm in chosen.items() if arm is not None}
    found = experiments.counterfactual(experiment_id, metric, policy)
    return json_response(
        {"metric": metric, "policy": policy, "estimates": [asdict(estimate) for estimate in found]}
    )


@router.get(
    "/{experiment_id}/audit",
    summary="Who did what, and why",
    responses=answers({"entries": [{"number": 7, "author": "Mo", "action": "start"}]}, 200, 404, 503),
)
def audit(experiment_id: ExperimentId, experiments: Trying) -> Response:
    """Every change, oldest first, with the experiment as it was after it."""
    experiments.book.get(experiment_id)
    return json_response({"entries": [_entry(entry) for entry in experiments.book.audit(experiment_id)]})


def _to_json(experiment: Experiment) -> dict[str, Any]:
    return experiment.model_dump(mode="json")


def _entry(entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "time": entry.time.isoformat(),
        "author": entry.author,
        "action": entry.action,
        "reason": entry.reason,
        "experiment": _to_json(entry.experiment),
    }
