"""Critique and revision of stored responses, round by round, and the data set made of them."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from db.candidates import NewCandidate
from db.conversation import prompt_text
from db.generation import Response, note, noted, responses_page, revised, store_candidate
from db.pairs import NewPair, add_pairs
from db.progress import Progress, quiet
from db.session import Database, Session
from db.text_claims import TextKey
from db.whole import whole_file
from judges import critique
from judges.asking import Question
from judges.constitution import Constitution
from judges.generation import GeneratorConfig
from judges.private import Withholding
from judges.steps.finishing import Count, bill, settle, tried, with_room
from judges.steps.generating import Clients, Phase, Written, ask_for_texts, require_room
from judges.text_requests import Brought, TextRequest

_CRITIQUED, _REVISED = "response critiqued", "response revised"
_PAGE = 200  # responses read at a time; by hand, some megabytes of text


def revise(
    database: Database,
    reviser: GeneratorConfig,
    rules: Constitution,
    *,
    rounds: int = 1,
    responses: int | None = None,
    max_usd: float | None = None,
    hold: Collection[str] = (),
    progress: Progress = quiet,
    environ: Mapping[str, str] | None = None,
) -> Written:
    """Let a model criticise the first `responses` original responses by the rules and rewrite them,
    `rounds` times over, keeping the chain; each (response, revision) becomes a pair.

    hold: kinds of private data whose texts are not sent.
    """
    count = Count()
    phases = (
        phase
        for depth in range(rounds)
        for step in (_critiques, _revisions)
        for phase in step(database, reviser, rules, depth, responses, count)
    )
    done = ask_for_texts(
        database,
        "revise",
        [reviser],
        phases,
        count,
        max_usd,
        Withholding.of(hold, "request"),
        progress,
        environ,
    )
    require_room(done, max_usd)
    return done


def write_revisions(database: Database, path: Path) -> int:
    """Write the supervised data set of revisions: JSONL of prompt, completion and the chain.

    `prompt` and `completion` are lists of messages, as TRL's SFTTrainer takes them. Returns rows.
    """
    rows = 0
    with database.read() as session, whole_file(path) as file:
        for prompt, chain in revised(session):
            row = {
                "prompt": prompt.messages,
                **({"tools": prompt.tools} if prompt.tools else {}),
                "completion": [{"role": "assistant", "content": chain[-1][0]}],
                "chain": [{"text": text, "critique": said} for text, said in chain],
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            rows += 1
    return rows


def _responses(
    database: Database, depth: int, limit: int | None, count: Count
) -> Iterator[Response]:
    """Responses of words alone, at most `limit`; the others are counted as passed over."""
    after = given = 0
    while True:
        with database.read() as session:
            page = responses_page(session, after, _PAGE, depth)
        for response in page:
            if limit is not None and given >= limit:
                return
            if response.messages is not None or not response.prompt.of_words:
                count.passed_over += 1
                continue
            given += 1
            yield response
        if not page:
            return
        after = page[-1].id


def _critiques(
    database: Database,
    reviser: GeneratorConfig,
    rules: Constitution,
    depth: int,
    limit: int | None,
    count: Count,
) -> Sequence[Phase]:
    def make(clients: Clients, again: bool = False) -> Iterator[TextRequest]:
        for response in _responses(database, depth, limit, Count() if again else count):
            subject = f"candidate:{response.id}"
            key = (subject, reviser.name)
            with database.read() as session:
                done = noted(session, _CRITIQUED, [subject])
                first = tried(session, _CRITIQUED, [subject])
            if key not in done and (key in first or not again):
                question = critique.critique(
                    _text(response),
                    response.text,
                    rules.for_domain(response.domain),
                    key=subject,
                    max_tokens=reviser.max_tokens,
                )
                question = with_room(question, first.get(key))
                yield _request(clients, reviser, _CRITIQUED, question, response)

    def store(session: Session, one: Brought) -> None:
        review = settle(session, one, count)
        if review is not None:
            payload = {"by": reviser.name, "review": review, **bill(one)}
            note(session, _CRITIQUED, f"candidate:{one.request.about.id}", payload)

    return (make, store), (partial(make, again=True), store)


def _revisions(
    database: Database,
    reviser: GeneratorConfig,
    rules: Constitution,
    depth: int,
    limit: int | None,
    count: Count,
) -> Sequence[Phase]:
    def make(clients: Clients, again: bool = False) -> Iterator[TextRequest]:
        for response in _responses(database, depth, limit, Count()):
            subject = f"candidate:{response.id}"
            key = (subject, reviser.name)
            with database.read() as session:
                reviews = noted(session, _CRITIQUED, [subject])
                done = noted(session, _REVISED, [subject])
                first = tried(session, _REVISED, [subject])
            review = reviews.get(key, {}).get("review", "")
            if key in done or (again and key not in first):
                continue
            if not critique.finds_nothing(review):
                question = critique.revision(
                    _text(response),
                    response.text,
                    review,
                    rules.for_domain(response.domain),
                    key=subject,
                    max_tokens=reviser.max_tokens,
                )
                question = with_room(question, first.get(key))
                yield _request(clients, reviser, _REVISED, question, (response, review))

    def store(session: Session, one: Brought) -> None:
        response, review = one.request.about
        _store_revision(session, reviser, response, review, one, count)

    return (make, store), (partial(make, again=True), store)


def _store_revision(
    session: Session,
    reviser: GeneratorConfig,
    response: Response,
    review: str,
    one: Brought,
    count: Count,
) -> None:
    text = settle(session, one, count)
    if text is None:
        return
    made = None
    if text:
        made, new = store_candidate(
            session, response.prompt, text, reviser.model, reviser.family, response.id, review
        )
        count.new += new
        if made != response.id:
            pair = NewPair(
                response.prompt.messages,
                NewCandidate(response.text),
                NewCandidate(text),
                domain=response.domain,
                source="revision",
            )
            count.pairs += sum(s is not None and s.new for s in add_pairs(session, [pair]))
    payload = {"by": reviser.name, "candidate": made, **bill(one)}
    note(session, _REVISED, f"candidate:{response.id}", payload)


def _request(
    clients: Clients, reviser: GeneratorConfig, kind: str, question: Question, about: object
) -> TextRequest:
    """A request about the response that the question's key names."""
    temperature = (reviser.temperatures or (None,))[0]
    who = reviser.asked_at(temperature)
    return TextRequest(
        TextKey(kind, question.key, reviser.name),
        who.asked_as,
        clients[reviser.name, temperature],
        question,
        who.price(),
        about,
        who.lasts,
        who.surcharges,
        who.keeps,
    )


def _text(response: Response) -> str:
    return prompt_text(response.prompt.messages)
