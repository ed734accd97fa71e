"""A taxonomy of its own: six hobbies in two groups, known by a handful of words each."""

from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.taxonomies.tree import Node, NodeTexts, Taxonomy

HOBBIES = {
    "Making": {
        "Baking": ("sourdough", "cake", "oven"),
        "Pottery": ("clay", "kiln", "glaze"),
        "Woodwork": ("oak", "chisel", "workbench"),
    },
    "Outdoors": {
        "Gardening": ("roses", "compost", "seeds"),
        "Fishing": ("trout", "angler", "rod"),
        "Birdwatching": ("binoculars", "owl", "heron"),
    },
}


def hobbies(resources):
    nodes, texts = [], {}
    for group, below in HOBBIES.items():
        nodes.append(Node(id=group.lower(), parent_id=None, name=group, tier=1))
        for name, keywords in below.items():
            node = Node(id=name.lower(), parent_id=group.lower(), name=name, tier=2)
            nodes.append(node)
            texts[node.id] = NodeTexts(keywords={"en": keywords})
    return Taxonomy("hobbies", nodes, title="Hobbies", texts=texts)


@hookimpl
def register_taxonomies():
    return {"hobbies": hobbies}
