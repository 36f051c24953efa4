"""What most people ask of a file is one statement each on public names, and finds something in a file that has it."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.internal_tables import LINKS
from tests.output.harbour import fill_harbour

_PAGE = Path(__file__).parents[3] / "docs/schema.md"
_BLOCK = _PAGE.read_text("utf-8").partition("What most people ask")[2].partition("```sql\n")[2].partition("```")[0]
QUESTIONS = dict(re.findall(r"^-- ([^\n]*)\n(.*?);$", _BLOCK, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    file = tmp_path_factory.mktemp("harbour") / "a.db"
    fill_harbour(file)
    with closing(sqlite3.connect(file)) as filled, filled:  # no article of the harbour links to another
        filled.execute(f"""INSERT INTO {LINKS} (page_id, position, url, anchor)
            SELECT min(page_id), 90, (SELECT url FROM articles ORDER BY page_id DESC), 'see there' FROM articles""")
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
    yield connection
    connection.close()


def test_the_usual_questions_are_all_there():
    words = "month author tag text versions removed missing raw languages same links pictures kept".split()
    assert [word for word in words if not any(word in question for question in QUESTIONS)] == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_usual_question_names_nothing_internal_and_has_an_answer(db, question):
    statement = QUESTIONS[question]
    assert not re.search(r"(?<![\w.])_\w", statement)
    assert db.execute(statement).fetchall() != []


def test_answers_are_those_of_the_articles(db):
    (articles,) = db.execute("SELECT count(*) FROM articles").fetchone()
    months = db.execute(next(sql for question, sql in QUESTIONS.items() if "month" in question)).fetchall()
    languages = db.execute(next(sql for question, sql in QUESTIONS.items() if question == "languages")).fetchall()
    assert sum(count for _, count in months) == sum(count for _, count in languages) == articles
    kept = db.execute(next(sql for question, sql in QUESTIONS.items() if "kept" in question)).fetchall()
    texts = dict(db.execute("SELECT url, text FROM articles").fetchall())
    assert all(text in texts[url] for url, _, _, text in kept if url in texts)
