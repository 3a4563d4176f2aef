"""The course: what the lessons are, whether they keep their promises, and the pages made of them.

lessons, lesson_text, lesson_files   read a lesson's script without running it
promise, judge                       compare what it printed with what it promised
runner, script, notes, tours         run it
changes, restore                     what the learner has changed
record, chapters, readme_index, titles, index    recorded runs, and the pages
"""
