"""`paper-tasks tag`: one paper, a table of any length, or a folder of Parquet files on a Ray cluster."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from paper_tasks.errors import InputError
from paper_tasks.options import with_options
from paper_tasks.tagging.options import ModelOptions, TagOptions

if TYPE_CHECKING:
    from paper_tasks.tagging.tag_file import Summary

# Before each line of a paper's tasks, by level and of the same width.
HEADS = {"main": "Works on", "ok": "Also    "}


@with_options
def tag(
    # Strings, because Path would turn s3://bucket/papers into s3:/bucket/papers.
    source: Annotated[
        str | None,
        Argument(
            metavar="[INPUT]",
            help="Table with title and abstract: .csv, .jsonl (both also .gz, .bz2, .xz, .zst) or .parquet. "
            "With --engine ray: a folder of Parquet files, as a path or a URI such as s3://bucket/papers.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        Option(
            "--output",
            "-o",
            metavar="PATH",
            help="Table to write, in any of these formats; with --engine ray a folder.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], Option(help="Run on this machine, or on a Ray cluster (requirements-ray.txt).")
    ] = "local",
    address: Annotated[
        str | None,
        Option(
            help="With --engine ray: the cluster's host:port, or auto. Default: start a cluster on this machine.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[str, Option(help="Title of one paper to tag.", show_default=False)] = "",
    abstract: Annotated[str, Option(help="Abstract of one paper to tag.", show_default=False)] = "",
    *,
    tag_options: TagOptions,
    as_json: Annotated[bool, Option("--json", help="For one paper: print its tasks and topics as JSON.")] = False,
    resume: Annotated[bool, Option("--resume", help="Continue an interrupted run.")] = False,
    overwrite: Annotated[
        bool, Option("--overwrite", help="Replace an existing output, or an interrupted run.")
    ] = False,
    model_options: ModelOptions,
) -> None:
    """Tag one paper, or every paper of a table.

    Give one paper by --title and --abstract, or a table by INPUT --output OUT. The output table has all columns of the
    input, `predicted_tasks` with `probabilities`, and `also_tasks` with `also_probabilities`. Rows are read and
    written one by one, so a table may have any length. Rows that cannot be tagged are left out; OUT.problems.csv
    lists them with the reason. The exit code is 2 only if no row could be tagged. After a kill, repeat the command
    with --resume: it continues, and writes what an uninterrupted run would have written.
    """
    is_paper = bool(title or abstract)
    if is_paper == (source is not None):
        raise InputError("Give either a table (INPUT --output OUT) or one paper (--title, --abstract).")
    if source is None:
        if output is not None or tag_options.all_scores or resume or overwrite or engine == "ray" or address:
            raise InputError(
                "--output, --all-scores, --resume, --overwrite, --engine and --address need a table; leave them out."
            )
        _tag_paper(title, abstract, tag_options, model_options, as_json)
        return
    if resume and overwrite:
        raise InputError("--resume continues a run and --overwrite starts again; give one of them.")
    if as_json:
        raise InputError("--json is for one paper; for JSON Lines, name an output that ends in .jsonl.")
    if output is None:
        path = Path(source)
        raise InputError(f"Name the table to write, such as --output {path.stem}.tagged{path.suffix}.")
    if engine == "ray":
        summary = _tag_on_ray(source, output, tag_options, model_options, address, resume, overwrite)
    else:
        if address:
            raise InputError("--address names a Ray cluster; add --engine ray.")
        from paper_tasks.tagging.tag_file import tag_file

        classifier = model_options.load(bulk=True)
        summary = tag_file(Path(source), Path(output), classifier, tag_options, resume, overwrite)
    print(f"{summary.tagged:,} papers tagged in {output}.")
    if summary.problems:
        rows = "1 row" if summary.problems == 1 else f"{summary.problems:,} rows"
        problem = f"{rows} of {source} could not be tagged; {summary.reasons} says which and why."
        print(f"warning: {problem}", file=sys.stderr)


def _tag_paper(title: str, abstract: str, tag_options: TagOptions, model_options: ModelOptions, as_json: bool) -> None:
    from paper_tasks.tagger import language

    classifier = model_options.load()
    (tags,) = classifier.predict([(title, abstract)], **tag_options.for_ranking())
    topics = classifier.topics(title, abstract)
    if note := language.note(title, abstract):
        print(f"warning: {note}", file=sys.stderr)
    if as_json:
        print(json.dumps({"tasks": classifier.as_json(tags), "topics": topics}, ensure_ascii=False, indent=2))
        return
    if not tags:
        print("No task reaches the threshold; --threshold 0.1 shows less certain ones.", file=sys.stderr)
    for tag in tags:
        print(f"{HEADS[tag.level]}  {tag.probability:.3f}  {tag.task}  ({classifier.area(tag.task)})")
    if topics:
        print(f"Topics    {', '.join(topics)}")


def _tag_on_ray(
    source: str,
    output: str,
    tag_options: TagOptions,
    model_options: ModelOptions,
    address: str | None,
    resume: bool,
    overwrite: bool,
) -> "Summary":
    from paper_tasks.tagging.ray import cluster

    if resume:
        raise InputError("--engine ray has no --resume: during a run, other workers repeat what a dead worker lost.")
    # The model may be named relative to this folder, which a worker does not know.
    of_worker = replace(model_options, model=model_options.model.resolve())
    # A wrong folder is reported before the cluster starts.
    of_worker.load()
    return cluster.tag_folder(source, output, of_worker, tag_options, address or cluster.LOCAL, overwrite)
