"""Worker processes on the nodes of a Ray cluster."""

import contextlib
import math
import os
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sugata.engines import ray_cluster
from sugata.engines.base import Engine, Job, Outcome
from sugata.engines.evaluation import decode
from sugata.engines.folders import TooLarge, packed, unpack
from sugata.engines.pickling import own_modules, pickled
from sugata.engines.ray_cluster import NodeInfo, room
from sugata.engines.ray_node import Event, NodeAgent, Order, Terms
from sugata.engines.resources import cores
from sugata.errors import DiskFullError, TaskError
from sugata.evaluators import Evaluation, Evaluator
from sugata.trial import Status

_SECONDS_BETWEEN_LOOKS = 1.0  # at which nodes there are
_SECONDS_OF_SILENCE = 10.0  # after which a node says that it lives
_LONGEST_SILENCE = 90.0  # seconds; then a node counts as lost
_LONGEST_GOODBYE = 10.0  # seconds
_MOST_STARTS = 3  # actors in a row on one node that die before they are ready
_MOST_LOSSES = 3  # nodes that a trial may take with it


@dataclass(eq=False)
class _Agent:
    """The actor of a node, as the driver knows it.

    Attributes:
        hearing: the call that returns its next events.
        heard: when it last said something.
        orders: what it works on, by ticket.
    """

    node: NodeInfo
    slots: int
    actor: Any
    hearing: Any
    ready: bool = False
    paused: bool = False
    heard: float = field(default_factory=time.monotonic)
    orders: dict[int, Job] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """Trials that it could begin with."""
        return self.slots - len(self.orders) if self.ready else 0

    def tell(self, command: str, argument: Any = None) -> None:
        """Order something, without waiting."""
        self.actor.tell.options(concurrency_group="tell").remote(command, argument)

    def listen(self) -> None:
        """Ask for the next events."""
        self.hearing = self.actor.hear.options(concurrency_group="hear").remote(_SECONDS_OF_SILENCE)


class RayEngine(Engine):
    """Runs each job in a worker process on one of the nodes of a Ray cluster.

    On every node with room an actor runs a local engine: what that promises of a machine (limits of time and
    memory, one thread a worker, logs, a trial whose worker died is tried again, others stand still while one
    times) holds on each node. This process alone decides and records; it is never idle for a slow node.

    A killed actor is started again and a lost node given up; the trials that ran there run again elsewhere,
    and one that was lost three times is given up. Nodes that join are used. The cluster must not lose the
    node of this process, with which it ends.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        workers: int | None = None,
        *,
        address: str | None = None,
        cpus: float = 1.0,
        gpus: float = 0.0,
        memory: int | None = None,
        timeout: float | None = None,
        retries: int = 1,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
    ) -> None:
        """Connect, send the evaluator, and wait until the first node is ready.

        Args:
            workers: at most so many trials at a time; None is as many as there is room for.
            address: of a running cluster, ``auto`` to find it; None starts one on this machine.
            cpus: CPUs of a trial, which are the threads of its worker.
            gpus: GPUs of a trial; a part of one, such as 0.5, is shared.
            memory: bytes that a worker may hold; None is an equal share of what is free on its node.
            timeout: seconds that a trial may take.
            retries: how often a trial is run again whose worker died; lost nodes count apart.
            say: is given a line when nodes come and go.

        Raises:
            Unsendable: the evaluator cannot be pickled.
            TaskError: Ray is missing, there is no such cluster, or no node of it can do this.
        """
        content = pickled(evaluator)
        self.capacity = 1
        self._most = math.inf if workers is None else workers
        self._cpus, self._gpus = cpus, gpus
        self._terms = Terms(0, cpus, gpus, memory, timeout, retries, Path.cwd(), False)
        self._prepares = type(evaluator).prepare is not Evaluator.prepare
        self._say = say
        self._agents: list[_Agent] = []
        self._unfit: dict[str, str] = {}  # nodes that cannot do it, and why
        self._failed_starts: dict[str, int] = {}  # by node
        self._queue: deque[Job] = deque()
        self._outcomes: list[Outcome] = []
        self._losses: dict[int, int] = {}  # by trial
        self._probes: dict[Path, Path] = {}
        self._tickets = 0
        self._looked = -math.inf
        self._grown = False
        with ExitStack() as stack:
            embedded = cores() if workers is None else math.ceil(workers * cpus)
            stack.enter_context(ray_cluster.connected(address, embedded, own_modules(content)))
            import ray

            self._ray: Any = ray
            self._host = os.uname().nodename
            self._evaluator = ray.put(content)
            stack.callback(self._dismiss)
            self._start()
            self._stack = stack.pop_all()

    # -- the contract -----------------------------------------------------------------------------

    def submit(self, job: Job) -> None:
        """Queue a job; it starts as soon as a node has room."""
        source = None if job.source is None else job.source.absolute()
        self._queue.append(replace(job, folder=job.folder.absolute(), source=source))
        self._dispatch()

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Outcomes that have arrived; none also when nodes have joined, so that more can be submitted.

        Raises:
            DiskFullError: a trial has no space left on the disk.
            TaskError: no node can evaluate.
        """
        until = math.inf if timeout is None else time.monotonic() + timeout
        left = math.inf
        self._grown = False
        while self.running and left > 0 and not self._outcomes and not self._grown:
            left = until - time.monotonic()
            self._step(min(_SECONDS_BETWEEN_LOOKS, max(0.0, left)))
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    @property
    def running(self) -> tuple[int, ...]:
        """Trials without a returned outcome."""
        jobs = [job for agent in self._agents for job in agent.orders.values()] + list(self._queue)
        return tuple([job.number for job in jobs] + [outcome.number for outcome in self._outcomes])

    def kill(self, number: int) -> None:
        """End a trial at once; what its node still says of it is not listened to."""
        self._queue = deque(job for job in self._queue if job.number != number)
        self._outcomes = [outcome for outcome in self._outcomes if outcome.number != number]
        for agent, ticket in self._attempts(number):
            del agent.orders[ticket]
            agent.tell("kill", number)

    def stop(self, number: int) -> None:
        """Ask a trial to end early."""
        for agent, _ in self._attempts(number):
            agent.tell("stop", number)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hold this machine alone, once no trial on it does: workers of its nodes are stopped meanwhile."""
        here = [agent for agent in self._agents if agent.ready and agent.node.host == self._host]
        for agent in here:
            agent.paused = False
            agent.tell("pause")
        while any(not agent.paused and agent in self._agents for agent in here):
            self._step(_SECONDS_BETWEEN_LOOKS)
        try:
            yield
        finally:
            for agent in here:
                agent.tell("go_on")

    def close(self) -> None:
        """End all workers, and the cluster if it is the engine's own."""
        self._queue.clear()
        self._stack.close()

    # -- what agents say --------------------------------------------------------------------------

    def _step(self, timeout: float) -> None:
        """Hear one node, then look after all."""
        hearing = {agent.hearing: agent for agent in self._agents}
        if hearing:
            for call in self._ray.wait(list(hearing), timeout=timeout)[0]:
                self._hear(hearing[call])
        else:
            time.sleep(timeout)
        if time.monotonic() - self._looked >= _SECONDS_BETWEEN_LOOKS:
            self._look()
            self._looked = time.monotonic()
        self._dispatch()

    def _hear(self, agent: _Agent) -> None:
        try:
            events = self._ray.get(agent.hearing)
        except self._ray.exceptions.RuntimeEnvSetupError as error:
            self._unfit[agent.node.id] = f"cannot be set up ({str(error).strip().splitlines()[-1]})"
            self._lose(agent)
            return
        except self._ray.exceptions.RayError:
            self._lose(agent)
            return
        agent.heard = time.monotonic()
        agent.listen()
        for event in events:
            if agent in self._agents:
                self._handle(agent, event)

    def _handle(self, agent: _Agent, event: Event) -> None:
        kind = event["kind"]
        if kind == "ready":
            agent.ready, self._failed_starts[agent.node.id] = True, 0
            self._count_slots()
            self._say(f"node {agent.node} has joined; its workers: {agent.slots}")
        elif kind == "unfit":
            self._unfit[agent.node.id] = str(event["reason"])
            self._lose(agent)
        elif kind == "full":
            raise DiskFullError(str(event["reason"]))
        elif kind == "paused":
            agent.paused = True
        elif (job := agent.orders.get(event["ticket"])) is None:
            pass  # it was killed
        elif kind == "report":
            if self.progress:
                self.progress(job.number, event["step"], event["value"])
        elif kind == "files":
            self._send_files(agent, event["ticket"], job)
        elif kind == "done":
            del agent.orders[event["ticket"]]
            if event["files"]:
                unpack(event["files"], job.folder)
            self._outcomes.append(Outcome(job.number, decode(event["evaluation"]), event["seconds"]))

    def _send_files(self, agent: _Agent, ticket: int, job: Job) -> None:
        """Give a node that does not share the file system what the job goes on with."""
        assert job.source is not None
        try:
            files = packed(job.source)
        except TooLarge as error:
            del agent.orders[ticket]
            self._outcomes.append(Outcome(job.number, Evaluation(Status.FAILED, reason=str(error)), 0.0))
            return
        agent.tell("submit", Order(ticket, job, self._probe(job), files))

    # -- nodes ------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Wait until a node is ready.

        Raises:
            TaskError: none will be.
        """
        asked = time.monotonic()
        while not any(agent.ready for agent in self._agents):
            self._step(_SECONDS_BETWEEN_LOOKS)
            if not self._agents and time.monotonic() - asked > 5:
                self._say("waiting for a node of the Ray cluster that has room")
                asked = math.inf

    def _look(self) -> None:
        """Employ nodes that have room, and give up those that are silent."""
        for agent in list(self._agents):
            silent = time.monotonic() - agent.heard > _LONGEST_SILENCE
            if agent.ready and silent and not self._ray.wait([agent.hearing], timeout=0)[0]:
                self._lose(agent)
        found = ray_cluster.nodes()
        employed = {agent.node.id for agent in self._agents}
        for node in found:
            left = self._most - sum(agent.slots for agent in self._agents)
            slots = int(min(left, room(node.free, self._cpus, self._gpus)))
            if slots > 0 and node.id not in employed and node.id not in self._unfit:
                self._employ(node, slots)
        if not self._agents:
            self._check_possible(found)

    def _check_possible(self, found: list[NodeInfo]) -> None:
        able = [node for node in found if room(node.resources, self._cpus, self._gpus)]
        if found and not able:
            most = max(found, key=lambda node: node.resources.get("CPU", 0.0)).resources
            raise TaskError(
                f"engine: a trial asks for {self._cpus:g} CPUs and {self._gpus:g} GPUs, no node of the Ray"
                f" cluster has them (largest: {most.get('CPU', 0):g} and {most.get('GPU', 0):g}); lower"
                " engine.cpus or engine.gpus"
            )
        if able and all(node.id in self._unfit for node in able):
            reasons = "; ".join(f"node {node} {self._unfit[node.id]}" for node in able)
            raise TaskError(f"engine: no node of the Ray cluster can evaluate: {reasons}")

    def _employ(self, node: NodeInfo, slots: int) -> None:
        prepare = self._prepares and node.host != self._host
        terms = replace(self._terms, slots=slots, prepare=prepare)
        ray = self._ray
        # An actor that dies is not restarted by Ray but anew: the node may have other room by then.
        actor = (
            ray.remote(concurrency_groups={"hear": 1, "tell": 1})(NodeAgent)
            .options(
                num_cpus=slots * self._cpus,
                num_gpus=_devices(slots, self._gpus),
                max_restarts=0,
                scheduling_strategy=ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
                    node.id, soft=False
                ),
            )
            .remote(self._evaluator, terms)
        )
        agent = _Agent(node, slots, actor, None)
        agent.listen()
        self._agents.append(agent)

    def _lose(self, agent: _Agent) -> None:
        """Do without an agent: what it worked on is tried again, or given up."""
        self._agents.remove(agent)
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(agent.actor)
        node, jobs = agent.node, list(agent.orders.values())
        self._count_slots()
        again = []
        for job in jobs:
            self._losses[job.number] = losses = self._losses.get(job.number, 0) + 1
            if losses < _MOST_LOSSES:
                again.append(job)
            else:
                evaluation = Evaluation(Status.KILLED, reason=f"its node was lost ({losses} times)")
                self._outcomes.append(Outcome(job.number, evaluation, 0.0))
        self._queue.extendleft(reversed(again))
        if not agent.ready:
            self._failed_starts[node.id] = failed = self._failed_starts.get(node.id, 0) + 1
            if failed >= _MOST_STARTS:
                self._unfit.setdefault(node.id, "ends before it is ready")
        if node.id in self._unfit:
            self._say(f"node {node} {self._unfit[node.id]}; it is left out")
        elif agent.ready:
            numbers = ", ".join(str(job.number) for job in again)
            self._say(f"node {node} was lost" + (f"; running again: trials {numbers}" if again else ""))

    def _count_slots(self) -> None:
        slots = sum(agent.slots for agent in self._agents if agent.ready)
        self._grown = self._grown or slots > self.capacity
        self.capacity = max(1, slots)

    # -- jobs -------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Give queued jobs to the nodes with most room."""
        while self._queue:
            agent = max(self._agents, key=lambda agent: agent.free, default=None)
            if agent is None or agent.free <= 0:
                return
            job = self._queue.popleft()
            self._tickets += 1
            agent.orders[self._tickets] = job
            agent.tell("submit", Order(self._tickets, job, self._probe(job)))

    def _attempts(self, number: int) -> list[tuple[_Agent, int]]:
        """Where a trial runs, and under which ticket."""
        return [
            (agent, ticket)
            for agent in self._agents
            for ticket, job in agent.orders.items()
            if job.number == number
        ]

    def _probe(self, job: Job) -> Path:
        """A file beside the trial's folder, by which a node knows whether it shares the file system."""
        parent = job.folder.parent
        if parent not in self._probes:
            parent.mkdir(parents=True, exist_ok=True)
            self._probes[parent] = parent / f".shared-{uuid.uuid4().hex}"
            self._probes[parent].touch()
        return self._probes[parent]

    def _dismiss(self) -> None:
        """Let all agents end their workers, then end them."""
        goodbyes = [agent.actor.close.remote() for agent in self._agents if agent.ready]
        with contextlib.suppress(Exception):
            self._ray.wait(goodbyes, num_returns=len(goodbyes), timeout=_LONGEST_GOODBYE)
        for agent in self._agents:
            with contextlib.suppress(Exception):
                self._ray.kill(agent.actor)
        self._agents.clear()
        for probe in self._probes.values():
            probe.unlink(missing_ok=True)


def _devices(slots: int, gpus: float) -> int:
    """How many GPUs so many trials need."""
    return (
        math.ceil(slots * gpus) if gpus >= 1 else math.ceil(slots / ray_cluster.sharing(gpus)) if gpus else 0
    )
