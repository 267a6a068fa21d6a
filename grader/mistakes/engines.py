"""Mistakes in programs that differentiate: in an operation's rule, and in how gradients travel through a graph.

Each is a wrong rule or a wrong engine of ``grader.engines``, run on the very expression that the student's engine gets.
Derivations of the kinds "rule" and "engine" take the Problem and return a list of (detail, tuple of arrays) pairs: the
value of the expression and one gradient for each input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grader.engines import WRONG_ENGINES, WRONG_RULES, Trace, traced
from grader.mistakes.base import Derivation, Mistake

if TYPE_CHECKING:
    from grader.problem import Problem


def trace_of(p: Problem) -> Trace:
    """The expression of a Problem as nodes, traced once."""
    if "trace" not in p.seconds:
        inputs = [x.detach().numpy() for x in p.inputs.values()]
        p.seconds["trace"] = traced(p.forward, inputs, p.question.asks.weight(p))
    trace: Trace = p.seconds["trace"]
    return trace


def value_of(p: Problem) -> np.ndarray:
    """The value of a Problem's expression, in its own shape; several outputs are flattened into one vector."""
    outputs = [y.detach().numpy() for y in p.outputs]
    return outputs[0] if len(outputs) == 1 else np.asarray(p.y)


def _rule(name: str) -> Derivation:
    """A derivation: what the expression's only operation hands back if its rule makes this mistake, in each form."""

    def derive(p: Problem) -> list[tuple[dict[str, Any], Any]]:
        trace = trace_of(p)
        (out,), (g,) = trace.outputs, trace.seeds
        with np.errstate(all="ignore"):
            return [({}, (value_of(p), *map(np.asarray, parts))) for parts in WRONG_RULES[name](out, g)]

    return derive


def _engine(name: str, given: bool = False) -> Derivation:
    """A derivation: the gradients that engines with this mistake leave at the inputs.

    given: whether the mistake is made only if an upstream gradient is given.
    """

    def derive(p: Problem) -> list[tuple[dict[str, Any], Any]]:
        trace, found = trace_of(p), list[tuple[dict[str, Any], Any]]()
        for engine in WRONG_ENGINES[name] if p.question.asks.weighted or not given else ():
            try:
                with np.errstate(all="ignore"):
                    found.append(({}, (value_of(p), *trace.gradients(engine))))
            except ValueError:  # the shapes do not fit: such an engine stops here and finds nothing
                continue
        return found

    return derive


def _order(make: Any) -> Derivation:
    """A derivation: wrong lists of a graph's nodes, by number.  make: (parents, root, truth) -> the lists."""

    def derive(p: Problem) -> list[tuple[dict[str, Any], Any]]:
        parents = p.question.asks.parents(p)
        orders = make(parents, p.extras["root"], [int(k) for k in p.truth])
        return [(p.question.asks.amiss(p, order), np.asarray(order, dtype=float)) for order in orders]

    return derive


def _depth_first(parents: list[list[int]], root: int, truth: list[int]) -> list[list[int]]:
    """Root first and depth first, either parent first, by recursion or with a stack; each also reversed."""
    found = []
    for turn in (1, -1):
        seen: list[int] = []
        visited: list[int] = []
        stack, waiting = [root], [root]
        while stack:
            k = stack.pop()
            if k not in seen:
                seen.append(k)
                stack += parents[k][::turn]
        known = {root}
        while waiting:
            k = waiting.pop()
            visited.append(k)
            new = [j for j in dict.fromkeys(parents[k][::turn]) if j not in known]
            known |= set(new)
            waiting += new
        found += [seen, seen[::-1], visited, visited[::-1]]
    return found


def _breadth_first(parents: list[list[int]], root: int, truth: list[int]) -> list[list[int]]:
    """Root first and level by level; also reversed."""
    found = []
    for turn in (1, -1):
        line = [root]
        for k in line:
            line += [j for j in dict.fromkeys(parents[k][::turn]) if j not in line]
        found += [line, line[::-1]]
    return found


def _with_repeats(parents: list[list[int]], root: int, truth: list[int]) -> list[list[int]]:
    def visit(k: int) -> list[int]:
        return [*(i for j in parents[k] for i in visit(j)), k]

    return [visit(root)]


def _of_all(parents: list[list[int]], root: int, truth: list[int]) -> list[list[int]]:
    """Every node of the table after its parents, including those that ``root`` does not depend on."""
    found: list[int] = []

    def visit(k: int) -> None:
        if k not in found:
            for j in parents[k]:
                visit(j)
            found.append(k)

    for k in range(len(parents)):
        visit(k)
    return [found] if len(found) > len(truth) else []


MISTAKES = [
    # --- in an operation's rule
    Mistake(
        "upstream_ignored",
        unit="10",
        formula="∂y/∂x instead of (∂y/∂x)ᵀg",
        name="the upstream gradient ignored",
        says="this is the derivative alone: the upstream gradient g does not enter.",
        why="An operation does not know what its result is used for; g says it. The rule must weight its derivative "
        "by g, or else it is right only where the operation is the last one.",
        derive={"rule": _rule("upstream_ignored"), "engine": _engine("upstream_ignored")},
    ),
    Mistake(
        "upstream_added",
        unit="10",
        formula="g + f′(x)",
        name="the upstream gradient added",
        says="the upstream gradient was added to the derivative; they must be multiplied.",
        why="If the result moves f′(x) times as fast as x, and the end of the computation g times as fast as the "
        "result, then the end moves g · f′(x) times as fast as x. Contributions of several uses are added; factors "
        "along one path are multiplied.",
        derive={"rule": _rule("upstream_added")},
    ),
    Mistake(
        "rule_at_the_output",
        unit="10",
        formula="g · f′(y)",
        name="the derivative taken at the output",
        says="the derivative was taken at the operation's result instead of at its operand.",
        why="The slope of f at x is f′(x), for example cos x for sin x, not cos(sin x). Inside a method, the "
        "operand is `self.data`; the new node's data is the result.",
        derive={"rule": _rule("at_the_output")},
    ),
    Mistake(
        "rule_input_for_output",
        unit="10",
        formula="g · f′, written for y, at x",
        name="the operand instead of the result",
        says="this formula is written in terms of the result y, but it was given the operand x.",
        why="The derivative of exp is y = exp x itself, and that of tanh is 1 − y². Keep the result in a variable "
        "and use that one.",
        derive={"rule": _rule("input_for_output")},
    ),
    Mistake(
        "rule_value_for_derivative",
        unit="10",
        formula="g · y or y",
        name="the value instead of the derivative",
        says="the operation's value stands where its derivative belongs.",
        why="Only exp is its own derivative.",
        derive={"rule": _rule("value_for_derivative")},
    ),
    Mistake(
        "rule_exchanged",
        unit="10",
        name="the operands' gradients swapped",
        says="each operand got the gradient of the other one.",
        why="`pull` returns its gradients in the order of the parents. In a · b the slope with respect to a is b, "
        "and the one with respect to b is a.",
        derive={"rule": _rule("exchanged")},
    ),
    Mistake(
        "rule_sign_lost",
        unit="10",
        name="a sign in a rule is wrong",
        says="a gradient has the right size and the wrong sign.",
        why="a − b falls when b grows, and so does a / b for positive a. sin, exp, log and tanh have the slopes cos "
        "x, exp x, 1/x and 1 − y², all without a minus.",
        derive={"rule": _rule("sign_lost")},
    ),
    Mistake(
        "quotient_cut_short",
        unit="10",
        formula="−g/b² or −ga/b for −ga/b²",
        name="the quotient's rule cut short",
        says="in the rule for a / b, a factor is missing or in the wrong place.",
        why="The derivative of a/b is 1/b with respect to a, and −a/b² with respect to b.",
        derive={"rule": _rule("quotient_cut_short")},
    ),
    Mistake(
        "power_cut_short",
        unit="10",
        name="the power rule half applied",
        says="the power rule is applied only in part.",
        why="The derivative of xᵏ is k·xᵏ⁻¹: the factor k in front, and the exponent one less. For exp x it does "
        "not hold: there x is in the exponent, and the derivative is exp x.",
        derive={"rule": _rule("power_cut_short")},
    ),
    Mistake(
        "product_for_quotient",
        unit="10",
        formula="g · x for g / x",
        name="multiplied instead of divided",
        says="this is g · x; the derivative of log x is 1/x.",
        why="Where x is large, the logarithm is flat: its slope falls as x grows.",
        derive={"rule": _rule("product_for_quotient")},
    ),
    Mistake(
        "slope_one_everywhere",
        unit="10",
        name="the same slope in both branches",
        says="the gradient goes through regardless of the branch that was taken.",
        why="If an entry was cut off, or was the smaller of the two, moving it a little changes nothing: no "
        "gradient goes there. Where abs flipped the sign, the slope is −1.",
        derive={"rule": _rule("slope_one_everywhere")},
    ),
    Mistake(
        "branch_by_upstream",
        unit="10",
        name="the branch chosen by the upstream gradient",
        says="the branch was chosen by the sign of the gradient instead of by the values.",
        why="Which branch was taken was decided on the way forward, by `self.data`. The upstream gradient may have "
        "any sign and goes through unchanged.",
        derive={"rule": _rule("branch_by_upstream")},
    ),
    Mistake(
        "other_branch",
        unit="10",
        name="the branch that was not taken",
        says="the gradient went to the branch that was not taken.",
        why="The comparison is the wrong way round. Try it with a positive entry.",
        derive={"rule": _rule("other_branch")},
    ),
    Mistake(
        "branch_lost",
        unit="10",
        name="one branch forgotten",
        says="only one of the branches passes a gradient back.",
        why="|x| has the slope −1 for negative x, not 0. In max(a, b), every entry goes to one of the two operands: "
        "to a where a is larger, to b elsewhere.",
        derive={"rule": _rule("branch_lost")},
    ),
    Mistake(
        "branch_by_sign",
        unit="10",
        name="the operands compared with 0",
        says="the branch was chosen by an operand's sign instead of by comparing the two.",
        why="max(a, b) takes the larger of the two, whatever their signs: compare `self.data` with `other.data`.",
        derive={"rule": _rule("branch_by_sign")},
    ),
    Mistake(
        "branch_by_size",
        unit="10",
        name="compared without their signs",
        says="the operands were compared by their absolute values.",
        why="max(a, b) takes the larger of the two, and −1 is larger than −2: compare `self.data` with `other.data`.",
        derive={"rule": _rule("branch_by_size")},
    ),
    Mistake(
        "broadcast_not_summed",
        unit="10",
        name="a broadcast not undone",
        says="a gradient has the shape of the result, not that of its operand.",
        why="A number that was used in many places collects a gradient from each of them: sum over the axes along "
        "which the operand was stretched.",
        derive={"rule": _rule("not_summed")},
    ),
    Mistake(
        "broadcast_axes_dropped",
        unit="10",
        name="an axis of size 1 dropped",
        says="the sums are right, but an axis of size 1 is gone.",
        why="A gradient has its operand's shape exactly, (m, 1) included: `keepdims=True` keeps the axis, and a "
        "reshape at the end is as good.",
        derive={"rule": _rule("summed_away")},
    ),
    Mistake(
        "broadcast_summed_too_far",
        unit="10",
        name="summed over all entries",
        says="a gradient was summed over all entries, not only over the axes along which its operand was stretched.",
        why="Entry j of an operand of shape (n,) was used in column j alone, so it collects the gradients of that "
        "column. Only a single number was used everywhere.",
        derive={"rule": _rule("summed_too_far")},
    ),
    Mistake(
        "one_copy_only",
        unit="10",
        name="the gradient of one copy",
        says="only the first copy of a stretched operand counts.",
        why="An operand that was stretched was used once for each copy, and its uses add up: take the sum, not an "
        "entry.",
        derive={"rule": _rule("one_copy_only")},
    ),
    Mistake(
        "mean_for_sum_of_copies",
        unit="10",
        name="an average where no average was taken",
        says="a gradient was divided by a number of entries.",
        why="Nothing divides here: a stretched operand gets the sum over all places where it was used, and every "
        "entry that went into a sum gets the sum's whole gradient.",
        derive={"rule": _rule("averaged")},
    ),
    Mistake(
        "sum_not_expanded",
        unit="10",
        name="the sum's gradient not spread out",
        says="the sum's own gradient came back, in the sum's shape.",
        why="Every entry went into the sum with slope 1, so every entry gets the gradient of that "
        "sum: `np.expand_dims(g, axis)`, then `np.broadcast_to(…, self.data.shape)`.",
        derive={"rule": _rule("not_expanded")},
    ),
    Mistake(
        "along_other_axis",
        unit="10",
        name="spread out along the other axis",
        says="the sum's gradient was spread out along the other axis.",
        why="NumPy stretches missing axes on the left. Where the sum ran over the last axis, that axis must be put "
        "back first: `np.expand_dims(g, axis)`. On a square matrix nothing else warns you.",
        derive={"rule": _rule("along_other_axis")},
    ),
    Mistake(
        "matmul_sides",
        unit="10",
        formula="for (G Bᵀ, Aᵀ G)",
        name="the matrix product's rule with a wrong side or transpose",
        says="in the matrix product's rule, a factor stands on the wrong side or is not transposed.",
        why="For Y = A B the gradients are G Bᵀ and Aᵀ G. With A of shape (m, k) and B of shape (k, n) nothing else "
        "fits; with square matrices everything fits, and the shapes give no warning.",
        derive={"rule": _rule("sides")},
    ),
    # --- on the way through the graph
    Mistake(
        "engine_assigned",
        unit="10",
        name="gradients assigned, not added",
        says="where a value is used more than once, only one of the uses counts.",
        why="Every use of a value contributes to its gradient. `parent.grad = …` overwrites what the other uses "
        "left there; `parent.grad = parent.grad + …` adds to it.",
        derive={"engine": _engine("assigned")},
    ),
    Mistake(
        "engine_order",
        unit="10",
        name="a gradient passed on too early",
        says="some node passed its gradient on before all of it had arrived.",
        why="A node may pass its gradient on only after every node that uses it has done so. Depth-first and "
        "breadth-first order do not guarantee that; the reverse of a list in which every node comes after its "
        "parents does.",
        derive={"engine": _engine("order")},
    ),
    Mistake(
        "engine_passed_on_again",
        unit="10",
        name="gradients passed on more than once",
        says="contributions were counted more than once: some nodes pass on everything they hold more than once.",
        why="What a node has passed on is still in its `.grad` when its turn comes a second time, and is passed on "
        "again. Every node has its turn once, when its gradient is complete: keep a set of the nodes that are "
        "already in the list, and do not recurse into the parents in the backward pass.",
        derive={"engine": _engine("passed_on_again")},
    ),
    Mistake(
        "engine_not_started",
        unit="10",
        name="nothing arrives",
        says="all gradients are 0: nothing has arrived at the inputs.",
        why="The pass needs something to start with: set the output's gradient to the g that `backward` is given, "
        "before the loop. And what `pull` returns belongs in the `.grad` of the node's parents.",
        derive={"engine": _engine("not_started")},
    ),
    Mistake(
        "engine_one_step",
        unit="10",
        name="only the output's own parents got a gradient",
        says="gradients got no further than the output's own parents.",
        why="Either only the output had its turn, or the loop ran from the inputs to the output: then "
        "all other nodes had their turn before anything had arrived. Start at the output: `reversed(order)`.",
        derive={"engine": _engine("one_step")},
    ),
    Mistake(
        "engine_upstream_twice",
        unit="10",
        name="the upstream gradient counted twice",
        says="every step was multiplied by the upstream gradient twice.",
        why="`pull(g)` has multiplied by g already: what it returns is what the parents get.",
        derive={"engine": _engine("upstream_twice")},
    ),
    Mistake(
        "engine_parts_exchanged",
        unit="10",
        name="parts given to the wrong parents",
        says="each parent got the part that belongs to the other one.",
        why="`pull` returns its gradients in the order of `parents`: the first one belongs to the first parent.",
        derive={"engine": _engine("parts_exchanged")},
    ),
    Mistake(
        "engine_parent_once",
        unit="10",
        name="the same parent twice, counted once",
        says="if both parents of a node are the same node, as in x · x, only one of the two counts.",
        why="A dictionary or a set holds each parent once. Go through parents and gradients in pairs: "
        "`zip(node.parents, node.pull(node.grad))`.",
        derive={"engine": _engine("parent_once")},
    ),
    Mistake(
        "engine_started_at_value",
        unit="10",
        name="started with the output's value",
        says="the pass started with the output's value instead of its gradient.",
        why="What starts the pass is the upstream gradient that `backward` is given, never `self.data`.",
        derive={"engine": _engine("started_at_value")},
    ),
    Mistake(
        "engine_started_at_one",
        unit="10",
        name="started with 1 whatever was given",
        says="the pass started with ones instead of the upstream gradient that `backward` was given.",
        why="1 is only the default. `backward(g)` starts with g: it says how much the output counts.",
        derive={"engine": _engine("started_at_one", given=True)},
    ),
    Mistake(
        "engine_of_the_output",
        unit="10",
        name="every rule called with the output's gradient",
        says="every rule was called with the output's gradient, not with its own node's.",
        why="The g that `backward` is given belongs to the output alone. A rule takes what has arrived at its own "
        "node: `node.pull(node.grad)`.",
        derive={"engine": _engine("of_the_output", given=True)},
    ),
    Mistake(
        "engine_seed_at_every_node",
        unit="10",
        name="the given gradient multiplied in at every step",
        says="the g that `backward` was given was multiplied in at every node, not at the output alone.",
        why="The output starts with g, and the rules carry it on from there: `node.pull(node.grad)` contains it "
        "already.",
        derive={"engine": _engine("seed_at_every_node", given=True)},
    ),
    Mistake(
        "index_overwrites",
        unit="10",
        name="entries taken twice overwrite each other",
        says="where an index takes the same entry more than once, only one of the gradients is left.",
        why="`z[key] += g` works with a repeated index on a copy and writes back only the last one. `np.add.at(z, "
        "key, g)` adds each of them.",
        derive={"engine": _engine("overwritten")},
    ),
    Mistake(
        "index_averaged",
        unit="10",
        name="entries taken twice got the average",
        says="where an index takes the same entry more than once, the average of the gradients came back.",
        why="Every use of an entry contributes to its gradient, and contributions add; nothing divides here.",
        derive={"engine": _engine("index_averaged")},
    ),
    Mistake(
        "index_others_filled",
        unit="10",
        name="entries that were not taken got something",
        says="entries that the index did not take got a gradient other than 0.",
        why="Moving an entry that was not taken changes nothing in x[key], so its gradient is 0: begin with "
        "`np.zeros(self.data.shape)`, and put g at `key`.",
        derive={"engine": _engine("others_filled")},
    ),
    Mistake(
        "index_whole_numbers",
        unit="10",
        name="gradients truncated to whole numbers",
        says="the gradients of an index were truncated to whole numbers.",
        why="An integer array drops the fractional part of what is assigned to it. `np.zeros(shape)` makes floats.",
        derive={"engine": _engine("whole_numbers")},
    ),
    # --- in an order of the nodes
    Mistake(
        "order_reversed",
        unit="10",
        name="the other way round",
        says="every node comes before its parents here, instead of after them.",
        why="Gradients do travel in this order. But the list should begin with the leaves: append a "
        "node when all of its parents are in the list.",
        derive={"order": _order(lambda parents, root, truth: [truth[::-1]])},
    ),
    Mistake(
        "order_depth_first",
        unit="10",
        name="listed on arrival, depth first",
        says="nodes were listed when they were first reached, depth first.",
        why="A node that is reached early through one of its users may still be a parent of a node that comes "
        "later. List it after the calls for its parents have returned, not before; reversing the list at the "
        "end does not help.",
        derive={"order": _order(_depth_first)},
    ),
    Mistake(
        "order_breadth_first",
        unit="10",
        name="level by level",
        says="nodes were listed level by level, by the shortest way to the root.",
        why="What counts is the longest path. A leaf that the root uses directly may be deep inside another "
        "branch as well, and then it is listed on the wrong side of it.",
        derive={"order": _order(_breadth_first)},
    ),
    Mistake(
        "order_node_twice",
        unit="10",
        name="a node twice",
        listed="listed a node twice",
        says="some nodes are in the list more than once: {which}.",
        why="A node that is used twice is reached twice. Keep a set of the nodes that have been visited, and return at "
        "once when you reach one of them again.",
        derive={"order": _order(_with_repeats)},
    ),
    Mistake(
        "order_unreached",
        unit="10",
        name="nodes that do not belong",
        says="these nodes are in the list, but the root does not depend on them: {which}.",
        why="Start at the root and follow parents; a node that is never reached gets no gradient and has no place "
        "in the pass.",
        derive={"order": _order(_of_all)},
    ),
    Mistake(
        "order_missing",
        unit="10",
        name="nodes are missing",
        says="these nodes are missing: {which}.",
        why="The root itself belongs in the list, as its last entry, and so do the parents of parents, all the way.",
        derive={"order": _order(lambda parents, root, truth: [truth[:-1]])},
    ),
    Mistake(
        "order_not_after_parents",
        unit="10",
        name="a node before one of its parents",
        says="node {k} comes before node {j}, which is one of its parents.",
        why="Append a node only when all of its parents are in the list: visit them first, then append.",
    ),
    Mistake(
        "order_in_a_set",
        unit="10",
        name="a set, which has no order",
        says="you returned a set, and a set has no order.",
        why="A set is good for asking whether a node has been visited. The order itself belongs in a list, to which "
        "each node is appended.",
    ),
    # --- recognized by the type or shape of what came back, not by its numbers
    Mistake(
        "forward_value",
        unit="10",
        name="the value itself is wrong",
        says="the value of the expression is wrong already: {got}, not {wanted}.",
        why="Before looking at gradients, check how the new node's `data` is computed.",
    ),
    Mistake(
        "nothing_arrived",
        unit="10",
        name="None instead of a gradient",
        says="None came back where the gradient of {which} should be.",
        why="A `.grad` that starts as None must be given its first gradient, and a `pull` must return one for each "
        "parent.",
    ),
    Mistake(
        "not_one_for_each_parent",
        unit="10",
        name="not one gradient for each parent",
        says="`pull` returned a tuple of length {k}; its length must be {n}.",
        why="One gradient for each node in `parents`, in their order, as a tuple.",
    ),
    Mistake(
        "pull_without_comma",
        unit="10",
        name="no tuple of gradients",
        says="{rule} returned an object of type {type}, not a tuple.",
        why="A rule returns a tuple with one gradient for each parent, since an engine goes through parents and "
        "gradients side by side. With one parent the tuple has one entry, and it is the comma that makes it: "
        "`(g * …,)`.",
    ),
    Mistake(
        "pull_shape",
        unit="10",
        name="a gradient whose shape is not its parent's",
        says="{rule} returned a gradient of shape {got} for a parent of shape {wanted}.",
        why="The upstream gradient has the shape of the result. What goes back to a parent has the shape of that "
        "parent, and is 0 at entries that the result does not depend on.",
    ),
    Mistake(
        "not_a_node",
        unit="10",
        name="a node of another class",
        says="an operation returned an object of type {type}, not a node of your class.",
        why="Operations make nodes of their operand's own class: `type(self)(data, parents, pull)`. A plain "
        "`Node(…)` lacks what your class adds, and a number does not know where it came from.",
    ),
    Mistake(
        "pull_missing",
        unit="10",
        name="the new node got no rule",
        says="the new node has no `pull`.",
        why="Every operation gives its node three things: data, parents and the rule.",
    ),
]
