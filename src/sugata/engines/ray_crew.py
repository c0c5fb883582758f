"""The Ray engine's actors, one on each node that has room: hired, heard, and done without."""

import contextlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sugata.engines import ray_cluster
from sugata.engines.base import Job
from sugata.engines.ray_cluster import NodeInfo, room, sharing
from sugata.engines.ray_node import Event, NodeAgent, Terms
from sugata.errors import TaskError

_SECONDS_BETWEEN_LOOKS = 1.0  # at which nodes there are
_SECONDS_OF_SILENCE = 10.0  # after which a node says that it lives
_LONGEST_SILENCE = 90.0  # seconds; then a node counts as lost
_LONGEST_GOODBYE = 10.0  # seconds
_PATIENCE = 5.0  # seconds; then a node is taken with the room it has: actors of an earlier driver have left
_MOST_STARTS = 3  # actors in a row on one node that die before they are ready


@dataclass(eq=False)
class Agent:
    """The actor of a node, as the driver knows it.

    Attributes:
        hearing: the call that returns its next events.
        ready: its workers have loaded the evaluator.
        paused: they stand still.
        heard: when it last said something.
        orders: the jobs that it has, by ticket.
    """

    node: NodeInfo
    slots: int
    actor: Any
    hearing: Any = None
    ready: bool = False
    paused: bool = False
    heard: float = field(default_factory=time.monotonic)
    orders: dict[int, Job] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """Trials that it could begin with."""
        return self.slots - len(self.orders) if self.ready else 0

    @property
    def is_here(self) -> bool:
        """Whether its node is this machine."""
        return self.node.host == os.uname().nodename

    def tell(self, command: str, argument: Any = None) -> None:
        """Order something, without waiting."""
        self.actor.tell.options(concurrency_group="tell").remote(command, argument)

    def listen(self) -> None:
        """Ask for the next events."""
        self.heard = time.monotonic()
        self.hearing = self.actor.hear.options(concurrency_group="hear").remote(_SECONDS_OF_SILENCE)


class Crew:
    """The agents of a cluster's nodes; nodes that join get one, and so do nodes whose agent has died.

    Ray does not restart actors by itself: by then the node may have other room.
    """

    def __init__(
        self, evaluator: Any, terms: Terms, most: int | None, *, prepares: bool, say: Callable[[str], None]
    ) -> None:
        """Hire nobody yet.

        Args:
            evaluator: Ray's reference to the pickled evaluator.
            terms: what all nodes are asked to do; slots are each node's own.
            most: slots in all; None is as many as there is room for.
            prepares: other machines than this must prepare before their first trial.
        """
        import ray

        self.agents: list[Agent] = []
        self._ray: Any = ray
        self._evaluator = evaluator
        self._terms = terms
        self._most = math.inf if most is None else most
        self._prepares = prepares
        self._say = say
        self._unfit: dict[str, str] = {}  # nodes that cannot do it, and why
        self._failed_starts: dict[str, int] = {}  # by node
        self._first_seen: dict[str, float] = {}  # nodes without an agent
        self._looked = -math.inf

    @property
    def slots(self) -> int:
        """How many trials can run now."""
        return sum(agent.slots for agent in self.agents if agent.ready)

    def hear(self, timeout: float) -> list[tuple[Agent, list[Event] | None]]:
        """What agents say within a time; None is that one is lost, and it is not of the crew any more.

        Raises:
            TaskError: no node can do the work.
        """
        if time.monotonic() - self._looked >= _SECONDS_BETWEEN_LOOKS:
            self._look()
            self._looked = time.monotonic()
        hearing = {agent.hearing: agent for agent in self.agents}
        if hearing:
            heard = [hearing[call] for call in self._ray.wait(list(hearing), timeout=timeout)[0]]
        else:
            time.sleep(timeout)
            heard = []
        return [(agent, self._events(agent)) for agent in [*heard, *self._silent()]]

    def _events(self, agent: Agent) -> list[Event] | None:
        try:
            events: list[Event] = self._ray.get(agent.hearing, timeout=0)
        except self._ray.exceptions.RuntimeEnvSetupError as error:
            self._unfit[agent.node.id] = f"cannot be set up ({str(error).strip().splitlines()[-1]})"
            self._lost(agent)
            return None
        except self._ray.exceptions.RayError:  # among them the time that is up
            self._lost(agent)
            return None
        for event in events:
            if event["kind"] == "ready":
                agent.ready, self._failed_starts[agent.node.id] = True, 0
                self._say(f"node {agent.node} has joined; its workers: {agent.slots}")
            elif event["kind"] == "unfit":
                self._unfit[agent.node.id] = str(event["reason"])
                self._lost(agent)
                return None
        agent.listen()
        return events

    def _lost(self, agent: Agent) -> None:
        self.agents.remove(agent)
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(agent.actor)
        node = agent.node
        if not agent.ready:
            self._failed_starts[node.id] = failed = self._failed_starts.get(node.id, 0) + 1
            if failed >= _MOST_STARTS:
                self._unfit.setdefault(node.id, "ends before it is ready")
        if node.id in self._unfit:
            self._say(f"node {node} {self._unfit[node.id]}; it is left out")
        elif agent.ready:
            numbers = ", ".join(str(job.number) for job in agent.orders.values())
            self._say(f"node {node} was lost" + (f"; its trials run again: {numbers}" if numbers else ""))

    def _silent(self) -> list[Agent]:
        """Agents that have said nothing for too long, though they were listened to."""
        late = [agent for agent in self.agents if agent.ready and _seconds_since(agent) > _LONGEST_SILENCE]
        return [agent for agent in late if not self._ray.wait([agent.hearing], timeout=0)[0]]

    def _look(self) -> None:
        """Hire on nodes that have room."""
        found = ray_cluster.nodes()
        cpus, gpus = self._terms.cpus, self._terms.gpus
        for node in found:
            if node.id in self._unfit or any(agent.node.id == node.id for agent in self.agents):
                continue
            since = self._first_seen.setdefault(node.id, time.monotonic())
            left = self._most - sum(agent.slots for agent in self.agents)
            slots, wanted = (int(min(left, room(has, cpus, gpus))) for has in (node.free, node.resources))
            if slots > 0 and (slots == wanted or time.monotonic() - since > _PATIENCE):
                self.agents.append(self._hire(node, slots))
                del self._first_seen[node.id]
        if found and not self.agents:
            self._check_possible(found)

    def _check_possible(self, found: list[NodeInfo]) -> None:
        cpus, gpus = self._terms.cpus, self._terms.gpus
        able = [node for node in found if room(node.resources, cpus, gpus)]
        if not able:
            most = max(found, key=lambda node: node.resources.get("CPU", 0.0)).resources
            raise TaskError(
                f"engine: a trial asks for {cpus:g} CPUs and {gpus:g} GPUs, no node of the Ray cluster has"
                f" them (the largest: {most.get('CPU', 0):g} and {most.get('GPU', 0):g}); lower engine.cpus"
                " or engine.gpus"
            )
        if all(node.id in self._unfit for node in able):
            reasons = "; ".join(f"node {node} {self._unfit[node.id]}" for node in able)
            raise TaskError(f"engine: no node of the Ray cluster can evaluate: {reasons}")

    def _hire(self, node: NodeInfo, slots: int) -> Agent:
        here = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.id, soft=False)
        actor_class = self._ray.remote(concurrency_groups={"hear": 1, "tell": 1}, max_restarts=0)(NodeAgent)
        actor = actor_class.options(
            num_cpus=slots * self._terms.cpus,
            num_gpus=_devices(slots, self._terms.gpus),
            scheduling_strategy=here,
        )
        agent = Agent(node, slots, None)
        terms = replace(self._terms, slots=slots, prepare=self._prepares and not agent.is_here)
        agent.actor = actor.remote(self._evaluator, terms)
        agent.listen()
        return agent

    def dismiss(self) -> None:
        """Let all agents end their workers, then end them."""
        goodbyes = [agent.actor.close.remote() for agent in self.agents if agent.ready]
        with contextlib.suppress(Exception):
            self._ray.wait(goodbyes, num_returns=len(goodbyes), timeout=_LONGEST_GOODBYE)
        for agent in self.agents:
            with contextlib.suppress(Exception):
                self._ray.kill(agent.actor)
        self.agents.clear()


def _seconds_since(agent: Agent) -> float:
    return time.monotonic() - agent.heard


def _devices(slots: int, gpus: float) -> int:
    """How many GPUs so many trials need."""
    if not gpus:
        return 0
    return math.ceil(slots * gpus) if gpus >= 1 else math.ceil(slots / sharing(gpus))
