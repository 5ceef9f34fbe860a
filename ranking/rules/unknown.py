"""What a rule names that the shop or the model does not have."""

from collections.abc import Collection, Iterator

from gnn.linear.bans import PathType
from ranking.catalogue import ATTRIBUTE, BRAND, CATEGORY, Catalogue
from ranking.rules.schema import BanEntity, BanPath, BanRelation, Cap, Pin, Rule, Single, Target
from shopgraph.types import ITEM, PathEdge

_SHOWN = 5


def unknown_to_shop(rule: Rule, catalogue: Catalogue) -> list[str]:
    """Nodes that the rule names and the catalogue lacks, up to five, each once."""
    named = (node for effect in rule.effects for node in _nodes_of(effect))
    missing = (
        f"{label} {node_id!r}"
        for label, node_id in dict.fromkeys(named)
        if label not in catalogue.nodes or node_id not in catalogue.nodes[label].index
    )
    return [text for _, text in zip(range(_SHOWN), missing, strict=False)]


def unknown_to_model(rule: Rule, relations: Collection[str], paths: Collection[PathType]) -> list[str]:
    """Relations and kinds of path that the rule bans and no graph model has."""
    found = []
    for effect in rule.effects:
        if isinstance(effect, BanRelation) and effect.relation not in relations:
            found.append(f"relation {effect.relation}")
        if isinstance(effect, BanPath):
            steps = tuple(PathEdge(step.relation, step.forward) for step in effect.path)
            if steps not in paths:
                arrows = (f"–{x.relation}→" if x.forward else f"←{x.relation}–" for x in steps)
                found.append(f"path {' '.join(arrows)}")
    return found


def _nodes_of(effect: Single) -> Iterator[tuple[str, str]]:
    match effect:
        case Pin():
            yield ITEM, effect.item_id
        case BanEntity():
            yield effect.label, effect.entity_id
        case Cap():
            label = BRAND if effect.by == "brand" else CATEGORY
            yield from ((label, node_id) for node_id in effect.ids)
        case BanRelation() | BanPath():
            return
        case _:
            yield from _nodes_of_target(effect.target)


def _nodes_of_target(target: Target) -> Iterator[tuple[str, str]]:
    for label, ids in (
        (ITEM, target.item_ids),
        (BRAND, target.brand_ids),
        (CATEGORY, target.category_ids),
        (ATTRIBUTE, target.attribute_ids),
    ):
        yield from ((label, node_id) for node_id in ids)
