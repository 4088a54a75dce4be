"""A report as a table in plain text, for the terminal and for model cards."""

from workbench.bench.reports.labels import EFFECTS, METRIC_NAMES, SHARES
from workbench.bench.reports.model import Report
from workbench.bench.scores.answer_metrics import ANSWER_METRICS, OVERLAP_CAVEAT
from workbench.bench.scores.calibration import CONFIDENCES
from workbench.bench.scores.numbers import KINDS, Number, p_text, percent_text
from workbench.traces import AXES


def bench_table_text(report: Report) -> str:
    """The report for a terminal, what speaks against believing it first; stored reports of any schema.

    Scores are in per cent with 95 % intervals, then differences, reliance, text scores, samples, calibration.
    """
    blocks = [
        [f"{report.title}: {report.size}; measured here, 95 % intervals"],
        [f"{warned.level.capitalize()}: {warned.text}" for warned in report.warnings or ()],
        _remarks(report),
        _accuracy_lines(report),
        _axis_lines(report),
        _difference_lines(report),
        _reliance_lines(report),
        _answer_metric_lines(report),
        _task_lines(report),
        _judged_lines(report),
        _mark_lines(report),
        _sample_lines(report),
        _calibration_lines(report),
        [f"{model.label}: {model.protocol}, revision {model.revision}" for model in report.models],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _remarks(report: Report) -> list[str]:
    lines = []
    if report.warnings is None:  # else they tell of what was left out
        lines = [f"Left out, {reason}: {count}" for reason, count in report.dropped.items()]
        if report.stale_lines:
            lines.append(f"Left out, from an earlier model or protocol: {report.stale_lines}")
    for model, conditions in report.counts.items():
        for condition, count in conditions.items():
            if count.failed or count.invalid:
                lines.append(
                    f"{model}, {condition}: {count.failed} failed, {count.invalid} of {count.n} "
                    "gave no answer that counts"
                )
            if count.recovered:
                without = count.accuracy_without_recovered or 0.0
                lines.append(
                    f"{model}, {condition}: {count.recovered} of {count.n} asked again for a letter "
                    f"(recovered); with these counted as wrong, accuracy {without:.1%}"
                )
    for model, about in (report.anchoring or {}).items():
        lines.append(
            f"{model}: {about.n_traces} answers to {about.n_items} questions began with given reasoning, "
            f"{percent_text(about.accuracy)} of them right"
            + (f" ({percent_text(about.plain)} when asked plainly)" if about.plain else "")
        )
    return lines


def _accuracy_lines(report: Report) -> list[str]:
    rows = [[METRIC_NAMES["accuracy"], *KINDS]]
    for model, conditions in report.accuracy.items():
        for condition, found in conditions.items():
            rows.append([f"{model}, {condition}", *(percent_text(number) for _, number in found.items())])
    for name, found in report.baselines.items():
        cells = (percent_text(number, interval=False) for _, number in found.items())
        rows.append([f"({name.replace('_', ' ')})", *cells])
    return _aligned(rows)


def _axis_lines(report: Report) -> list[str]:
    rows = [["Reasoning", *AXES, "trace score"]]
    for model, conditions in report.axes.items():
        for condition, found in conditions.items():
            if found:
                cells = [percent_text(found.of(axis).score) for axis in AXES]
                rows.append([f"{model}, {condition}", *cells, percent_text(found.trace_score)])
    return _table(rows)


def _difference_lines(report: Report) -> list[str]:
    rows = [["Difference in points", "value", "p", "p (Holm)", "n", "images"]]
    for row in report.differences:
        name = f"{row.second} - {row.first}, {row.condition}, {row.metric.replace('_', ' ')}"
        rows.append([name, percent_text(row), p_text(row.p), p_text(row.p_holm), *_sizes(row)])
    for effect, words in EFFECTS.items():
        for model, row in getattr(report, effect).items():
            name = f"{model}, {words.row}, accuracy"
            rows.append([name, percent_text(row), p_text(row.p), "", *_sizes(row)])
    return _table(rows)


def _sizes(number: Number) -> list[str]:
    return [str(number.n), str(number.n_clusters)]


def _reliance_lines(report: Report) -> list[str]:
    rows = [["Answers", "per cent", "n", "images"]]
    for share, words in SHARES.items():
        for model, number in getattr(report, share).items():
            rows.append([f"{model}: {words.row}", percent_text(number), *_sizes(number)])
    return _table(rows)


def _answer_metric_lines(report: Report) -> list[str]:
    """Registered figures of an answer, and the composite reward, with the picture shown."""
    headlines = [metric for metric in ANSWER_METRICS.values() if metric.headline]
    rows = [["With the picture", *(metric.label for metric in headlines), "composite reward"]]
    for model, conditions in report.text_scores.items():
        found = conditions.get("image")
        if found:
            reward = report.composite.get(model, {}).get("image")
            cells = [percent_text(found.get(metric.name)) for metric in headlines]
            rows.append([model, *cells, percent_text(reward.total) if reward else "-"])
    return _table(rows) + _open_lines(report)


def _open_lines(report: Report) -> list[str]:
    """The figures of open questions beside each other, with what they can't say; nothing without any."""
    metrics = [metric for metric in ANSWER_METRICS.values() if metric.category == "overlap"]
    rows = [["Open questions", *(metric.label for metric in metrics), "n"]]
    for model, conditions in (report.open_scores or {}).items():
        if found := conditions.get("image"):
            n = max(figure.n for figure in found.values())
            rows.append([model, *(percent_text(found.get(metric.name)) for metric in metrics), str(n)])
    return [*_table(rows), OVERLAP_CAVEAT] if len(rows) > 1 else []


def _task_lines(report: Report) -> list[str]:
    """The mean over tasks where there are several."""
    rows = [["Every task counts the same", "mean over tasks", "tasks"]]
    for model, conditions in (report.by_task or {}).items():
        for condition, found in conditions.items():
            if len(found.tasks) > 1:
                rows.append([f"{model}, {condition}", percent_text(found.mean), str(len(found.tasks))])
    return _table(rows)


def _judged_lines(report: Report) -> list[str]:
    """Accuracy by the verdicts of each judge, then task by task."""
    rows = [["Judged accuracy", *KINDS, "mean over tasks", "unparsed"]]
    for judge, models in (report.judged or {}).items():
        for model, conditions in models.items():
            for condition, found in conditions.items():
                name = f"{model}, {condition}, {judge}"
                cells = [percent_text(number) for _, number in found.accuracy.items()]
                rows.append([name, *cells, percent_text(found.by_task.mean), str(found.unparsed)])
                several = found.by_task.tasks if len(found.by_task.tasks) > 1 else {}
                rows += [
                    [f"  {task}", percent_text(number), "", "", "", ""] for task, number in several.items()
                ]
    return _table(rows)


def _mark_lines(report: Report) -> list[str]:
    """Modality tags against the pictures, and reasoning against its answer."""
    rows = [["What the text says", "modality tag right", "n", "contradicts itself", "n"]]
    for model, conditions in (report.contradictions or {}).items():
        for condition, found in conditions.items():
            tags = (report.modality_tags or {}).get(model, {}).get(condition)
            if found.n or tags:
                right = [percent_text(tags.right), str(tags.right.n)] if tags else ["-", "0"]
                rows.append([f"{model}, {condition}", *right, percent_text(found), str(found.n)])
    return _table(rows)


def _sample_lines(report: Report) -> list[str]:
    rows = [["Several samples", "mean", "SD", "majority vote", "agreement", "unanimous", "invalid", "items"]]
    for model, found in report.self_consistency.items():
        spread = "-" if found.sd is None else f"{100 * found.sd:.1f}"
        votes = map(percent_text, (found.majority_accuracy, found.agreement, found.unanimous))
        invalid = percent_text(found.invalid_rate, interval=False)
        drawn = f"{found.n_items} x {found.n_samples}"
        rows.append([model, percent_text(found.mean), spread, *votes, invalid, drawn])
    return _table(rows)


def _calibration_lines(report: Report) -> list[str]:
    """ECE of the answer and of the whole text; nothing where no probabilities were recorded."""
    rows = [["Calibration error (ECE)", *(f"of the {name}" for name in CONFIDENCES)]]
    for model, conditions in report.calibration.items():
        for condition, found in conditions.items():
            if found:
                cells = [f"{found[name].value:.3f}" if name in found else "-" for name in CONFIDENCES]
                rows.append([f"{model}, {condition}", *cells])
    return _table(rows)


def _table(rows: list[list[str]]) -> list[str]:
    """The rows in columns; nothing where there is a head alone."""
    return _aligned(rows) if len(rows) > 1 else []


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
