"""nbgrader's settings for the course; it reads this file in the folder that it is called in."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on busy cores can be far slower than one

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.CourseDirectory.course_id = "cmgsd-lite"
c.ClearSolutions.code_stub = {"python": "...  # your code"}
c.Execute.timeout = 120  # seconds a cell; an answer that never ends has no points
