"""The course: what the lessons are, whether they keep their promises, and the pages made of them.

lessons, lesson_text, lesson_files   read a lesson's script without running it
promise, judge                       compare what it printed with what it promised
runner, script, notes, tours         run it
signpost, renumbered                 which one comes next, and what an old number is today
restore                              what the learner has changed, taken back
record, chapters, readme_index, index    recorded runs, the chapters, the lists of lessons
lesson_page, snippets, lesson_list   the page of a lesson, and the lines to copy on it
markdown                             headings, anchors and links of a page
"""
