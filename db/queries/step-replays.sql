-- Makes a step of a replay that is due: the index replays_running.
select postrider.step_replays()
