"""For a class: slides and an nbgrader course made from the pages, grading without nbgrader, and a hub.

`assignment` turns a stored page into what a teacher keeps, `release` that into what students get, `build` writes a
whole course of them; `hidden` is what the hidden tests call. nbgrader itself is not needed here.
`grade` gives marks for the notebooks that come back: `collected` finds the files, and whose each is; `submission` finds
the answers in a file, whatever has become of it; `needs` takes from the file the statements on which an answer rests;
`runner` has `worker` run them in a process of its own. `report` writes the marks down, `gradebook` a line for each
student, `feedback` pages for students. `tasks` says which exercises there are. `slides` has a room of its own.
For a hub, `prepare` makes once what all users of an environment share; `load_test` lets some `student`s work at once.
"""
