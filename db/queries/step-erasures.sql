-- Makes a step of an erasure that is due: the index erasures_running.
select postrider.step_erasures()
