"""One turn of a dialogue: words or an edit in; the new state, a list and an answer out."""

import math
from dataclasses import asdict, replace

import numpy as np

from api.state import ServingState
from api.turns import Asked, Language, Turn, changed_fields, chosen, pointed_at, spoken_language
from nlu.dialogue import replies
from nlu.dialogue.cues import Cue, named_place, read_cues
from nlu.dialogue.edits import Edit, edited
from nlu.dialogue.session import Dialogue, Dialogues, Narrowing, OpenOption, OpenQuestion
from nlu.dialogue.state import after_turn
from nlu.grammar.kinds import attribute_kind
from ranking.ask import Ask
from ranking.catalogue import ATTRIBUTE, BRAND, CATEGORY
from ranking.clarify import ClarifyConfig, clarifying_question, nodes_of_item
from ranking.searching import searched_words
from shopgraph.errors import BadRecord
from shopgraph.types import Filters, ParsedQuery, Recommendation

_TALK = frozenset({"service", "chitchat"})
_N_REASONS = 3


class Conversation:
    """Takes turns over one serving state."""

    def __init__(self, serving: ServingState, config: ClarifyConfig) -> None:
        self._serving, self._config = serving, config
        self._catalogue = serving.engine.catalogue

    def turn(self, dialogue: Dialogue, asked: Asked) -> Turn:
        """The turn after the dialogue as it stands.

        Raises:
            BadRecord: an option is chosen that was not offered.
        """
        text = asked.text
        if text is None:
            return self._edit_turn(dialogue, asked)
        said, vector = self._serving.parser.understand(text)
        tagger: object = self._serving.parser.tagger
        if vector is not None and tagger is self._serving.encoder:
            asked = replace(asked, vector=vector)  # of these words no second pass is needed
        cues, place = read_cues(text), named_place(text)
        moved = self._moved(dialogue, said, cues)
        language = dialogue.language or spoken_language(moved.state.query)
        item_id = pointed_at(dialogue, place)
        if said.intent in _TALK and not cues and place is None:
            return Turn(moved, (), replies.small_talk(said.intent, language), None)
        if place is not None and item_id is None and not said.category:
            return Turn(moved, (), replies.nothing_shown(language), None)
        turn = self._follow_up(dialogue, moved, said, cues, item_id, asked, language)
        if turn is None:
            turn = self._list_turn(dialogue, moved, asked, language, said)
        return turn

    def _moved(self, dialogue: Dialogue, said: ParsedQuery, cues: frozenset[Cue]) -> Dialogue:
        """The dialogue with the words taken in: slots, and what narrows beside them."""
        state = after_turn(dialogue.state, said, attribute_kind, self._serving.parser.shop)
        fresh = "restart" in cues
        narrowing = Narrowing() if fresh else dialogue.narrowing
        if said.price_min is not None or said.price_max is not None or "waive_price" in cues or said.category:
            narrowing = replace(narrowing, below=None, above=None)
        if said.category or said.item:
            model = said.item[0].node_id if said.item and said.intent == "find_similar" else None
            narrowing = replace(narrowing, similar_to=model)
        state = replace(state, query=replace(state.query, item=said.item))  # an item is meant for one turn
        return replace(
            dialogue,
            state=state,
            narrowing=narrowing,
            question=None,
            asked=() if fresh else dialogue.asked,
            focus=None if fresh else dialogue.focus,
        )

    def _follow_up(
        self,
        before: Dialogue,
        moved: Dialogue,
        said: ParsedQuery,
        cues: frozenset[Cue],
        item_id: str | None,
        asked: Asked,
        language: Language,
    ) -> Turn | None:
        """A turn that speaks of what was shown; None where it is a search of its own."""
        spoken_of = item_id or before.focus or next(iter(before.state.shown), None)
        priced = said.price_min is not None or said.price_max is not None
        if "why" in cues and spoken_of is not None:
            return self._about(before, moved, spoken_of, asked, language, why=True)
        if ("cheaper" in cues or "dearer" in cues) and before.state.shown and not priced:
            moved = self._repriced(before, moved, "cheaper" in cues, item_id)
            return self._list_turn(before, moved, asked, language, said)
        if (
            ("similar" in cues or said.intent == "find_similar")
            and spoken_of
            and not (said.item or said.brand)
        ):
            narrowing = replace(moved.narrowing, similar_to=spoken_of)
            return self._list_turn(before, replace(moved, narrowing=narrowing), asked, language, said)
        if "more" in cues and before.cursor is not None:
            return self._more(before, moved, asked, language)
        if "more" in cues and before.state.shown:
            kept = replace(moved, state=before.state)
            return Turn(kept, (), replies.no_more(language), None)
        asks = said.intent == "ask_about_item" and not (said.category or said.item)
        if item_id is not None or (asks and spoken_of is not None):
            return self._about(before, moved, item_id or spoken_of or "", asked, language)
        return None

    def _about(
        self,
        before: Dialogue,
        moved: Dialogue,
        item_id: str,
        asked: Asked,
        language: Language,
        why: bool = False,
    ) -> Turn:
        """One item: what it is or why it is there. The list that was shown stays the one pointed into."""
        if not self._catalogue.knows(item_id):
            return Turn(moved, (), replies.nothing_shown(language), None)
        ask = self._ask(before, before.listed or before.state.query, asked, language)
        wide = Filters(include_bought=True)
        found = self._serving.engine.answer(replace(ask, n=1, filters=wide, candidate_ids=(item_id,)))
        title = self._catalogue.title(item_id, language)
        if why:
            told = [reason.text for item in found.items for reason in item.reasons if reason.text]
            answer = replies.item_reasons(title, list(dict.fromkeys(told)), language)
        else:
            answer = self._facts(item_id, title, language)
        kept = replace(moved, focus=item_id, question=before.question)
        return Turn(kept, changed_fields(before, kept), answer, found)

    def _facts(self, item_id: str, title: str, language: Language) -> str:
        row = self._catalogue.item_idx(item_id)
        names = [
            name
            for label in (BRAND, CATEGORY, ATTRIBUTE)
            if label in self._catalogue.nodes
            for name in nodes_of_item(row, label, self._catalogue, language)
        ]
        return replies.item_facts(title, self._price(item_id), names, language)

    def _repriced(self, before: Dialogue, moved: Dialogue, cheaper: bool, item_id: str | None) -> Dialogue:
        """Bounded by the item that is pointed at, else by the middle price of the items shown."""
        shown = before.state.shown if item_id is None else (item_id,)
        prices = [price for shown_id in shown if (price := self._price(shown_id)) is not None]
        if not prices:
            return moved
        middle = float(np.median(prices))
        narrowing = moved.narrowing
        bounded = replace(narrowing, below=middle) if cheaper else replace(narrowing, above=middle)
        return replace(moved, narrowing=bounded)

    def _price(self, item_id: str) -> float | None:
        if not self._catalogue.knows(item_id):
            return None
        price = round(float(self._catalogue.items.price[self._catalogue.item_idx(item_id)]), 2)
        return price if math.isfinite(price) else None

    def _more(self, before: Dialogue, moved: Dialogue, asked: Asked, language: Language) -> Turn:
        """The next page of the list as it stood; anew where the model has changed meanwhile."""
        kept = replace(moved, state=before.state)
        query = before.listed or before.state.query
        ask = replace(self._ask(before, query, asked, language), cursor=before.cursor)
        try:
            found = self._serving.engine.answer(ask)
        except BadRecord:
            found = self._serving.engine.answer(replace(ask, cursor=None))
        return self._shown(before, kept, query, found, replies.found_items(len(found.items), language))

    def _edit_turn(self, dialogue: Dialogue, asked: Asked) -> Turn:
        edit = asked.edit or Edit()
        if asked.option is not None:
            edit = chosen(dialogue.question, asked.option)
        query = edited(dialogue.state.query, edit)
        narrowing = dialogue.narrowing
        if "price" in asked.widen or {"price_min", "price_max"} & set(edit.values.given):
            narrowing = replace(narrowing, below=None, above=None)
        if "similar" in asked.widen:
            narrowing = replace(narrowing, similar_to=None)
        if query.intent in _TALK or query.intent == "ask_about_item":
            query = replace(query, intent="find_items")
        state = replace(dialogue.state, query=query)
        moved = replace(dialogue, state=state, narrowing=narrowing, question=None)
        return self._list_turn(dialogue, moved, asked, dialogue.language or spoken_language(query), None)

    def _list_turn(
        self, before: Dialogue, moved: Dialogue, asked: Asked, language: Language, said: ParsedQuery | None
    ) -> Turn:
        """A new list, with a question where its items split on one slot."""
        ask = self._ask(moved, moved.state.query, asked, language)
        found = self._serving.engine.answer(ask)
        question = self._question(moved, ask, language)
        narrowing, told = moved.narrowing, []
        if said is not None and said.missing:
            told.append(replies.absent([missing.text for missing in said.missing], language))
        if narrowing.similar_to is not None and self._catalogue.knows(narrowing.similar_to):
            title = self._catalogue.title(narrowing.similar_to, language)
            told.append(replies.similar_items(title, language))
        told.append(replies.found_items(len(found.items), language))
        if narrowing.below is not None or narrowing.above is not None:
            told.append(replies.found_price(narrowing.below, narrowing.above, language))
        told += [relaxed.sentence for relaxed in found.relaxed]
        if question is not None:
            moved = replace(moved, question=question, asked=(*moved.asked, question.slot))
        return self._shown(
            before, moved, moved.state.query, found, ("" if language == "zh" else " ").join(told)
        )

    def _shown(
        self, before: Dialogue, moved: Dialogue, query: ParsedQuery, found: Recommendation, answer: str
    ) -> Turn:
        shown = tuple(item.item_id for item in found.items)
        after = replace(
            moved,
            state=replace(moved.state, shown=shown),
            listed=query,
            cursor=found.next_cursor,
            focus=None,
            recommendation_id=found.recommendation_id,
        )
        return Turn(after, changed_fields(before, after), answer, found)

    def _question(self, dialogue: Dialogue, ask: Ask, language: Language) -> OpenQuestion | None:
        query = dialogue.state.query
        if query.intent != "find_items" or dialogue.narrowing.similar_to is not None:
            return None
        wide = self._serving.engine.answer(replace(ask, n=self._config.n_candidates, reasons=0))
        rows = self._catalogue.known_items(item.item_id for item in wide.items)
        narrowing = dialogue.narrowing
        bounded = narrowing.below is not None or narrowing.above is not None
        asked = {*dialogue.asked, "price"} if bounded else set(dialogue.asked)
        found = clarifying_question(rows, query, self._catalogue, self._config, language, asked)
        if found is None:
            return None
        options = tuple(OpenOption(**asdict(option)) for option in found.options)
        text = replies.question(found.slot, options, language)
        return OpenQuestion(found.slot, found.field, text, found.gain_bits, options)

    def _ask(self, dialogue: Dialogue, query: ParsedQuery, asked: Asked, language: Language) -> Ask:
        """The state as a question to the engine."""
        narrowing = dialogue.narrowing
        similar_to = narrowing.similar_to
        if similar_to is not None and not self._catalogue.knows(similar_to):
            similar_to = None
        words = searched_words(query)
        vector = asked.vector if words == asked.text else None
        if vector is None and self._serving.encoder is not None and words:
            vector = self._serving.encoder.encode([words], "query")[0]
        below, above = narrowing.below, narrowing.above
        filters = Filters(
            price_max=None if below is None else _next_price(below, -math.inf),
            price_min=None if above is None else _next_price(above, math.inf),
        )
        return Ask(
            now=asked.now,
            user_id=dialogue.user_id,
            n=asked.n,
            filters=filters,
            reasons=_N_REASONS,
            language=language,
            parsed=query,
            query_vector=vector,
            similar_to=similar_to,
        )


def _next_price(price: float, towards: float) -> float:
    """The nearest other price, of those that a catalogue can hold: they are of 32 bits."""
    return float(np.nextafter(np.float32(price), np.float32(towards)))


def take(
    conversation: Conversation, dialogues: Dialogues, dialogue_id: str, asked: Asked, after: int | None = None
) -> Turn:
    """One turn of a kept dialogue."""
    taken: list[Turn] = []

    def step(dialogue: Dialogue) -> Dialogue:
        taken.append(conversation.turn(dialogue, asked))
        return taken[-1].dialogue

    moved = dialogues.advance(dialogue_id, step, asked.now, after)
    last = taken[-1]
    return Turn(moved, last.changed, last.answer, last.list)
