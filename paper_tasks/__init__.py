"""From a paper's title and abstract to its tasks: label, prepare, train, export, evaluate, tag."""
