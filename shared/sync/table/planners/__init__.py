"""One planner for each action of a run. `planning` chooses; `proposal` says what a planner is."""
