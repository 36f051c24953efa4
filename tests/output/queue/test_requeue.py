from __future__ import annotations

from output.db.transaction import writing
from output.queue.requeue import HOSTS_BACK, Passing, Requeue
from output.queue.rows import Queue
from output.write.archive import Archive


def left(archive, make, count, state="failed", reason="host_failing:http_503", host="a.test"):
    found = [make.found(f"http://{host}/{reason}{n}", state=state, reason=reason) for n in range(count)]
    Queue(archive.db).add_seeds(found)


def states(archive):
    return dict(archive.db.execute("SELECT state, count(*) FROM urls GROUP BY state").fetchall())


def test_it_goes_on_step_by_step(archive, make):
    left(archive, make, 7)
    left(archive, make, 5, reason="dns")
    left(archive, make, 3, reason="http_404")
    again = Requeue(archive.db, HOSTS_BACK)
    steps = []
    while again.more:
        steps.append(again.step(4))
    assert (max(steps), sum(steps)) == (4, 12)
    assert states(archive) == {"queued": 12, "failed": 3}


def test_what_fails_again_meanwhile_stays_failed(archive, make):
    left(archive, make, 6)
    again = Requeue(archive.db, HOSTS_BACK)
    again.step(2)
    with writing(archive.db):
        archive.db.execute("UPDATE urls SET state = 'failed', reason = 'host_failing:http_503'")
    left(archive, make, 2, host="new.test")
    while again.more:
        again.step(2)
    assert states(archive) == {"queued": 4, "failed": 4}


def test_a_killed_run_leaves_the_rest_to_the_next(file, make):
    with Archive.open(file) as archive:
        left(archive, make, 6)
        Requeue(archive.db, HOSTS_BACK).step(2)
    with Archive.open(file) as archive:
        assert archive.requeue(HOSTS_BACK) == 4


def test_a_port_comes_back_alone(archive, make):
    for host in ("a.test:8080", "a.test:80801", "b.test:8080", "a.test:9000"):
        left(archive, make, 1, state="skipped", reason="port", host=host)
    archive.requeue([Passing("skipped", "port", 8080)])
    queued = archive.db.execute("SELECT host FROM urls WHERE state = 'queued' ORDER BY 1").fetchall()
    assert queued == [("a.test:8080",), ("b.test:8080",)]


def test_the_queue_is_not_at_its_end_while_more_is_coming(archive, make):
    left(archive, make, 3)
    queue = Queue(archive.db)
    again = Requeue(archive.db, HOSTS_BACK)
    queue.more_coming = lambda: again.more
    assert not queue.is_empty()
    again.drop()
    assert queue.is_empty()
