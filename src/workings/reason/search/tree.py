"""What a search has written: chains that branch at step boundaries, grown many at once and kept as a pool."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from workings.core.answer import Answer
from workings.core.ask import Flow, Sample, Sampling, sample_together
from workings.core.completion import Completion, Stop, Usage
from workings.core.problem import Question
from workings.core.prompt import Prompt
from workings.core.trace import Trace
from workings.verify.extract import extract
from workings.verify.steps import split_steps

__all__ = ["BOUNDARIES", "Node", "Tree", "Want", "distinct"]

BOUNDARIES = {"line": ("\n",), "paragraph": ("\n\n",), "tokens": ()}
"""What ends a step: stop strings by the name of the setting; none where only `step_tokens` does."""

_BROKEN = "\ufffd"
"""What a character looks like whose bytes are not all there. Where a step pauses within one it is left out: the next
piece writes it whole."""


@dataclass(slots=True, eq=False)
class Node:
    """A chain up to here: the root (nothing written), or its parent and one more piece.

    `text` is the whole chain, lead included; `ids` and `logprobs` are those of all that was generated, None when the
    model does not say. `closed` means that it cannot be continued; `finished`, that it came to an end of its own: a
    chain cut by length is closed and not finished. `copies` counts equal samples, which are one node. `asked` is the
    number of samples drawn from it. `value` is what the search goes by, `grades` the scores behind it. `visits`,
    `total` and `top` (of the values backed up), `options` (what may come next, None before it was expanded) and `kind`
    (what was done to get here) are for tree search.
    """

    text: str
    parent: Node | None = None
    depth: int = 0
    path: str = "chain"
    stop: Stop = Stop.UNKNOWN
    ids: tuple[int, ...] | None = ()
    logprobs: tuple[float, ...] | None = ()
    generated: int = 0
    thinking: str = ""
    usage: Usage = Usage()
    seed: int | None = None
    closed: bool = False
    copies: int = 1
    asked: int = 0
    children: list[Node] = field(default_factory=list)
    grades: dict[str, tuple[float, ...]] = field(default_factory=dict)
    value: float = 0.0
    answer: Answer | None = None
    visits: int = 0
    total: float = 0.0
    top: float = -math.inf
    options: list[Node] | None = None
    kind: str = ""

    @property
    def finished(self) -> bool:
        return self.closed and self.stop.finished

    def line(self) -> list[Node]:
        """The nodes from the first piece to this one, the root left out."""
        found: list[Node] = []
        node: Node | None = self
        while node is not None and node.parent is not None:
            found.append(node)
            node = node.parent
        return found[::-1]


@dataclass(frozen=True, slots=True)
class Want:
    """`count` more pieces behind `node`, after the text `cue`: one step each, or the `whole` rest of the chain.

    `end` says that the piece ends the chain when its own boundary ends it.
    """

    node: Node
    count: int = 1
    cue: str = ""
    whole: bool = False
    end: bool = False


class Tree:
    """One search in progress.

    A step ends at `boundary`, or after `step_tokens` tokens (0: no such limit), where the chain only pauses. At level
    `depth` what is left is written to its end. A chain has at most `sampling.max_tokens` tokens. `ended` says why the
    search had to stop early, once it had to; `probable`, that values are probabilities.
    """

    def __init__(
        self,
        question: Question,
        prompt: Prompt,
        sampling: Sampling,
        *,
        boundary: str = "line",
        step_tokens: int = 0,
        depth: int = 40,
    ) -> None:
        self.question, self.prompt, self.sampling = question, prompt, sampling
        self.boundary, self.step_tokens, self.depth = BOUNDARIES[boundary], step_tokens, depth
        self.root = Node(prompt.lead)
        self.nodes: list[Node] = []
        self.probes: list[Node] = []
        self.ended = ""
        self.probable = False

    def sprout(self, start: int) -> Node:
        """Another root, whose samples are numbered from `start`: equal pieces under different roots stay apart."""
        return Node(self.prompt.lead, asked=start)

    def grow(self, wants: Sequence[Want]) -> Flow[list[list[Node]]]:
        """All pieces that are wanted, in one batch; for each want its nodes, one a sample, equal samples one node.

        Fewer come when the budget ends, and `ended` says so.
        """
        live = [want for want in wants if want.count > 0 and not want.node.closed]
        asks = tuple(map(self._ask, live))
        replies, ended = yield from sample_together(asks)
        self.ended = self.ended or ended
        made: dict[int, list[Node]] = {}
        for want, ask, part in zip(live, asks, replies, strict=False):
            want.node.asked += ask.n
            made[id(want)] = [self._add(want, ask, i, completion) for i, completion in enumerate(part)]
        return [made.get(id(want), []) for want in wants]

    def glance(self, nodes: Sequence[Node], steps: int) -> Flow[list[Node]]:
        """Up to `steps` further steps of each open node, greedy, charged as probes; they stay outside the tree."""
        ends = list(nodes)
        for _ in range(steps):
            wants = [Want(node) for node in ends if not node.closed]
            asks = tuple(replace(ask, role="probe", sampling=_greedy(ask.sampling)) for ask in map(self._ask, wants))
            replies, ended = yield from sample_together(asks)
            self.ended = self.ended or ended
            further = {
                id(want.node): self._node(want, ask, 0, part[0])
                for want, ask, part in zip(wants, asks, replies, strict=False)
                if part
            }
            ends = [further.get(id(node), node) for node in ends]
            if ended:
                break
        self.probes += [end for end, node in zip(ends, nodes, strict=True) if end is not node]
        return ends

    def write(self, node: Node, text: str) -> Node:
        """A node with text that is given, not sampled."""
        path = f"{node.path}/said"
        made = replace(
            node, parent=node, depth=node.depth + 1, path=path, text=node.text + text, ids=None, usage=Usage()
        )
        made.children, made.grades, made.options, made.copies = [], {}, None, 1
        made.visits, made.total, made.top, made.value, made.asked, made.answer = 0, 0.0, -math.inf, 0.0, 0, None
        made.kind = ""
        return self._kept(made)

    def answer(self, node: Node) -> Answer:
        """The answer that the chain gives."""
        if node.answer is None:
            kind, choices = self.question.kind, self.question.choices
            node.answer = extract(node.text, kind, choices, thinking=node.thinking)
        return node.answer

    def leaves(self) -> list[Node]:
        """The nodes that nothing continues, in the order in which they were asked for."""
        return [node for node in self.nodes if not node.children]

    def _ask(self, want: Want) -> Sample:
        node, sampling = want.node, self.sampling
        room = max(sampling.max_tokens - node.generated, 1)
        if want.whole or node.depth + 1 >= self.depth:
            how = replace(sampling, max_tokens=room)
        else:
            step = min(room, self.step_tokens) if self.step_tokens else room
            how = replace(sampling, max_tokens=step, stop=(*sampling.stop, *self.boundary), keep_stop=True)
        return Sample(self._prompt(node, want.cue), want.count, how, node.path, node.asked)

    def _prompt(self, node: Node, cue: str) -> Prompt:
        """The chain so far as a lead, with its exact tokens where they are known."""
        if node.parent is None and not cue:
            return self.prompt
        exact = node.ids if node.ids and not cue else None
        start = len(self.prompt.lead) if exact else 0
        return Prompt(self.prompt.messages, node.text + cue, exact, start)

    def _add(self, want: Want, ask: Sample, number: int, completion: Completion) -> Node:
        made = self._node(want, ask, number, completion)
        for child in want.node.children:
            if child.text == made.text and child.closed == made.closed:
                child.copies += 1
                child.usage = child.usage + completion.usage
                return child
        return self._kept(made)

    def _kept(self, node: Node) -> Node:
        if node.parent is not None:
            node.parent.children.append(node)
        self.nodes.append(node)
        return node

    def _node(self, want: Want, ask: Sample, number: int, completion: Completion) -> Node:
        node = want.node
        exact = not want.cue and node.ids is not None and completion.token_ids is not None
        known = node.logprobs is not None and completion.logprobs is not None
        generated = node.generated + completion.usage.generated
        paused = completion.stop is Stop.STRING and bool(ask.sampling.stop) and not want.end
        paused = paused or (completion.stop is Stop.LENGTH and generated < self.sampling.max_tokens)
        full = generated >= self.sampling.max_tokens and completion.stop is not Stop.END
        return Node(
            text=node.text + want.cue + (completion.text.rstrip(_BROKEN) if exact and paused else completion.text),
            parent=node,
            depth=node.depth + 1,
            path=f"{node.path}/{ask.start + number}",
            stop=Stop.LENGTH if full and paused else completion.stop,
            ids=(*(node.ids or ()), *(completion.token_ids or ())) if exact else None,
            logprobs=(*(node.logprobs or ()), *(completion.logprobs or ())) if known else None,
            generated=generated,
            thinking=node.thinking + completion.thinking,
            usage=completion.usage,
            seed=completion.seed,
            closed=full or not paused,
        )

    def pool(self) -> tuple[tuple[Trace, ...], dict[int, int]]:
        """Every chain as a trace, pruned ones and roll-outs included, and the trace of each node by its `id`.

        The first child of a node goes on in its trace; each other one is a trace that branches from it. A trace's usage
        is that of the pieces it added; one that could have gone on and did not is cancelled.
        """
        of: dict[int, int] = {}
        groups: list[list[Node]] = []
        for node in self.nodes:
            parent = node.parent
            assert parent is not None
            if parent.parent is not None and parent.children[0] is node:
                of[id(node)] = of[id(parent)]
                groups[of[id(node)]].append(node)
            else:
                of[id(node)] = len(groups)
                groups.append([node])
        traces = [self._trace(group, of, "branch") for group in groups]
        for end in self.probes:
            line = [node for node in end.line() if id(node) not in of]
            traces.append(self._trace(line, of, "probe"))
        return tuple(traces), of

    def _trace(self, group: list[Node], of: dict[int, int], role: str) -> Trace:
        end, first = group[-1], group[0].parent
        inner = first is not None and first.parent is not None
        return Trace(
            text=end.text,
            steps=split_steps(end.text),
            answer=self.answer(end),
            stop=end.stop if end.closed else Stop.CANCELLED,
            prompt=self.prompt,
            thinking=end.thinking,
            parent=of[id(first)] if inner else None,
            branch_at=len(first.text) if inner and first is not None else None,
            role=role,
            token_ids=end.ids or None,
            logprobs=end.logprobs,
            scores=dict(end.grades),
            seed=end.seed,
            usage=sum((node.usage for node in group), Usage()),
        )


def distinct(groups: Iterable[Iterable[Node]]) -> list[Node]:
    """The nodes without repeats, in order."""
    return list({id(node): node for group in groups for node in group}.values())


def _greedy(sampling: Sampling) -> Sampling:
    return replace(sampling, temperature=0.0)
