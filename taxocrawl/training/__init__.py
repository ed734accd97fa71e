"""From labelled texts to a model folder."""
