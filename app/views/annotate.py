"""The annotator's screen: one pair, blind, answered by a key; then the next.

Nothing lives only in the session: a reload finds the held pair again in the database. Every
widget of a pair carries its lease in its key, so a late press can only meet the pair it was for.
"""

from collections.abc import Callable

import streamlit as st

from app.views import page, ranking, reveal, texts
from app.views.screen import latest, screen
from db.errors import LeaseLost, NotAllowed, TiebreakError, Unavailable
from review import deciding, queue
from review import view_model as service
from review.deciding import Decision, TooSoon
from review.html import render
from review.queue import Claim
from review.roles import Action
from review.verdict import SCALE, Verdict, answer, verdict

REASONS = ("Correct", "Complete", "Clear", "Honest", "Safe", "Follows instructions", "Concise")
SKIPS = (("Not my field", "Q"), ("Too long", "W"), ("I know this text", "E"), ("Other", "O"))
_BY_PRINCIPLE = (Verdict.BETTER_1, Verdict.TIE, Verdict.BETTER_2)
FLAGS = (("Unsafe", "Q"), ("Personal data", "W"), ("Broken text", "E"))


def _said(decision: Decision) -> str:
    shown = verdict(decision.choice, decision.strength, decision.both_bad, b_first=decision.b_first)
    return shown.label


def main() -> None:
    """Draw the screen the person is on."""
    page.allowed(Action.REVIEW)
    with page.error_boundary():
        now = screen()
        if now.mode == "why" and isinstance(now.last, Decision):
            _why(now.last)
        elif now.mode == "taught" and isinstance(now.last, Decision):
            _taught(now.last)
        elif now.mode == "reveal" and now.last is not None:
            shown = reveal.draw if isinstance(now.last, Decision) else reveal.draw_order
            shown(now.last.lease_id, on_back=_to, args=("work",))
        elif now.mode == "lost" and now.lost is not None:
            _lost(now.lost)
        else:
            _work()


def _work() -> None:
    rules, me = page.settings(), page.person()
    if rules.practice_pairs and not (me.practised or me.paused_reason or screen().begun):
        _welcome(rules.practice_pairs)
        return
    claim = queue.claim(page.database(), page.person().id, page.settings())
    if claim is None:
        _empty()
        return
    st.session_state["claim"] = claim
    _progress()
    item = service.item(page.database(), claim)
    place = claim.lease_id[:8]
    ordered = claim.pair_id is None
    math = texts.conversation(item, place)
    math |= texts.responses(item, place, screen().view, ranking.notes(claim) if ordered else ())
    _buttons(claim)
    _tools(claim)
    if screen().guideline:
        st.markdown(guideline_text())
    _watch(claim, math)


def _welcome(practice: int) -> None:
    """The guideline, before the first pair is handed out."""
    st.markdown(guideline_text())
    with st.container(key="verdict"):
        first = "one practice pair" if practice == 1 else f"up to {practice} practice pairs"
        st.text(
            f"First, {first}: after each answer you see the trusted one. "
            "Then the queue begins. Every button shows its key."
        )
        st.button("Begin", key="begin", shortcut="N", type="primary", on_click=_begin)


def _begin() -> None:
    screen().begun = True


def guideline_text() -> str:
    """The project's guideline, or the short one that comes with Tiebreak."""
    from app.views.guideline import text

    return text()


def _buttons(claim: Claim) -> None:
    """The answers, and above them what is asked; the form stays, and with it what is typed."""
    now = screen()
    with st.container(key="verdict"):
        with st.container(key="asked"):
            if now.notice:
                st.warning(now.notice)
                now.notice = None
            if now.mode == "skip":
                _choices("Hand this on, because", SKIPS, _skip, claim)
            elif now.mode == "flag":
                _choices("Warn about these texts", FLAGS, _flag, claim)
        (_verdicts if claim.pair_id is not None else ranking.buttons)(claim)


def _verdicts(claim: Claim) -> None:
    lease = claim.lease_id
    with st.form(f"form-{lease}", border=False, enter_to_submit=False):
        with st.container(horizontal=True, gap="small", key=f"row-{lease}"):
            for one in SCALE:
                st.form_submit_button(
                    one.label,
                    key=f"v{one}-{lease}",
                    shortcut=str(one).upper(),
                    width="stretch",
                    on_click=_decide,
                    args=(claim, one),
                )
        kept = bool(screen().kept_text or screen().kept_reasons)
        with st.expander(
            "Add a reason :gray[A]",
            expanded=kept or bool(page.settings().principles),
            key=f"reason-{lease}",
        ):
            st.pills(
                "What decided it",
                REASONS,
                default=screen().kept_reasons,
                selection_mode="multi",
                key=f"pills-{lease}",
            )
            for name in page.settings().principles:
                st.segmented_control(
                    name.replace("-", " ").capitalize(),
                    _BY_PRINCIPLE,
                    format_func=lambda one: one.label,
                    key=f"by-{name}-{lease}",
                )
            st.text_area(
                "In your own words (Esc, then a key, answers with it)",
                value=screen().kept_text,
                key=f"text-{lease}",
                height=80,
                max_chars=5000,
            )


def _typed(lease_id: str) -> tuple[str, tuple[str, ...]]:
    text = str(st.session_state.get(f"text-{lease_id}") or "")
    return text, tuple(st.session_state.get(f"pills-{lease_id}") or ())


def _by_principle(lease_id: str) -> dict[str, Verdict]:
    given = {
        name: st.session_state.get(f"by-{name}-{lease_id}") for name in page.settings().principles
    }
    return {name: said for name, said in given.items() if said is not None}


def _decide(claim: Claim, given: Verdict) -> None:
    now = screen()
    text, reasons = _typed(claim.lease_id)
    said = answer(
        given,
        b_first=claim.b_first,
        rationale=text,
        reasons=reasons,
        principles=_by_principle(claim.lease_id),
    )
    try:
        decision = deciding.decide(
            page.database(), claim.lease_id, page.person().id, said, page.settings()
        )
    except TooSoon as error:
        now.notice = str(error)
    except LeaseLost as error:
        now.lose(claim, str(error), text, reasons)
    except Unavailable:
        now.notice = "The database did not answer, so this is not stored; answer again."
        now.kept_text, now.kept_reasons = text, reasons
    except TiebreakError as error:
        now.notice, now.kept_text, now.kept_reasons = str(error), text, reasons
    else:
        if decision.repeated:
            if (said.choice, said.strength) != (decision.choice, decision.strength):
                now.notice = (
                    f"You had answered the pair before with “{_said(decision)}”, in another window "
                    "perhaps; that stands, and this answer was not stored."
                )
            return
        now.stored(decision)


def _choices(
    title: str,
    options: tuple[tuple[str, str], ...],
    act: Callable[[Claim, str], None],
    claim: Claim,
) -> None:
    st.html(render("app.views/label.html.j2", title=title, note=""))
    with st.container(horizontal=True, gap="small"):
        for label, key in options:
            st.button(
                label,
                key=f"{label}-{claim.lease_id}",
                shortcut=key,
                width="stretch",
                on_click=act,
                args=(claim, label),
            )
        st.button(
            "Back",
            key=f"back-{claim.lease_id}",
            shortcut="B",
            on_click=_to,
            args=("work",),
            type="tertiary",
        )


def _skip(claim: Claim, reason: str) -> None:
    _attempt(lambda: queue.skip(page.database(), claim.lease_id, page.person().id, reason))


def _flag(claim: Claim, kind: str) -> None:
    def both() -> None:
        service.flag(page.database(), claim.lease_id, page.person().id, kind.lower())
        queue.skip(page.database(), claim.lease_id, page.person().id, f"flagged: {kind.lower()}")

    _attempt(both)


def _undo() -> None:
    def back() -> None:
        claim = deciding.undo(page.database(), page.person().id, page.settings())
        if claim is None:
            screen().notice = "There is no answer of yours to take back."
        screen().last = latest()

    _attempt(back)


def _attempt(act: Callable[[], object]) -> None:
    now = screen()
    now.mode = "work"
    try:
        act()
    except TiebreakError as error:
        now.notice = str(error)


def _to(mode: str) -> None:
    screen().mode = mode


def _view(name: str) -> None:
    now = screen()
    now.view = "Text" if now.view == name else name


def _toggle(name: str) -> None:
    setattr(screen(), name, not getattr(screen(), name))


def _tools(claim: Claim) -> None:
    now, lease = screen(), claim.lease_id
    with st.container(horizontal=True, gap="small", key="tools"):
        if now.mode == "work":
            _tool("Undo", "U", f"undo-{lease}", _undo)
            _tool("Skip", "S", f"skip-{lease}", _to, "skip")
            _tool("Flag", "F", f"flag-{lease}", _to, "flag")
        if claim.pair_id is not None:
            _tool("Diff" if now.view != "Diff" else "Text", "D", f"diff-{lease}", _view, "Diff")
        if now.mode == "work":
            _tool("Raw" if now.view != "Raw" else "Text", "W", f"raw-{lease}", _view, "Raw")
        if now.last is not None and now.mode == "work":
            _tool("What the panel said", "V", f"reveal-{lease}", _to, "reveal")
        _tool("Guideline", "G", f"guide-{lease}", _toggle, "guideline")
        _tool("Help", "H", f"help-{lease}", _toggle, "help")
    if now.help:
        _help()


def _tool(label: str, key: str, name: str, act: Callable[..., None], *args: str) -> None:
    st.button(label, key=name, shortcut=key, on_click=act, args=args, type="tertiary")


def _help() -> None:
    with st.container(border=True):
        st.markdown(
            "**1 to 5** answer from *1 is much better* to *2 is much better*, **0** both bad, "
            "**X** cannot judge.  \n"
            "Several responses are put in order: the number of the best, then of the next best, "
            "**T** before an equal, **Z** one back, **Enter** stores it.  \n"
            "**U** take the last answer back, **S** hand on, **F** warn, **D** what differs, "
            "**W** raw text, **V** what the panel said about your last pair, **G** guideline.  \n"
            "**A** add a reason. In a text box, **Esc** brings the keys back; what you "
            "typed is sent with your answer."
        )


def _progress() -> None:
    mine = service.today_of(page.database(), page.person().id, since=page.day_began())
    goal = page.settings().session_goal
    pace = f"{mine.median_seconds:.0f} s each" if mine.median_seconds else "no pace yet"
    st.html(
        render(
            "app.views/today.html.j2",
            answers=mine.answers,
            share=mine.answers % goal / goal,
            waiting=_waiting(),
            pace=pace,
        )
    )


@st.cache_data(ttl=10, show_spinner=False)
def _waiting() -> int:
    return service.waiting(page.database())


def _own_figures(annotator_id: int) -> service.OwnFigures:
    return service.own_standing(
        page.database(), annotator_id, page.settings(), today=page.day_began()
    )


@st.fragment
def _watch(claim: Claim, math: dict[str, str]) -> None:
    """Renew the lease while somebody works; a lost one is said at once."""
    expires = st.session_state.get("until", {}).get(claim.lease_id, claim.expires_at)
    beat = texts.attend(
        f"attend-{claim.lease_id}",
        math=math,
        expires=expires.isoformat(),
        idle=page.settings().idle_seconds,
    )
    if beat is None:
        return
    try:
        until = queue.renew(
            page.database(),
            claim.lease_id,
            page.person().id,
            page.settings(),
            active_seconds=beat.seconds,
        )
        st.session_state["until"] = {claim.lease_id: until}
    except LeaseLost as error:
        now = screen()
        if now.mode in ("work", "skip", "flag"):
            reasons = tuple(one for one in beat.reasons if one in REASONS)
            now.lose(claim, str(error), beat.text, reasons)
            st.rerun()


def _lost(claim: Claim) -> None:
    now = screen()
    page.notice(
        "This pair is no longer yours",
        now.notice or "Its time was over and nothing was stored.",
        what_to_do="Take it again if it is still free, or go on. What you typed is kept below.",
    )
    if now.kept_reasons:
        st.text(", ".join(now.kept_reasons))
    if now.kept_text:
        st.code(now.kept_text, language=None, wrap_lines=True)
    with st.container(horizontal=True):
        st.button("Take it again", key="retake", shortcut="A", on_click=_retake, args=(claim,))
        st.button("Next pair", key="next", shortcut="N", on_click=_next)


def _retake(claim: Claim) -> None:
    now = screen()
    try:
        again = queue.reclaim(page.database(), claim.lease_id, page.person().id, page.settings())
    except NotAllowed as error:
        now.notice = str(error)
        return
    if again is None:
        now.notice = "Somebody else has answered or holds it meanwhile; take the next pair."
        return
    now.mode, now.lost, now.notice = "work", None, None


def _next() -> None:
    now = screen()
    now.mode, now.lost, now.notice = "work", None, None
    now.kept_text, now.kept_reasons = "", ()


def _why(decision: Decision) -> None:
    """The reason, asked for after the answer is stored and before the reveal."""
    item = service.answered_item(page.database(), decision.lease_id, page.person().id)
    place = f"w{decision.lease_id[:7]}"
    math = texts.conversation(item, place) | texts.responses(item, place, "Text")
    with (
        st.container(key="verdict"),
        st.form(f"why-{decision.review_id}", border=False, enter_to_submit=False),
    ):
        st.pills(
            f"Your answer “{_said(decision)}” is stored. What decided it?",
            REASONS,
            selection_mode="multi",
            key=f"whyp-{decision.review_id}",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_area(
                "In your own words",
                key=f"whyt-{decision.review_id}",
                height=70,
                label_visibility="collapsed",
                placeholder="In your own words, if you like (press A to type)",
            )
            st.form_submit_button(
                "Send", type="primary", shortcut="Ctrl+Enter", on_click=_explain, args=(decision,)
            )
    texts.attend(f"why-attend-{decision.review_id}", math=math, expires="", idle=0)


def _explain(decision: Decision) -> None:
    text = st.session_state.get(f"whyt-{decision.review_id}")
    reasons = st.session_state.get(f"whyp-{decision.review_id}") or ()
    _attempt(
        lambda: deciding.explain(
            page.database(), decision.review_id, page.person().id, text, tuple(reasons)
        )
    )


def _taught(decision: Decision) -> None:
    """What the trusted answer to a practice pair is, and how it compares."""
    item = service.answered_item(page.database(), decision.lease_id, page.person().id)
    place = f"t{decision.lease_id[:7]}"
    math = texts.conversation(item, place) | texts.responses(item, place, screen().view)
    trusted = reveal.in_words(decision.gold, decision.b_first) if decision.gold else "not known"
    same = decision.gold is decision.choice
    words = f"You said “{_said(decision)}”; the trusted answer is “{trusted}”. This was practice."
    with st.container(key="verdict"):
        (st.success if same else st.info)(f"{'The same.' if same else 'Not the same.'} {words}")
        st.button(
            "Next pair",
            key=f"on-{decision.lease_id}",
            shortcut="N",
            on_click=_understood,
            args=(decision,),
            type="primary",
        )
    texts.attend(f"taught-{decision.lease_id}", math=math, expires="", idle=0)


def _understood(decision: Decision) -> None:
    _attempt(lambda: deciding.mark_revealed(page.database(), decision.lease_id, page.person().id))


def _empty() -> None:
    mine = _own_figures(page.person().id)
    page.notice(
        "Nothing waits for you",
        f"You answered {mine.today} pairs today. New ones appear after the next routing, or when "
        "somebody hands one on.",
        what_to_do="Look again in a while; nothing needs to be closed.",
    )
    with st.container(horizontal=True):
        st.button("Look again", key="look", shortcut="L")
        st.button("Undo my last answer", key="undo-empty", shortcut="U", on_click=_undo)
        if screen().last is not None:
            st.button(
                "What the panel said",
                key="reveal-empty",
                shortcut="V",
                on_click=_to,
                args=("reveal",),
            )


if __name__ == "__main__":
    main()
