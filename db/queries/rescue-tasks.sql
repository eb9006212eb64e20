-- Takes the tasks of dead nodes back.
select * from postrider.rescue_tasks()
