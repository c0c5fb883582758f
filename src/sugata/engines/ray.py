"""Worker processes on the nodes of a Ray cluster."""

import math
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from sugata.engines import ray_cluster
from sugata.engines.base import Engine, Job, Outcome
from sugata.engines.evaluation import decode
from sugata.engines.folders import TooLarge, packed, unpack
from sugata.engines.pickling import own_modules, pickled
from sugata.engines.ray_crew import Agent, Crew
from sugata.engines.ray_node import Event, Order, Terms
from sugata.engines.resources import cores
from sugata.errors import DiskFullError
from sugata.evaluators import Evaluation, Evaluator
from sugata.trial import Status

_TICK = 1.0  # seconds between looks at nodes
_PATIENCE = 5.0  # seconds; then it is said what is waited for
_MOST_LOSSES = 3  # nodes that a trial may take with it


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
        self._queue: deque[Job] = deque()
        self._outcomes: list[Outcome] = []
        self._losses: dict[int, int] = {}  # by trial
        self._probes: dict[Path, Path] = {}
        self._tickets = 0
        self._grown = False
        embedded = cores() if workers is None else math.ceil(workers * cpus)
        terms = Terms(0, cpus, gpus, memory, timeout, retries, Path.cwd(), prepare=False)
        prepares = type(evaluator).prepare is not Evaluator.prepare
        with ExitStack() as stack:
            stack.enter_context(ray_cluster.connected(address, embedded, own_modules(content)))
            self._crew = Crew(ray_cluster.put(content), terms, workers, prepares=prepares, say=say)
            stack.callback(self._crew.dismiss)
            self._start(say)
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
            self._step(min(_TICK, max(0.0, left)))
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    @property
    def running(self) -> tuple[int, ...]:
        """Trials without a returned outcome."""
        jobs = [job for agent in self._crew.agents for job in agent.orders.values()] + list(self._queue)
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
        here = [agent for agent in self._crew.agents if agent.ready and agent.is_here]
        for agent in here:
            agent.paused = False
            agent.tell("pause")
        while any(not agent.paused and agent in self._crew.agents for agent in here):
            self._step(_TICK)
        try:
            yield
        finally:
            for agent in here:
                agent.tell("go_on")

    def close(self) -> None:
        """End all workers, and the cluster if it is the engine's own."""
        self._queue.clear()
        for probe in self._probes.values():
            probe.unlink(missing_ok=True)
        self._stack.close()

    # -- inside -----------------------------------------------------------------------------------

    def _start(self, say: Callable[[str], None]) -> None:
        """Wait until a node is ready."""
        asked = time.monotonic()
        while not self._crew.slots:
            self._step(_TICK)
            if not self._crew.agents and time.monotonic() - asked > _PATIENCE:
                say("waiting for a node of the Ray cluster to have room")
                asked = math.inf

    def _step(self, timeout: float) -> None:
        """Hear what nodes say, then give them work."""
        for agent, events in self._crew.hear(timeout):
            if events is None:
                self._lost(agent)
                continue
            for event in events:
                self._handle(agent, event)
        slots = self._crew.slots
        self._grown = self._grown or slots > self.capacity
        self.capacity = max(1, slots)
        self._dispatch()

    def _handle(self, agent: Agent, event: Event) -> None:
        kind = event["kind"]
        if kind == "full":
            raise DiskFullError(str(event["reason"]))
        if kind == "paused":
            agent.paused = True
        elif (job := agent.orders.get(event.get("ticket", -1))) is None:
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

    def _send_files(self, agent: Agent, ticket: int, job: Job) -> None:
        """Give a node that does not share the file system what the job goes on with."""
        assert job.source is not None
        try:
            agent.tell("submit", Order(ticket, job, self._probe(job), packed(job.source)))
        except TooLarge as error:
            del agent.orders[ticket]
            self._outcomes.append(Outcome(job.number, Evaluation(Status.FAILED, reason=str(error)), 0.0))

    def _lost(self, agent: Agent) -> None:
        """What a lost node worked on is tried again, or given up."""
        again = []
        for job in agent.orders.values():
            self._losses[job.number] = losses = self._losses.get(job.number, 0) + 1
            if losses < _MOST_LOSSES:
                again.append(job)
            else:
                evaluation = Evaluation(Status.KILLED, reason=f"its node was lost ({losses} times)")
                self._outcomes.append(Outcome(job.number, evaluation, 0.0))
        self._queue.extendleft(reversed(again))

    def _dispatch(self) -> None:
        """Give queued jobs to the nodes with most room."""
        while self._queue:
            agent = max(self._crew.agents, key=lambda agent: agent.free, default=None)
            if agent is None or agent.free <= 0:
                return
            job = self._queue.popleft()
            self._tickets += 1
            agent.orders[self._tickets] = job
            agent.tell("submit", Order(self._tickets, job, self._probe(job)))

    def _attempts(self, number: int) -> list[tuple[Agent, int]]:
        """Where a trial runs, and under which ticket."""
        return [
            (agent, ticket)
            for agent in self._crew.agents
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
