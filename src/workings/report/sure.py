"""The section on doubt: what each estimator of how sure an answer is proves worth, reliability diagrams, limits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from workings.audit.doubt.verdict import Terms, Verdict
from workings.core.finding import Finding
from workings.report import figures
from workings.report.beside import Beside
from workings.report.evidence_figures import finding_bar
from workings.report.figures import number
from workings.report.headlines import apart, told
from workings.report.markup import EMPTY, Markup, join, tag
from workings.report.pieces import name, section, wide
from workings.run.doubts import Compared, Doubts

__all__ = ["sure"]

_DIAGRAMS = 8
_SPEAKS = 0.9
"""An estimator that is silent about many answers is not called the best."""
_MOST_DIAGRAMS = 40


def sure(found: Beside) -> Markup:
    """Nothing when no estimates are recorded."""
    if not found.doubts:
        return EMPTY
    parts = []
    for one in found.doubts:
        ranked = sorted((*one.verdicts, *((one.combined,) if one.combined else ())), key=_auroc, reverse=True)
        if len(found.doubts) > 1:
            parts.append(tag("h3", None, name(one.method)))
        parts += [_table(one, ranked), _joined(one), _diagrams(ranked)]
    return section("doubts", _title(found.doubts), _caption(found.terms), parts, _limits(found.doubts))


def _auroc(one: Verdict) -> float:
    value = one.findings["AUROC"].value if "AUROC" in one.findings else None
    return -math.inf if value is None else value


def _title(doubts: Sequence[Doubts]) -> Markup:
    every = [(_auroc(one), found, one) for found in doubts for one in found.verdicts if _auroc(one) > -math.inf]
    if not every:
        return join("No estimator could be judged: two right and two wrong answers are needed")
    most = max(len(one.items.ids) for *_, one in every)
    _, found, best = max(
        (entry for entry in every if len(entry[2].items.ids) >= _SPEAKS * most), key=lambda entry: entry[0]
    )
    finding = best.findings["AUROC"]
    of = join(" of ", name(found.method)) if len(doubts) > 1 else EMPTY
    if apart(finding) <= 0:
        return join("No estimator tells right from wrong answers for certain: at best ", name(best.estimator), of,
                    f", AUROC {told(finding)}")  # fmt: skip
    return join(name(best.estimator), f" over the {best.scope.value} tells right from wrong answers", of,
                f" best: AUROC {told(finding)}")  # fmt: skip


def _caption(terms: Terms) -> Markup:
    words = (
        "Every estimator says of each recorded answer how sure it is; here stands what that is worth against what came "
        "true. Dot and bar: AUROC, its 95\u00a0% interval; tick: 0.5, which is chance; grey: no better than that. "
        "ECE and Brier are those of the confidence after calibration, fitted on other clusters of problems "
        f"({terms.calibrator}, {terms.folds} folds). Coverage: the share of answers that can be given with at most "
        f"{terms.risk:.0%} of them wrong. Chains and their tokens are what an estimator needs of an answer; written "
        "and read tokens and calls are what it asks on top, all as means an answer. Missing is neither sure nor unsure."
    )
    return tag("p", {"class": "soft"}, words)


def _table(found: Doubts, ranked: Sequence[Verdict]) -> Markup:
    heads = ["estimator", "over", "", "AUROC", "PRR", "AUARC", "ECE", "Brier", "coverage", "n", "missing"]
    heads += ["chains / tokens", "written / read / calls"]
    head = tag("thead", None, tag("tr", None, [
        tag("th", {"scope": "col", "class": "left" if at in (1, 2) else None}, word) for at, word in enumerate(heads)
    ]))  # fmt: skip
    compared = {(one.estimator, one.scope): one for one in found.compared}
    rows = [_row(one, compared.get((one.estimator, one.scope))) for one in ranked]
    return wide(f"Estimators on {found.method}", tag("table", {"class": "findings"}, head, tag("tbody", None, rows)))


def _row(one: Verdict, against: Compared | None) -> Markup:
    found, items = one.findings, one.items
    count = max(len(items.ids) + sum(items.missing.values()), 1)
    area = found.get("AUROC")
    said = [tag("p", None, f"On its own scale: {one.scale}.")]
    if items.missing:
        reasons = "; ".join(f"{many:,} {why}" for why, many in items.missing.items())
        said.append(tag("p", None, f"Missing: {reasons}."))
    if against is not None:
        gap, told_apart = against.gap, "told apart" if against.adjusted < 0.05 else "not told apart"
        ends = f"[{number(gap.interval.low)}, {number(gap.interval.high)}]"
        words = (
            f"AUROC minus that of {against.baseline} on the same {against.n:,} answers: {number(gap.value)} {ends}, "
        )
        said.append(tag("p", None, f"{words}{told_apart} (Holm)."))
    said += [tag("p", None, f"{key}: {_with_null(found[key])}.") for key in ("ECE as said", "ECE") if key in found]
    title = tag("details", None, tag("summary", None, one.estimator), said)
    written = (items.cost.generated + items.cost.probe + items.cost.verifier) / count
    read = (items.cost.prompt + items.cost.cached) / count
    cells = [
        tag("td", {"class": "left"}, one.scope.value),
        tag("td", {"class": "left"}, finding_bar(area, ends=False) if area is not None else EMPTY),
        tag("td", None, _bounds(area)),
        *(tag("td", None, _value(found.get(key))) for key in ("PRR", "AUARC", "ECE", "Brier", "coverage")),
        tag("td", None, f"{len(items.ids):,}"),
        tag("td", None, f"{sum(items.missing.values()):,}" if items.missing else "–"),
        tag("td", None, f"{items.chains:,.0f} / {items.tokens:,.0f}"),
        tag("td", None, f"{written:,.0f} / {read:,.0f} / {items.cost.calls / count:.1f}"),
    ]
    look = "unsure" if area is None or area.value is None or apart(area) <= 0 else None
    return tag("tr", {"class": look}, tag("th", {"scope": "row"}, title), cells)


def _bounds(found: Finding | None) -> Markup:
    if found is None or found.value is None:
        return join("–")
    ends = found.interval
    spread = f" [{number(ends.low)}, {number(ends.high)}]" if ends is not None else ""
    return join(number(found.value), tag("span", {"class": "pm"}, spread))


def _value(found: Finding | None) -> str:
    return "–" if found is None else number(found.value)


def _with_null(found: Finding) -> str:
    return f"{told(found)} for exact confidence, by chance" if found.null is not None else told(found)


def _joined(found: Doubts) -> Markup:
    if found.combined is not None and found.joined:
        left = f"; too few right or wrong answers to join {len(found.left_out):,} more" if found.left_out else ""
        words = f"The combination joins {', '.join(found.joined)}{left}."
        return tag("p", {"class": "soft"}, words)
    if found.left_out:
        words = "No combination: it takes ten right and ten wrong answers for each estimator."
        return tag("p", {"class": "soft"}, words)
    return EMPTY


def _diagrams(ranked: Sequence[Verdict]) -> Markup:
    """Reliability diagrams of the first ones; the others are folded."""
    drawn = [one for one in ranked if one.bins][:_MOST_DIAGRAMS]
    if not drawn:
        return EMPTY
    first, rest = drawn[:_DIAGRAMS], drawn[_DIAGRAMS:]
    parts = [tag("div", {"class": "panels small"}, [_diagram(one) for one in first])]
    if rest:
        fold = tag("summary", None, f"{len(rest)} more reliability diagrams")
        parts.append(tag("details", None, fold, tag("div", {"class": "panels small"}, [_diagram(one) for one in rest])))
    words = (
        "Reliability: confidence after calibration across, share right up, with intervals. On the dashed line "
        "confidence is exact. Larger marks hold more answers."
    )
    rule = drawn[0].findings["ECE"].detail.get("rule") if "ECE" in drawn[0].findings else None
    words += f" Bins: {rule}." if rule else ""
    return tag("figure", None, parts, tag("figcaption", None, words))


def _diagram(one: Verdict) -> Markup:
    bins = [
        {
            "n": part.n,
            "confidence": part.confidence,
            "accuracy": part.accuracy,
            "low": part.interval.low,
            "high": part.interval.high,
        }
        for part in one.bins
    ]
    said = f"ECE {_value(one.findings.get('ECE'))}, n\u00a0{len(one.items.ids):,}"
    head = tag("h4", None, one.estimator, tag("span", {"class": "soft"}, f", {one.scope.value}"))
    return tag("div", {"class": "panel"}, head, figures.reliability(bins), tag("p", {"class": "soft"}, said))


def _limits(doubts: Sequence[Doubts]) -> Markup:
    """What each number does not show, once for all estimators."""
    said: dict[str, list[str]] = {}
    for found in doubts:
        for one in found.verdicts:
            for key, finding in one.findings.items():
                if finding.does_not_show:
                    keys = said.setdefault(finding.does_not_show, [])
                    keys += [key] if key not in keys else []
    lines = [join(tag("dt", None, ", ".join(keys)), tag("dd", None, f"Does not show {words}."))
             for words, keys in said.items()]  # fmt: skip
    best = "The best of many estimators is best partly by luck: its AUROC here is too high for the next problems."
    lines.append(join(tag("dt", None, "the order of the table"), tag("dd", None, best)))
    fold = tag("summary", None, "What these numbers do not show")
    return tag("details", {"class": "limits"}, fold, tag("dl", {"class": "notes"}, lines))
