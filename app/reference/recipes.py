"""Recipes: published shapes that `--map` reads, with the command that does it."""

import json
import shlex
from dataclasses import dataclass

from db.imports.fields import Row


@dataclass(frozen=True)
class Recipe:
    """One shape: what it is, how its rows come to be one a line, and how they are imported.

    `prepare` is a shell command where the rows stand inside something larger, `options` follow the
    file, `example` are rows as they are then. `left` says what is not read, and why.
    """

    title: str
    about: str
    verb: str
    file: str
    options: tuple[str, ...]
    example: tuple[Row, ...]
    left: str
    prepare: str = ""

    @property
    def command(self) -> str:
        """The import, as it is typed."""
        return shlex.join(("tiebreak", "import", self.verb, self.file, *self.options))


RECIPES = (
    Recipe(
        title="HelpSteer3",
        about="preference rows: -3 is the first response much better, 3 the second",
        verb="pairs",
        file="train.jsonl.gz",
        options=(
            "--map",
            "prompt=context,response_a=response1,response_b=response2,annotator='helpsteer3',"
            "choice=overall_preference:-3>a,-2>a,-1>a,0>tie,1>b,2>b,3>b",
            "--keep",
            "language",
            "--keep",
            "individual_preference",
        ),
        example=(
            {
                "domain": "general",
                "language": "english",
                "context": [{"role": "user", "content": "Name a prime."}],
                "response1": "9",
                "response2": "7",
                "overall_preference": 2,
                "individual_preference": [
                    {"score": 2, "reasoning": "7 is one.", "feedback1": "No.", "feedback2": "Yes."}
                ],
            },
        ),
        left="single people's scores and words are kept with the pair and are no labels: they have "
        "no names, and the overall preference is made of them",
    ),
    Recipe(
        title="RewardBench",
        about="the first version; in the second `chosen` and `rejected` are lists of responses, "
        "which no map takes apart",
        verb="pairs",
        file="filtered.parquet",
        options=("--map", "domain=subset,annotator='reward-bench'", "--keep", "id"),
        example=(
            {
                "prompt": "Name a prime.",
                "chosen": "7",
                "chosen_model": "m1",
                "rejected": "9",
                "rejected_model": "m2",
                "subset": "maths",
                "id": 7,
            },
        ),
        left="nothing",
    ),
    Recipe(
        title="Langfuse",
        about="observations of the blob storage export, those that generated text",
        verb="candidates",
        file="generations.jsonl",
        prepare="jq -c 'select(.type == \"GENERATION\") | {input, output, provided_model_name}' "
        "observations_v2/*.jsonl > generations.jsonl",
        options=("--map", "prompt=input,response=output,model=provided_model_name"),
        example=tuple(
            {"input": "Name a prime.", "output": answer, "provided_model_name": model}
            for answer, model in (("7", "m1"), ("9", "m2"))
        ),
        left="scores, which stand in files of their own, and prompts that were answered once",
    ),
    Recipe(
        title="LangSmith",
        about="runs as the bulk export and `list_runs` give them; `question` and `answer` stand "
        "for your own keys of `inputs` and `outputs`",
        verb="candidates",
        file="runs.jsonl",
        options=(
            "--map",
            "prompt=inputs.question,response=outputs.answer,model=extra.metadata.ls_model_name",
            *(word for name in ("id", "trace_id", "session_id") for word in ("--ignore", name)),
        ),
        example=tuple(
            {
                "id": f"r{n}",
                "trace_id": f"t{n}",
                "session_id": "s",
                "run_type": "llm",
                "inputs": {"question": "Name a prime."},
                "outputs": {"answer": answer},
                "extra": {"metadata": {"ls_model_name": model}},
            }
            for n, (answer, model) in enumerate((("7", "m1"), ("9", "m2")), 1)
        ),
        left="feedback, which the runs hold as counts without the people who gave it",
    ),
    Recipe(
        title="Inspect",
        about="samples of evaluation logs in JSON (`inspect log convert --to json`); `match` "
        "stands for your scorer",
        verb="candidates",
        file="samples.jsonl",
        prepare="jq -c '.eval.model as $model | .samples[] | {input, output: .output.completion, "
        "$model, score: .scores.match.value, said: .scores.match.explanation}' logs/*.json "
        "> samples.jsonl",
        options=(
            "--map",
            "prompt=input,response=output,judge='match',rationale=said,"
            "score=score:C>1,P>0.5,I>0,N>0",
        ),
        example=tuple(
            {
                "input": "Name a prime.",
                "output": answer,
                "model": model,
                "score": value,
                "said": "Compared.",
            }
            for answer, model, value in (("7", "m1", "C"), ("9", "m2", "I"))
        ),
        left="messages between prompt and completion, and other scorers",
    ),
    Recipe(
        title="promptfoo",
        about="results of `promptfoo eval --output results.json`",
        verb="candidates",
        file="rows.jsonl",
        prepare="jq -c '.results.results[] | {prompt: .prompt.raw, output: .response.output, "
        "provider: .provider.id, score, reason: .gradingResult.reason}' results.json > rows.jsonl",
        options=(
            "--map",
            "prompt=prompt,response=output,model=provider,score=score,judge='promptfoo',"
            "rationale=reason",
        ),
        example=tuple(
            {
                "prompt": "Name a prime.",
                "output": answer,
                "provider": model,
                "score": score,
                "reason": "Checked.",
            }
            for answer, model, score in (("7", "m1", 1), ("9", "m2", 0))
        ),
        left="single assertions: a score is what all of them come to",
    ),
)


def recipes_section() -> str:
    """The recipes as a section of the presets page."""
    return _HEAD + "".join(_shown(recipe) for recipe in RECIPES)


_HEAD = """
## Recipes

Shapes that need no preset, because `--map` says which of their columns is what. Exports of
applications and evaluations have one response a row: mapped to `prompt` and `response` they are
read as [`responses`](#responses), and those to one prompt become candidates of one another.
PandaLM, Prodigy and Math-Shepherd have presets: several people's answers, choices by id and marks
inside a text are what no map takes apart. Rows that stand inside something larger are taken out of
it first, by [jq](https://jqlang.org).
"""


def _shown(recipe: Recipe) -> str:
    rows = "\n".join(json.dumps(row, ensure_ascii=False) for row in recipe.example)
    commands = "\n".join(filter(None, (recipe.prepare, recipe.command)))
    return (
        f"\n### {recipe.title}\n\n{recipe.about[0].upper()}{recipe.about[1:]}. Not read: "
        f"{recipe.left}.\n\n```bash\n{commands}\n```\n\n```json\n{rows}\n```\n"
    )
