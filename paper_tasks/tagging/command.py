"""`python -m paper_tasks tag`: one paper, a table of any length, or a cluster's folder of them."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from paper_tasks.errors import InputError
from paper_tasks.paths import MODEL_DIR


def tag(
    # Not paths: of s3://bucket/papers, Path would make s3:/bucket/papers.
    source: Annotated[
        str | None,
        Argument(
            metavar="[INPUT]",
            help="Table with title and abstract: .csv, .jsonl (both also .gz, .bz2, .xz, .zst) or .parquet. "
            "With --engine ray a folder of Parquet files, as a path or a URI such as s3://bucket/papers.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        Option(
            "--output",
            "-o",
            metavar="PATH",
            help="Table to write, of any of the formats; with --engine ray a folder.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], Option(help="On this machine, or on a Ray cluster (requirements-ray.txt).")
    ] = "local",
    address: Annotated[
        str | None,
        Option(
            help="With --engine ray: the cluster's host:port, or auto. Default: a cluster of this machine alone.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[str, Option(help="Title of the one paper to tag.", show_default=False)] = "",
    abstract: Annotated[str, Option(help="Abstract of the one paper to tag.", show_default=False)] = "",
    top_k: Annotated[
        int | None,
        Option(min=1, help="Tasks per paper at most. Default: all above the threshold.", show_default=False),
    ] = None,
    threshold: Annotated[
        float | None,
        Option(min=0, max=1, help="Least probability, 0 to 1. Default: the model's own.", show_default=False),
    ] = None,
    all_scores: Annotated[
        bool, Option("--all-scores", help="Also write every label's probability, in a column each.")
    ] = False,
    show_duplicates: Annotated[
        bool, Option("--show-duplicates", help="Show each spelling of a task by itself.")
    ] = False,
    show_artefacts: Annotated[
        bool, Option("--show-artefacts", help="Show names that are no tasks, such as Navigate.")
    ] = False,
    as_json: Annotated[bool, Option("--json", help="Print the one paper's tasks as JSON.")] = False,
    resume: Annotated[bool, Option("--resume", help="Carry on a run that broke off.")] = False,
    overwrite: Annotated[
        bool, Option("--overwrite", help="Replace an existing output, or a run that broke off.")
    ] = False,
    threads: Annotated[
        int | None,
        Option(
            min=1,
            help="CPU threads. Default: every core; with --engine ray, where it is those of one worker: 1.",
            show_default=False,
        ),
    ] = None,
    tier: Annotated[
        Literal["full", "fast"],
        Option(help="fast: without the encoder, far faster, and blinder to what is not spelled out."),
    ] = "full",
    model: Annotated[Path, Option(help="Folder of an exported model.", show_default="deployment/model")] = MODEL_DIR,
) -> None:
    """Tag one paper (--title, --abstract), or every paper of a table (INPUT --output OUT).

    A table keeps its columns and gets `predicted_tasks` and `probabilities`; it is read and written row by row,
    so that it may be of any length. Rows that cannot be tagged are left out and listed in OUT.problems.csv, with a
    warning; the exit code is 2 only if none could be. After a kill, the same command with --resume carries on to
    what an undisturbed run would have written.
    """
    from paper_tasks.tagger import language
    from paper_tasks.tagger.classifier import TaskClassifier

    if (source is None) == (not (title or abstract)):
        raise InputError("Give either a table (INPUT --output OUT) or one paper (--title, --abstract).")
    if source is None and (output is not None or all_scores or resume or overwrite or engine == "ray" or address):
        raise InputError(
            "--output, --all-scores, --resume, --overwrite, --engine and --address are for a table; leave them out."
        )
    if resume and overwrite:
        raise InputError("--resume carries a run on and --overwrite starts afresh; give one of them.")
    if source is not None and as_json:
        raise InputError("--json is for one paper; a table is JSON Lines if its name ends in .jsonl.")
    if source is None:
        classifier = TaskClassifier.load(model, threads, tier=tier)
        (tags,) = classifier.predict(
            [(title, abstract)],
            top_k=top_k,
            threshold=threshold,
            merge_duplicates=not show_duplicates,
            hide_artefacts=not show_artefacts,
        )
        if note := language.note(title, abstract):
            print(f"warning: {note}", file=sys.stderr)
        if as_json:
            import json

            print(json.dumps(classifier.as_json(tags), ensure_ascii=False, indent=2))
        elif tags:
            for tag in tags:
                print(f"{tag.probability:.3f}  {tag.task}  ({classifier.area(tag.task)})")
        else:
            print("No task reaches the threshold; --threshold 0.1 shows less certain ones.", file=sys.stderr)
        return
    if output is None:
        path = Path(source)
        raise InputError(f"Name the table to write, such as --output {path.stem}.tagged{path.suffix}.")
    from paper_tasks.tagging.tag_file import TagOptions, tag_file

    options = TagOptions(top_k, threshold, not show_duplicates, not show_artefacts, all_scores)
    if engine == "ray":
        from paper_tasks.tagging.ray import cluster

        if resume:
            raise InputError("--engine ray has no --resume: a dead worker's part is done again while the run goes on.")
        # A wrong folder is told before a cluster is bothered.
        TaskClassifier.load(model, 1, tier=tier)
        loading = cluster.Loading(str(model.resolve()), threads or 1, tier)
        summary = cluster.tag_folder(source, output, loading, options, address or cluster.LOCAL, overwrite)
    else:
        if address:
            raise InputError("--address is of a Ray cluster; add --engine ray.")
        classifier = TaskClassifier.load(model, threads, bulk=True, tier=tier)
        summary = tag_file(Path(source), Path(output), classifier, options, resume, overwrite)
    print(f"{summary.tagged:,} papers tagged in {output}.")
    if summary.problems:
        rows = "1 row" if summary.problems == 1 else f"{summary.problems:,} rows"
        problem = f"{rows} of {source} could not be tagged; {summary.reasons} tells which and why."
        print(f"warning: {problem}", file=sys.stderr)
