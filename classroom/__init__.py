"""What a teacher hands out, shows and grades: two zips, slides and a source tree for nbgrader."""
